// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/frame_adain.h"
#include "engine/gpu_network.h"
#include "engine/region_weights.h"

namespace adainstyle {

// What a frame's kernels depend on besides numbers: frames of one mode run the same graph.
struct FrameMode {
  bool taps = false;  // strength below 1: the taps are measured too
  bool masked = false;
  bool two_regions = false;
  bool smoothed = false;  // by an average on the device
  bool on_host = false;   // statistics go through a filter that is on the host: no graph

  bool operator<(const FrameMode& other) const { return bits() < other.bits(); }

 private:
  int bits() const { return taps | masked << 1 | two_regions << 2 | smoothed << 3 | on_host << 4; }
};

// One frame's AdaIN on the device, as FrameAdaIN does it on the host. What changes from frame to frame - style, strength, mask, shares
// of averages - lies in memory that is written before a frame begins, so that a recorded graph follows.
class GpuAdaIN {
 public:
  GpuAdaIN(const GpuModel& model, DeviceQueue& queue);

  // Before a frame's first step, never while a graph is recorded. For frames on which `regions` counts in the mode. `network` has the
  // frame's size.
  void begin(const FrameMode& mode, const GpuNetwork& network, const StyleStatistics& style, const StyleStatistics* outside,
             float strength, const FrameRegions& regions, const Smoothing& smoothing);

  // As FrameAdaIN::measures().
  bool measures(int index) const { return point_of(index) >= 0 || tap_of(index) >= 0; }

  Measuring measuring(int index) const;

  // What follows from what a step measured: applies AdaIN to it where it is an AdaIN point.
  void take(int index, GpuNetwork& network);

  // What a step measured, by region, on the host. Waits.
  std::vector<FrameAdaIN::Measured> download(int index);

  // In place of take(), for a result from the host.
  void take_from_host(int index, const FrameAdaIN::Result& result, GpuNetwork& network);

  // The mean of an AdaIN point's tensor after AdaIN, [stored channels], from the point's take() on. nullptr for point -1.
  const float* mean_of(int point) const { return point < 0 ? nullptr : vectors(means_, point, 1); }

 private:
  int point_of(int index) const;
  int tap_of(int index) const;
  int channels_of(int index) const;
  int regions() const { return mode_.two_regions ? 2 : 1; }
  RegionPlane plane_of(int index) const;
  void make_averages();
  bool is_smoothed(int index) const;
  bool is_first_smoothed(int index) const;
  void follow_mask(const FrameRegions& regions);
  void set_weights(const GpuNetwork& network);
  void set_style(int region, const StyleStatistics& style);
  PointJob statistics_job(int index);
  const float* number(std::size_t offset) const { return numbers_.const_data_ptr<float>() + offset; }
  float* vectors(const at::Tensor& buffer, int row, int columns) const;

  const GpuModel& model_;
  const Plan& plan_;
  DeviceQueue& queue_;
  FrameMode mode_;
  RegionWeights weights_;
  FrameRegions regions_;
  std::map<const RegionWeights::Plane*, at::Tensor> planes_;
  std::tuple<std::uint64_t, int, int> planes_of_{};  // version and size of the mask that planes_ hold

  // The numbers of the frame, on host and device: FrameNumbers, [steps][2] weights of regions, [2 regions] styles by tap.
  std::vector<float> host_numbers_;
  std::vector<float> sent_numbers_;  // what the device has
  at::Tensor numbers_;
  std::vector<std::size_t> style_offsets_;  // by tap, of the first region; kUnused where the tap is not used
  std::size_t style_floats_ = 0;            // of one region

  int widest_ = 0;       // channels of a measured tensor
  at::Tensor partials_;  // scratch of whatever is being measured
  at::Tensor sums_;
  at::Tensor content_;            // [2 regions][2][widest]
  at::Tensor blended_;            // [2 * taps][2][widest], by tap and region
  at::Tensor affine_;             // [points][2 regions][2][widest]
  at::Tensor means_;              // [points][widest]
  at::Tensor averages_;           // [points + taps][2 regions][2][widest]; made when first wanted
  at::Tensor generation_;         // int32 [1 + points + taps]
  bool averages_follow_ = false;  // whether the last frame went into them
};

}  // namespace adainstyle
