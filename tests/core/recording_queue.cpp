// SPDX-License-Identifier: MIT
#include "core/recording_queue.h"

#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <cstring>
#include <limits>
#include <utility>

#include "adainstyle/error.h"
#include "engine/adain_body.h"
#include "engine/feature_body.h"

namespace adainstyle::test {
namespace {

// Calls `call` with a null pointer of the number's type.
template <typename Call>
void with_number(at::ScalarType type, const Call& call) {
  switch (type) {
    case at::kHalf: return call(static_cast<c10::Half*>(nullptr));
    case at::kBFloat16: return call(static_cast<c10::BFloat16*>(nullptr));
    default: return call(static_cast<float*>(nullptr));
  }
}

// Part `part` of the pixels of a job, which measures what it makes.
template <typename Number>
void run_part(const FeatureJob& job, int part, int group) {
  const FeatureMap& domain = domain_of(job);
  const Pack origin = origin_of<Number>(job, group);
  PackSums sums;
  const int border = job.output.data == nullptr ? 0 : domain.border;
  int i = 0;
  for (int y = -border; y < domain.height + border; ++y) {
    for (int x = -border; x < domain.width + border; ++x) {
      if (i++ % job.parts == part) run_pixel<Number>(job, origin, x, y, group, sums);
    }
  }
  if (job.partials == nullptr) return;
  float* out = job.partials + group * kGroup;
  for (int c = 0; c < kGroup; ++c) {
    out[c] = origin.v[c];
    for (int region = 0; region < job.regions; ++region) {
      float* of_region = out + domain.channels * (1 + 2 * (region * job.parts + part));
      of_region[c] = sums.sum[region][c];
      of_region[domain.channels + c] = sums.squares[region][c];
    }
  }
}

template <typename Number>
void run_job(FeatureJob job) {
  const FeatureMap& domain = domain_of(job);
  PackSums none;
  if (job.kind == FeatureJob::Kind::kBorder) {
    for (int i = 0; i < border_pixels(domain); ++i) {
      const BorderPixel pixel = border_pixel(domain, i);
      for (int group = 0; group < domain.channels / kGroup; ++group) {
        run_pixel<Number>(job, {}, pixel.x, pixel.y, group, none);
      }
    }
    return;
  }
  if (job.partials == nullptr) job.parts = 1;
  for (int part = 0; part < job.parts; ++part) {
    for (int group = 0; group < domain.channels / kGroup; ++group) run_part<Number>(job, part, group);
  }
}

void run_point(const PointJob& job) {
  for (int region = 0; region < job.regions; ++region) {
    for (int c = 0; c < job.channels; ++c) {
      for (int which = 0; which < 2; ++which) {
        job.sums[(2 * region + which) * job.channels + c] = sum_of_parts(job, region, which, c, 0, 1);
      }
    }
    for (int c = 0; c < job.channels; ++c) measure_channel(job, region, c);
  }
  const SmoothingVectors& smoothing = job.smoothing;
  if (smoothing.average != nullptr) {
    double squares = 0.0;
    for (int c = 0; c < job.used; ++c) squares += squared_move(job, c);
    if (smoothing.first && begins_anew(job, squares)) ++smoothing.generation[0];
    const bool follows = has_average(job);
    for (int region = 0; region < job.regions; ++region) {
      for (int c = 0; c < job.channels; ++c) smooth_channel(job, follows, region, c);
    }
    smoothing.generation[1 + smoothing.point] = smoothing.generation[0];
  }
  for (int c = 0; c < job.channels; ++c) finish_channel(job, c);
}

void run_correction(const CorrectionJob& job) {
  for (int output = 0; output < job.outputs; ++output) {
    float added = 0.0f;
    for (int c = 0; c < job.channels; ++c) added += correction(job, output, c);
    job.corrected[output] = job.bias[output] + added;
  }
}

template <typename Number>
void write(const FeatureMap& features, const float* bias, int block, const ImageView& input, const MutableImageView& output) {
  const FeatureColor<Number> color{features, bias, block};
  if (is_yuv(output.format)) {
    for (int y = 0; 2 * y < output.height; ++y) {
      for (int x = 0; 2 * x < output.width; ++x) store_yuv_block(output, yuv_encoder(output.yuv), x, y, color);
    }
    return;
  }
  const PixelLayout from = pixel_layout(input.format);
  const PixelLayout to = pixel_layout(output.format);
  for (int y = 0; y < output.height; ++y) {
    for (int x = 0; x < output.width; ++x) {
      store_pixel(input, from, output, to, x, y, color.value(0, x, y), color.value(1, x, y), color.value(2, x, y));
    }
  }
}

}  // namespace

class RecordingQueue::Graph : public DeviceGraph {
 public:
  explicit Graph(std::shared_ptr<QueueLog> log) : log_(std::move(log)) { ++log_->graphs_alive; }
  ~Graph() override { --log_->graphs_alive; }

