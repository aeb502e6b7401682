// SPDX-License-Identifier: MIT
#include "engine/gpu_engine.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <utility>

#include "engine/devices.h"
#include "engine/gpu_adain.h"
#include "stopwatch.h"

namespace adainstyle {
namespace {

// Note [Graphs]
// Launching a frame's kernels one by one costs more of the CPU than the kernels take of the GPU. So they are recorded once and replayed
// as a whole. A graph has all addresses and sizes baked in; therefore
//  - it begins and ends with features: where a frame comes from and goes to changes, and is read and written outside;
//  - style, strength, mask and the shares of averages are read from memory on the device that is written between frames (GpuAdaIN);
//  - there is one graph for each FrameMode that occurs, and all go when the size changes.
// The first frame of a size runs without one: convolutions are tuned on it, which no graph can record, and what they were tuned to is
// known to its thread alone. Where statistics go through a filter on the host there is none at all, since a graph cannot wait for the
// host in its middle.
struct RecordedFrame {
  std::unique_ptr<DeviceGraph> graph;
  Painting painting;  // in the graph's memory
};

// Tunes for as long as the object lives.
class Tuning {
 public:
  explicit Tuning(DeviceQueue& queue) : queue_(queue) { queue_.tune(true); }
  ~Tuning() { queue_.tune(false); }
  Tuning(const Tuning&) = delete;
  Tuning& operator=(const Tuning&) = delete;

 private:
  DeviceQueue& queue_;
};

class GpuEngine : public Engine {
 public:
  GpuEngine(std::shared_ptr<const GpuModel> model, std::unique_ptr<DeviceQueue> queue)
      : model_(std::move(model)),
        plan_(model_->plan),
        queue_(std::move(queue)),
        network_(*model_, *queue_),
        adain_(*model_, *queue_),
        host_adain_(plan_) {}

  StyleStatistics encode_style(const ImageView& picture) override {
    const c10::InferenceMode inference;
    follow_size(picture, {});
    StyleStatistics style(plan_.tap_tensors.size());
    FrameMode mode;
    mode.taps = true;
    adain_.begin(mode, network_, {}, nullptr, 1.0f, {}, {});
    read(picture);
    for (int i = 0; i < plan_.encoder_steps; ++i) {
      const auto tap = std::find(plan_.tap_tensors.begin(), plan_.tap_tensors.end(), plan_.steps[i].output);
      const Measuring measuring = adain_.measuring(i);
      network_.run_step(i, adain_.mean_of(plan_.steps[i].input_adain), tap == plan_.tap_tensors.end() ? nullptr : &measuring);
      if (tap != plan_.tap_tensors.end()) style[tap - plan_.tap_tensors.begin()] = adain_.download(i)[0].statistics;
      network_.release(i);
    }
    network_.end();
    return style;
  }

  void stylize(const ImageView& input, const MutableImageView& output, const StyleStatistics& style, float strength) override {
    const c10::InferenceMode inference;
    times_ = {};
    Stopwatch watch;
    follow_size(input, regions_);
    const std::optional<Smoothing> smoothing = filter_ != nullptr ? filter_->smoothing() : std::nullopt;
    FrameMode mode;
    mode.taps = strength < 1.0f;
    mode.masked = regions_.mask != nullptr;
    mode.two_regions = mode.masked && regions_.outside != nullptr;
    mode.smoothed = smoothing.has_value();
    mode.on_host = filter_ != nullptr && !smoothing;
    const StyleStatistics* outside = mode.two_regions ? regions_.outside : nullptr;
    adain_.begin(mode, network_, style, outside, strength, mode.masked ? regions_ : FrameRegions{},
                 smoothing.value_or(Smoothing{}));
    if (mode.on_host) host_adain_.begin(style, outside, strength, filter_);
    read(input);
    watch.add_to(times_.convert);

    const std::optional<Painting> painting = paint(mode);
    if (!painting) return;
    const float* bias = painting->bias.defined() ? painting->bias.const_data_ptr<float>() : nullptr;
    queue_->write_picture(painting->features.map, bias, plan_.shuffle, input, output);
    watch.add_to(times_.decode);  // of the encoder and AdaIN too: what a queue does is only seen when it is waited for
  }

