// SPDX-License-Identifier: MIT
#include "parameters.h"

#include <algorithm>
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/split_with_sizes.h>
#include <ATen/ops/zeros.h>

#include "adainstyle/error.h"
#include "random.h"

namespace adainstyle {
namespace {

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// Standard deviation of a tensor's random values; 0 for biases.
double initial_deviation(const TensorSpec& spec) {
  if (spec.shape.size() != 4) return 0.0;
  const double fan_in = static_cast<double>(spec.shape[1] * spec.shape[2] * spec.shape[3]);
  return (ends_with(spec.name, ".b.weight") ? 0.1 : 1.0) * std::sqrt(2.0 / fan_in);
}

void fill_random(const TensorSpec& spec, std::uint64_t seed, std::size_t index, float* values, std::int64_t count) {
  Random random({seed, static_cast<std::uint64_t>(Purpose::kInit), index});
  const double deviation = initial_deviation(spec);
  // A uniform distribution of that deviation; its bounds keep single weights from starting far out.
  for (std::int64_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>((2.0 * random.uniform() - 1.0) * std::sqrt(3.0) * deviation);
  }
}

// Copies what fits of a trained tensor; see initialise_from().
void graft(const TensorSpec& spec, const TensorData& trained, float* values) {
  const std::int64_t outputs = std::min(spec.shape[0], trained.shape[0]);
  if (spec.shape.size() == 1) {
    std::copy_n(trained.values.begin(), outputs, values);
    return;
  }
  const std::int64_t inputs = std::min(spec.shape[1], trained.shape[1]);
  const std::int64_t taps = spec.shape[2] * spec.shape[3];
  for (std::int64_t o = 0; o < outputs; ++o) {
    float* row = values + o * spec.shape[1] * taps;
    std::fill_n(row, spec.shape[1] * taps, 0.0f);
    std::copy_n(trained.values.begin() + o * trained.shape[1] * taps, inputs * taps, row);
  }
}

bool same_kind(const TensorSpec& spec, const TensorData& trained) {
  return spec.shape.size() == trained.shape.size() &&
         (spec.shape.size() == 1 || (spec.shape[2] == trained.shape[2] && spec.shape[3] == trained.shape[3]));
}

}  // namespace

Parameters::Parameters(std::vector<TensorSpec> specs, at::Device device) : specs_(std::move(specs)) {
  for (const TensorSpec& spec : specs_) {
    std::int64_t size = 1;
    for (const std::int64_t extent : spec.shape) size *= extent;
    sizes_.push_back(size);
    count_ += size;
  }
  master_ = at::zeros({count_}, at::TensorOptions(at::kFloat).device(device)).requires_grad_(true);
}

std::vector<MatrixView> Parameters::matrices() const {
  std::vector<MatrixView> views;
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < specs_.size(); offset += sizes_[i++]) {
    const std::vector<std::int64_t>& shape = specs_[i].shape;
    if (shape.size() == 4) views.push_back({offset, shape[0], sizes_[i] / shape[0]});
  }
  return views;
}

at::Tensor Parameters::random_values(std::uint64_t seed) const {
  at::Tensor vector = at::empty({count_}, at::kFloat);
  float* values = vector.data_ptr<float>();
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    fill_random(specs_[i], seed, i, values, sizes_[i]);
    values += sizes_[i];
  }
  return vector;
}

void Parameters::initialise(std::uint64_t seed) { master_.detach().copy_(random_values(seed)); }

void Parameters::initialise_from(const std::map<std::string, TensorData>& weights, std::uint64_t seed) {
  at::Tensor vector = random_values(seed);
  float* values = vector.data_ptr<float>();
  int grafted = 0;
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    const auto trained = weights.find(specs_[i].name);
    if (trained != weights.end() && same_kind(specs_[i], trained->second)) {
      graft(specs_[i], trained->second, values);
      ++grafted;
    } else if (ends_with(specs_[i].name, ".b.weight")) {
      std::fill_n(values, sizes_[i], 0.0f);
    }
    values += sizes_[i];
  }
  if (grafted == 0) throw Error(ErrorCode::kSettings, "The model to begin with has no tensor in common with the network to train.");
  master_.detach().copy_(vector);
}

TensorMap Parameters::unpack(const at::Tensor& flat, at::ScalarType dtype) const {
  const std::vector<at::Tensor> parts = at::split_with_sizes(flat.to(dtype), sizes_);
  TensorMap tensors;
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    const at::Tensor tensor = parts[i].view(specs_[i].shape);
    tensors[specs_[i].name] = specs_[i].shape.size() == 4 ? tensor.contiguous(at::MemoryFormat::ChannelsLast) : tensor;
  }
  return tensors;
}

}  // namespace adainstyle