  void replay() override {
    ++log_->replays;
    log_->memory_read.clear();
    for (const auto& work : works_) work();
  }

  void add(std::function<void()> work) { works_.push_back(std::move(work)); }
  void keep(const at::Tensor& memory) { memory_.push_back(memory); }

 private:
  std::shared_ptr<QueueLog> log_;
  std::vector<std::function<void()>> works_;
  std::vector<at::Tensor> memory_;
};

void RecordingQueue::perform(std::function<void()> work) {
  if (recording_ != nullptr) return recording_->add(std::move(work));
  ++log_->launches;
  work();
}

at::Tensor RecordingQueue::empty(at::IntArrayRef shape, at::ScalarType type) {
  if (log_->allocations_left == 0) {
    if (log_->memory_returns_after_failure) log_->allocations_left = -1;
    throw c10::OutOfMemoryError({__func__, __FILE__, __LINE__}, "CUDA out of memory, says the double");
  }
  if (log_->allocations_left > 0) --log_->allocations_left;
  ++log_->allocations;
  at::Tensor memory = at::empty(shape, type);
  if (memory.is_floating_point()) memory.fill_(std::numeric_limits<float>::quiet_NaN());
  if (recording_ != nullptr) recording_->keep(memory);
  return memory;
}

void RecordingQueue::upload(const void* from, std::size_t bytes, const at::Tensor& to) {
  if (recording_ != nullptr) throw Error(ErrorCode::kLibrary, "an upload was asked for while a graph was recorded");
  ++log_->uploads;
  std::memcpy(to.data_ptr(), from, bytes);
}

void RecordingQueue::download(const at::Tensor& from, void* to) {
  if (recording_ != nullptr) throw Error(ErrorCode::kLibrary, "a download was asked for while a graph was recorded");
  ++log_->downloads;
  std::memcpy(to, from.const_data_ptr(), from.nbytes());
}

void RecordingQueue::read_picture(const ImageView& picture, int block, const FeatureMap& features, Border border) {
  log_->memory_read.clear();
  with_number(type_, [&](auto* type) {
    using Number = std::remove_pointer_t<decltype(type)>;
    const PixelReader color_at(picture);
    for (int y = -features.border; y < features.height + features.border; ++y) {
      for (int x = -features.border; x < features.width + features.border; ++x) {
        read_pixel<Number>(color_at, picture.width, picture.height, block, features, border, x, y);
      }
    }
  });
}

void RecordingQueue::write_picture(const FeatureMap& features, const float* bias, int block, const ImageView& input,
                                   const MutableImageView& output) {
  with_number(type_, [&](auto* type) { write<std::remove_pointer_t<decltype(type)>>(features, bias, block, input, output); });
}

void RecordingQueue::run(const FeatureJob& job) {
  ++log_->jobs[job.kind];
  perform([job, type = type_] { with_number(type, [&](auto* t) { run_job<std::remove_pointer_t<decltype(t)>>(job); }); });
}

void RecordingQueue::run(const PointJob& job) {
  perform([job] { run_point(job); });
}

void RecordingQueue::run(const CorrectionJob& job) {
  perform([job] { run_correction(job); });
}

// As cuDNN computes it: 16-bit numbers in and out, the sum in float32.
at::Tensor RecordingQueue::convolve(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias, int stride,
                                    int padding, bool relu) {
  const auto side = [&](int dim) { return (input.size(dim) + 2 * padding - weight.size(dim)) / stride + 1; };
  const at::Tensor rows = empty({1, side(2), side(3), weight.size(0)}, input.scalar_type());
  ++log_->convolutions;
  if (log_->tunes) ++log_->tuned;
  perform([=, log = log_.get()] {
    log->memory_read.push_back(input.const_data_ptr());
    at::Tensor sum = at::conv2d(input.to(at::kFloat), weight.to(at::kFloat), {}, {stride, stride}, {padding, padding});
    if (bias.defined()) sum += bias.to(at::kFloat).view({1, -1, 1, 1});
    if (relu) sum.relu_();
    rows.copy_(sum.permute({0, 2, 3, 1}));
  });
  return rows.permute({0, 3, 1, 2});
}

std::unique_ptr<DeviceGraph> RecordingQueue::record(const std::function<void()>& work) {
  ++log_->recordings;
  if (log_->recording_fails) throw Error(ErrorCode::kLibrary, "the double was told not to record");
  auto graph = std::make_unique<Graph>(log_);
  recording_ = graph.get();
  try {
    work();
  } catch (...) {
    recording_ = nullptr;
    throw;
  }
  recording_ = nullptr;
  return graph;
}

std::shared_ptr<const GpuModel> prepared_on(const std::shared_ptr<QueueLog>& log, const Model& model, Precision precision) {
  return std::make_shared<const GpuModel>(model, at::kCPU, precision,
                                          [log](at::ScalarType type) { return std::make_unique<RecordingQueue>(log, type); });
}

}  // namespace adainstyle::test
