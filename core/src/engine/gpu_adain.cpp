// SPDX-License-Identifier: MIT
#include "engine/gpu_adain.h"

#include <algorithm>
#include <cstring>

namespace adainstyle {
namespace {

constexpr std::size_t kUnused = ~std::size_t{0};
constexpr std::size_t kFrameFloats = sizeof(FrameNumbers) / sizeof(float);
constexpr int kMostParts = 1024;      // of a measured tensor: some for each of a large GPU's multiprocessors
constexpr int kLeastPartPixels = 64;  // smaller parts would be all adding up

}  // namespace

GpuAdaIN::GpuAdaIN(const GpuModel& model, DeviceQueue& queue)
    : model_(model), plan_(model.plan), queue_(queue), weights_(plan_), style_offsets_(plan_.tap_tensors.size(), kUnused) {
  for (std::size_t tap = 0; tap < style_offsets_.size(); ++tap) {
    if (plan_.tap_tensors[tap] < 0) continue;
    const int channels = stored_channels(plan_.tensors[plan_.tap_tensors[tap]].channels);
    style_offsets_[tap] = style_floats_;
    style_floats_ += 2 * static_cast<std::size_t>(channels);
    widest_ = std::max(widest_, channels);
  }
  for (const AdaINPoint& point : plan_.adains) widest_ = std::max(widest_, stored_channels(plan_.tensors[point.tensor].channels));
  const auto taps = static_cast<std::int64_t>(style_offsets_.size());
  const auto points = static_cast<std::int64_t>(plan_.adains.size());
  host_numbers_.resize(kFrameFloats + 2 * plan_.steps.size() + 2 * style_floats_);
  numbers_ = queue_.empty({static_cast<std::int64_t>(host_numbers_.size())}, at::kFloat);
  partials_ = queue_.empty({partial_floats(widest_, kMostParts, 2)}, at::kFloat);
  sums_ = queue_.empty({2 * 2 * widest_}, at::kDouble);
  content_ = queue_.empty({2 * 2 * widest_}, at::kFloat);
  blended_ = queue_.empty({2 * taps * 2 * widest_}, at::kFloat);
  affine_ = queue_.empty({points * 2 * 2 * widest_}, at::kFloat);
  means_ = queue_.empty({points * widest_}, at::kFloat);
}

// Row `row` of a buffer of rows [columns][widest].
float* GpuAdaIN::vectors(const at::Tensor& buffer, int row, int columns) const {
  return buffer.mutable_data_ptr<float>() + static_cast<std::ptrdiff_t>(row) * columns * widest_;
}

int GpuAdaIN::point_of(int index) const {
  const int tensor = plan_.steps[index].output;
  for (std::size_t point = 0; point < plan_.adains.size(); ++point) {
    if (plan_.adains[point].tensor == tensor) return static_cast<int>(point);
  }
  return -1;
}

int GpuAdaIN::tap_of(int index) const {
  if (!mode_.taps || index >= plan_.encoder_steps) return -1;
  for (std::size_t tap = 0; tap < plan_.tap_tensors.size(); ++tap) {
    if (plan_.tap_tensors[tap] == plan_.steps[index].output) return static_cast<int>(tap);
  }
  return -1;
}

// Means by themselves are not averaged, as no filter sees them.
bool GpuAdaIN::is_smoothed(int index) const {
  const int point = point_of(index);
  return measures(index) && (point < 0 || plan_.adains[point].tap >= 0);
}

bool GpuAdaIN::is_first_smoothed(int index) const {
  for (int before = 0; before < index; ++before) {
    if (is_smoothed(before)) return false;
  }
  return true;
}

int GpuAdaIN::channels_of(int index) const { return plan_.tensors[plan_.steps[index].output].channels; }

void GpuAdaIN::begin(const FrameMode& mode, const GpuNetwork& network, const StyleStatistics& style, const StyleStatistics* outside,
                     float strength, const FrameRegions& regions, const Smoothing& smoothing) {
  mode_ = mode;
  regions_ = regions;
  if (mode.smoothed && !averages_.defined()) make_averages();
  const bool begin_anew = smoothing.begin_anew || !averages_follow_;
  averages_follow_ = mode.smoothed;
  if (mode.masked) follow_mask(regions);

  const FrameNumbers frame{strength, smoothing.share, smoothing.jump, begin_anew ? 1.0f : 0.0f, smoothing.restyled ? 1.0f : 0.0f};
  std::memcpy(host_numbers_.data(), &frame, sizeof frame);
  set_weights(network);
  set_style(0, style);
  if (outside != nullptr) set_style(1, *outside);
  if (sent_numbers_ == host_numbers_) return;
  queue_.upload(host_numbers_.data(), host_numbers_.size() * sizeof(float), numbers_);
  sent_numbers_ = host_numbers_;
}

void GpuAdaIN::make_averages() {
  const auto points = static_cast<std::int64_t>(plan_.adains.size() + plan_.tap_tensors.size());
  averages_ = queue_.empty({points * 2 * 2 * widest_}, at::kFloat);
  generation_ = queue_.empty({1 + points}, at::kInt);
  std::vector<int> none(1 + points, -1);
  none[0] = 0;
  queue_.upload(none.data(), none.size() * sizeof(int), generation_);
}

void GpuAdaIN::set_weights(const GpuNetwork& network) {
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    float* weights = host_numbers_.data() + kFrameFloats + 2 * i;
    const int tensor = plan_.steps[i].output;
    weights[0] = static_cast<float>(network.width_of(tensor)) * static_cast<float>(network.height_of(tensor));
    weights[1] = 0.0f;
    if (!mode_.masked || !measures(static_cast<int>(i))) continue;
    // Of the part that is painted, which need not be the whole frame.
    const RegionWeights::Plane& plane = weights_.plane(static_cast<int>(i));
    const RegionPlane part = plane_of(static_cast<int>(i));
    const float* first = plane.inside.data() + (part.inside - planes_.at(&plane).const_data_ptr<float>());
    double inside = 0.0;
    for (int y = 0; y < network.height_of(tensor); ++y) {
      for (int x = 0; x < network.width_of(tensor); ++x) inside += first[static_cast<std::ptrdiff_t>(y) * plane.width + x];
    }
    weights[1] = static_cast<float>(weights[0] - inside);
    weights[0] = static_cast<float>(inside);
  }
}