  std::size_t workspace_bytes() const override { return network_.peak_bytes(); }

  std::string notice() const override { return notice_; }

 private:
  void follow_size(const ImageView& picture, const FrameRegions& regions) {
    const auto size = std::tuple(picture.width, picture.height, regions.x, regions.y, regions.width, regions.height);
    if (size == size_) return;
    size_ = size;
    recorded_.clear();
    picture_ = {};
    tuned_on_.clear();
    unrecordable_ = false;
    notice_.clear();
    network_.resize(extended_side(plan_, picture.width), extended_side(plan_, picture.height));
    picture_ = network_.make(0);
  }

  void read(const ImageView& picture) {
    queue_->read_picture(picture, plan_.unshuffle, picture_.map, model_->borders[0].of);
    network_.begin(picture_);
  }

  // Nothing where the filter had seen enough.
  std::optional<Painting> paint(const FrameMode& mode) {
    if (mode.on_host) return run_with_host();
    const auto recorded = recorded_.find(mode);
    if (recorded != recorded_.end()) {
      recorded->second.graph->replay();
      return recorded->second.painting;
    }
    if (tuned_on_.count(std::this_thread::get_id()) == 0) return tune_and_run();
    if (!unrecordable_) {
      if (std::optional<Painting> painting = record(mode)) return painting;
    }
    return run();
  }

  Painting tune_and_run() {
    const Tuning tuning(*queue_);
    Painting painting = run();
    tuned_on_.insert(std::this_thread::get_id());
    return painting;
  }

  // Records a frame, and runs what was recorded. Nothing where that is not possible.
  std::optional<Painting> record(const FrameMode& mode) {
    RecordedFrame frame;
    try {
      frame.graph = queue_->record([&] { frame.painting = run(); });
    } catch (const std::exception& error) {
      unrecordable_ = true;
      notice_ = "The GPU's work cannot be recorded as a graph, frames take longer: " + plain_message(error);
      network_.begin(picture_);
      return std::nullopt;
    }
    frame.graph->replay();
    return recorded_.emplace(mode, std::move(frame)).first->second.painting;
  }

  Painting run() {
    for (int i = 0; i < static_cast<int>(plan_.steps.size()); ++i) {
      const bool measures = adain_.measures(i);
      const Measuring measuring = measures ? adain_.measuring(i) : Measuring{};
      network_.run_step(i, adain_.mean_of(plan_.steps[i].input_adain), measures ? &measuring : nullptr);
      if (measures) adain_.take(i, network_);
      network_.release(i);
    }
    return network_.end();
  }

  std::optional<Painting> run_with_host() {
    for (int i = 0; i < static_cast<int>(plan_.steps.size()); ++i) {
      const bool measures = adain_.measures(i);
      const Measuring measuring = measures ? adain_.measuring(i) : Measuring{};
      network_.run_step(i, adain_.mean_of(plan_.steps[i].input_adain), measures ? &measuring : nullptr);
      if (measures) {
        const auto result = host_adain_.take(i, adain_.download(i), plan_.tensors[plan_.steps[i].output].channels);
        if (filter_->done()) {
          network_.end();
          return std::nullopt;
        }
        if (result) adain_.take_from_host(i, *result, network_);
      }
      network_.release(i);
    }
    return network_.end();
  }

  std::shared_ptr<const GpuModel> model_;
  const Plan& plan_;
  std::unique_ptr<DeviceQueue> queue_;
  GpuNetwork network_;
  GpuAdaIN adain_;
  FrameAdaIN host_adain_;

  // Of the last frame's size.
  std::tuple<int, int, int, int, int, int> size_{};
  Features picture_;  // tensor 0
  std::set<std::thread::id> tuned_on_;
  bool unrecordable_ = false;
  std::string notice_;
  std::map<FrameMode, RecordedFrame> recorded_;
};

}  // namespace

std::unique_ptr<Engine> make_gpu_engine(std::shared_ptr<const GpuModel> model, std::unique_ptr<DeviceQueue> queue) {
  return std::make_unique<GpuEngine>(std::move(model), std::move(queue));
}

}  // namespace adainstyle
