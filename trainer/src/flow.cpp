// SPDX-License-Identifier: MIT
#include "flow.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/grid_sampler.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include "adainstyle/error.h"
#include "file_io.h"
#include "validation.h"

namespace adainstyle {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFlowBytes = std::size_t{1} << 30;
constexpr char kFlowTag[4] = {'P', 'I', 'E', 'H'};

// The frame number at the end of a file's stem, or -1.
int frame_number(const fs::path& path) {
  const std::string stem = path.stem().string();
  const std::size_t last = stem.find_last_not_of("0123456789");
  const std::string digits = last == std::string::npos ? stem : stem.substr(last + 1);
  return digits.empty() || digits.size() > 9 ? -1 : std::stoi(digits);
}

// bool [H, W]: where a mask picture is black.
at::Tensor black(const std::string& path) { return load_picture(path, 0)[0].amax(0) < 0.5; }

double squared_error(const at::Tensor& first, const at::Tensor& second, const at::Tensor& flow, const at::Tensor& valid,
                     double* count) {
  const std::int64_t height = flow.size(1), width = flow.size(2);
  const at::Tensor x = at::arange(width, at::kFloat).view({1, width}) + flow[0];
  const at::Tensor y = at::arange(height, at::kFloat).view({height, 1}) + flow[1];
  const at::Tensor inside = valid & (x >= 0.0) & (x <= width - 1.0) & (y >= 0.0) & (y <= height - 1.0);
  const at::Tensor grid = at::stack({x * (2.0 / (width - 1.0)) - 1.0, y * (2.0 / (height - 1.0)) - 1.0}, -1).unsqueeze(0);
  const at::Tensor fetched = at::grid_sampler(second, grid, /*bilinear*/ 0, /*border*/ 1, /*align_corners=*/true);
  *count = inside.sum().item<double>() * 3.0;
  // Where the flow is unknown (not a number) nothing was fetched that could be multiplied by zero.
  const at::Tensor squared = (first - fetched).square().sum(1)[0];
  return at::where(inside, squared, at::zeros_like(squared)).sum().item<double>();
}

}  // namespace

at::Tensor read_flow(const std::string& path) {
  const std::vector<std::uint8_t> bytes = read_file(path, kMaxFlowBytes);
  std::int32_t size[2] = {0, 0};
  if (bytes.size() >= 12) std::memcpy(size, bytes.data() + 4, sizeof size);
  const bool plausible = size[0] > 0 && size[1] > 0 && size[0] <= 1 << 16 && size[1] <= 1 << 16;
  if (bytes.size() < 12 || std::memcmp(bytes.data(), kFlowTag, 4) != 0 || !plausible ||
      bytes.size() != 12 + std::size_t{8} * size[0] * size[1]) {
    throw Error(ErrorCode::kUnreadable, path + " is not a whole Middlebury .flo file (PIEH, width, height, two floats a pixel).");
  }
  std::vector<float> values(std::size_t{2} * size[0] * size[1]);
  std::memcpy(values.data(), bytes.data() + 12, values.size() * sizeof(float));
  return at::from_blob(values.data(), {size[1], size[0], 2}, at::kFloat).permute({2, 0, 1}).contiguous();
}

std::vector<FlowPair> find_flow_pairs(const std::string& folder) {
  std::map<int, std::string> frames, flows, occlusions, invalids;
  std::error_code error;
  for (const fs::directory_entry& file : fs::recursive_directory_iterator(folder, error)) {
    const int number = frame_number(file.path());
    if (number < 0 || !file.is_regular_file()) continue;
    const std::string below = file.path().parent_path().lexically_relative(folder).string();
    if (file.path().extension() == ".flo") flows[number] = file.path().string();
    if (file.path().extension() != ".png") continue;
    if (below.find("occlusion") != std::string::npos) {
      occlusions[number] = file.path().string();
    } else if (below.find("invalid") != std::string::npos) {
      invalids[number] = file.path().string();
    } else if (below == ".") {
      frames[number] = file.path().string();
    }
  }
  std::vector<FlowPair> found;
  for (const auto& [number, flow] : flows) {
    if (frames.count(number) == 0 || frames.count(number + 1) == 0) continue;
    found.push_back({frames[number], frames[number + 1], flow, occlusions[number], invalids[number]});
  }
  if (error || found.empty()) {
    throw Error(ErrorCode::kNotFound,
                "The folder " + folder + " holds no two frames (frame_NNNN.png) with a flow (frame_NNNN.flo).");
  }
  return found;
}

double warping_error(const at::Tensor& first, const at::Tensor& second, const at::Tensor& flow, const at::Tensor& valid) {
  double count = 0.0;
  const double error = squared_error(first, second, flow, valid, &count);
  return count > 0.0 ? std::sqrt(error / count) : 0.0;
}

WarpingError measure_warping(const std::vector<FlowPair>& pairs, const Stylize& stylize, const at::Tensor& style) {
  const at::NoGradGuard no_grad;
  double input = 0.0, output = 0.0, counted = 0.0;
  for (const FlowPair& pair : pairs) {
    const at::Tensor first = load_picture(pair.first, 0), second = load_picture(pair.second, 0);
    const at::Tensor flow = read_flow(pair.flow);
    if (first.sizes() != second.sizes() || first.size(2) != flow.size(1) || first.size(3) != flow.size(2)) {
      throw Error(ErrorCode::kSettings, pair.flow + " does not have the size of its two frames.");
    }
    at::Tensor valid = at::ones({flow.size(1), flow.size(2)}, at::kBool);
    if (!pair.occlusion.empty()) valid = valid & black(pair.occlusion);
    if (!pair.invalid.empty()) valid = valid & black(pair.invalid);
    double count = 0.0;
    input += squared_error(first, second, flow, valid, &count);
    output += squared_error(stylize(first, style).clamp(0.0, 1.0), stylize(second, style).clamp(0.0, 1.0), flow, valid, &count);
    counted += count;
  }
  if (counted == 0.0) {
    throw Error(ErrorCode::kSettings, "The masks and flows beside " + pairs.front().flow + " leave no pixel to compare.");
  }
  return {std::sqrt(input / counted), std::sqrt(output / counted), pairs.size()};
}

}  // namespace adainstyle