void GpuAdaIN::set_style(int region, const StyleStatistics& style) {
  for (std::size_t tap = 0; tap < style.size(); ++tap) {
    if (style_offsets_[tap] == kUnused) continue;
    float* vector = host_numbers_.data() + kFrameFloats + 2 * plan_.steps.size() + region * style_floats_ + style_offsets_[tap];
    const int channels = stored_channels(plan_.tensors[plan_.tap_tensors[tap]].channels);
    std::copy(style[tap].mean.begin(), style[tap].mean.end(), vector);
    std::copy(style[tap].std.begin(), style[tap].std.end(), vector + channels);
  }
}

void GpuAdaIN::follow_mask(const FrameRegions& regions) {
  weights_.follow(regions);
  const std::tuple mask(weights_.version(), regions.width, regions.height);
  if (mask == planes_of_) return;
  planes_of_ = mask;
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    const int tensor = plan_.steps[i].output;
    const bool is_tap = std::find(plan_.tap_tensors.begin(), plan_.tap_tensors.end(), tensor) != plan_.tap_tensors.end();
    if (point_of(static_cast<int>(i)) < 0 && !is_tap) continue;
    const RegionWeights::Plane& plane = weights_.plane(static_cast<int>(i));
    const auto pixels = static_cast<std::int64_t>(plane.inside.size());
    at::Tensor& on_device = planes_[&plane];
    if (!on_device.defined() || on_device.numel() != pixels) on_device = queue_.empty({pixels}, at::kFloat);
    queue_.upload(plane.inside.data(), plane.inside.size() * sizeof(float), on_device);
  }
}

RegionPlane GpuAdaIN::plane_of(int index) const {
  if (!mode_.masked) return {};
  const RegionWeights::Plane& plane = weights_.plane(index);
  const TensorShape& shape = plan_.tensors[plan_.steps[index].output];
  const std::ptrdiff_t x = regions_.x / shape.downscale * shape.upscale;
  const std::ptrdiff_t y = regions_.y / shape.downscale * shape.upscale;
  return {planes_.at(&plane).const_data_ptr<float>() + y * plane.width + x, plane.width};
}

Measuring GpuAdaIN::measuring(int index) const {
  Measuring measuring;
  measuring.plane = plane_of(index);
  measuring.partials = partials_.mutable_data_ptr<float>();
  measuring.regions = regions();
  const float* weights = host_numbers_.data() + kFrameFloats + 2 * static_cast<std::size_t>(index);
  const double pixels = static_cast<double>(weights[0]) + weights[1];
  measuring.parts = static_cast<int>(std::clamp(pixels / kLeastPartPixels, 1.0, static_cast<double>(kMostParts)));
  return measuring;
}

PointJob GpuAdaIN::statistics_job(int index) {
  const Measuring measured = measuring(index);
  PointJob job;
  job.partials = measured.partials;
  job.sums = sums_.mutable_data_ptr<double>();
  job.parts = measured.parts;
  job.regions = measured.regions;
  job.used = channels_of(index);
  job.channels = stored_channels(job.used);
  job.eps = plan_.eps;
  job.weights = number(kFrameFloats + 2 * static_cast<std::size_t>(index));
  job.frame = reinterpret_cast<const FrameNumbers*>(number(0));
  for (int region = 0; region < 2; ++region) job.content[region] = vectors(content_, region, 2);
  return job;
}

void GpuAdaIN::take(int index, GpuNetwork& network) {
  const int point = point_of(index);
  const int tap = tap_of(index);
  const int style_tap = point < 0 ? -1 : plan_.adains[point].tap;
  PointJob job = statistics_job(index);
  const std::size_t styles = kFrameFloats + 2 * plan_.steps.size();
  for (int region = 0; region < job.regions; ++region) {
    if (tap >= 0) {
      job.style[region] = number(styles + region * style_floats_ + style_offsets_[tap]);
      job.blended[region] = vectors(blended_, 2 * tap + region, 2);
    }
    if (style_tap < 0) continue;
    job.target[region] = mode_.taps ? vectors(blended_, 2 * style_tap + region, 2)
                                    : number(styles + region * style_floats_ + style_offsets_[style_tap]);
  }
  if (point >= 0) job.mean = vectors(means_, point, 1);
  for (int region = 0; style_tap >= 0 && region < 2; ++region) job.affine[region] = vectors(affine_, 2 * point + region, 2);
  if (mode_.smoothed && is_smoothed(index)) {
    job.smoothing.point = point >= 0 ? point : static_cast<int>(plan_.adains.size()) + tap;
    job.smoothing.average = vectors(averages_, 2 * job.smoothing.point, 2);
    job.smoothing.generation = generation_.mutable_data_ptr<int>();
    job.smoothing.first = is_first_smoothed(index);
  }
  queue_.run(job);
  if (style_tap < 0) return;
  network.apply_adain(index, job.affine[0], job.regions == 2 ? job.affine[1] : nullptr, plane_of(index));
}

std::vector<FrameAdaIN::Measured> GpuAdaIN::download(int index) {
  const PointJob job = statistics_job(index);
  queue_.run(job);
  std::vector<float> values(static_cast<std::size_t>(2) * 2 * widest_);
  queue_.download(content_, values.data());
  std::vector<FrameAdaIN::Measured> measured(job.regions);
  for (int region = 0; region < job.regions; ++region) {
    const float* content = values.data() + static_cast<std::size_t>(region) * 2 * widest_;
    measured[region].statistics = {{content, content + job.used}, {content + job.channels, content + job.channels + job.used}};
    measured[region].weight = host_numbers_[kFrameFloats + 2 * static_cast<std::size_t>(index) + region];
  }
  return measured;
}

void GpuAdaIN::take_from_host(int index, const FrameAdaIN::Result& result, GpuNetwork& network) {
  const int channels = stored_channels(channels_of(index));
  const auto upload = [&](const at::Tensor& to, std::int64_t row, const std::vector<std::vector<float>>& vectors) {
    std::vector<float> values(vectors.size() * channels);
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      std::copy(vectors[i].begin(), vectors[i].end(), values.begin() + static_cast<std::ptrdiff_t>(i) * channels);
    }
    const auto columns = static_cast<std::int64_t>(vectors.size()) * widest_;
    const at::Tensor place = to.narrow(0, row * columns, static_cast<std::int64_t>(values.size()));
    queue_.upload(values.data(), values.size() * sizeof(float), place);
    return place.const_data_ptr<float>();
  };
  std::vector<float> mean = result.affine.mean;
  for (std::size_t c = 0; c < mean.size(); ++c) mean[c] = result.affine.shift[c] + result.affine.scale[c] * mean[c];
  upload(means_, result.point, {mean});
  if (plan_.adains[result.point].tap < 0) return;
  const bool two = !result.by_region.empty();
  const Affine& inside = two ? result.by_region[0] : result.affine;
  const float* first = upload(affine_, 2 * result.point, {inside.scale, inside.shift});
  const float* second =
      two ? upload(affine_, 2 * result.point + 1, {result.by_region[1].scale, result.by_region[1].shift}) : nullptr;
  network.apply_adain(index, first, second, plane_of(index));
}

}  // namespace adainstyle
