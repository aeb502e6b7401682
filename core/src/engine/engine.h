// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adainstyle/image.h"
#include "adainstyle/stylizer.h"
#include "engine/plan.h"

namespace adainstyle {

// Mean and sqrt(biased variance + eps) of each channel over space (Huang & Belongie 2017, eq. 8), float32.
struct Statistics {
  std::vector<float> mean;
  std::vector<float> std;
};

// Indexed by tap; empty where the decoder has no AdaIN of that tap.
using StyleStatistics = std::vector<Statistics>;

// One frame of an exponential average of the statistics (StatisticsSmoother in temporal.h).
struct Smoothing {
  float share = 1.0f;       // of the new value
  float jump = 0.0f;        // of the first point's means, in standard deviations, from which on all averages begin anew
  bool begin_anew = false;  // all averages
  bool restyled = false;    // those of every point but the first begin anew
};

// Sees the content's statistics before they are used, in the order in which the network comes to them, and may change them: at each
// AdaIN point and, for a strength below 1, at each tap that is no AdaIN point (point = number of AdaIN points + tap). Those of the
// outside (FrameRegions) follow those of the inside, their points counted from the number of AdaIN points + taps on.
class StatisticsFilter {
 public:
  virtual ~StatisticsFilter() = default;
  virtual void filter(std::size_t point, Statistics& content) = 0;

  // Whether it also sees the points of which only the mean counts (Note [Flat frames]).
  virtual bool takes_means() const { return false; }

  // Whether it has seen enough: the engine then leaves the frame unpainted.
  virtual bool done() const { return false; }

  // What it does, where that is nothing but an average: an engine whose statistics are elsewhere may then do it there instead of
  // calling filter().
  virtual std::optional<Smoothing> smoothing() const { return std::nullopt; }
};

// Where in a frame which style goes (Note [Regions] in region_weights.h).
struct FrameRegions {
  const std::uint8_t* mask = nullptr;  // of the whole frame, rows packed: 255 inside, 0 outside. nullptr: all of it is inside
  int width = 0;                       // pixels, of the whole frame
  int height = 0;
  std::uint64_t version = 0;  // another number for another mask or size; 0: none
  int x = 0;                  // where the picture that is painted lies in the frame, in multiples of the network's stride
  int y = 0;
  const StyleStatistics* outside = nullptr;  // nullptr: the outside is not looked at
};

// Where the time of the last stylized frame went, milliseconds (StylizerTimings says what counts where).
struct EngineTimes {
  double convert = 0.0;
  double encode = 0.0;
  double adain = 0.0;
  double decode = 0.0;

  EngineTimes& operator+=(const EngineTimes& other) {
    convert += other.convert;
    encode += other.encode;
    adain += other.adain;
    decode += other.decode;
    return *this;
  }
};

// Runs frames through a prepared model. Owns the buffers, which are made at the first frame of a size and reused from then on.
// One thread at a time.
class Engine {
 public:
  virtual ~Engine() = default;

  virtual StyleStatistics encode_style(const ImageView& picture) = 0;
  virtual void stylize(const ImageView& input, const MutableImageView& output, const StyleStatistics& style, float strength) = 0;
  virtual std::size_t workspace_bytes() const = 0;

  // What a user should know of how frames of this size are painted; mostly nothing.
  virtual std::string notice() const { return {}; }

  // For the frames to come; the filter must outlive them. nullptr: each frame's statistics as they are.
  void set_filter(StatisticsFilter* filter) { filter_ = filter; }
  // For the frames to come; mask and style must outlive them. Default: one region.
  void set_regions(const FrameRegions& regions) { regions_ = regions; }
  const EngineTimes& times() const { return times_; }

 protected:
  StatisticsFilter* filter_ = nullptr;
  FrameRegions regions_;
  EngineTimes times_;
};

// A model lowered and packed for one device and precision; immutable, shared by all its engines.
class PreparedModel {
 public:
  virtual ~PreparedModel() = default;

  // threads: CPU threads of one frame, 0 for one a core.
  virtual std::unique_ptr<Engine> make_engine(int threads) const = 0;
  virtual std::size_t weight_bytes() const = 0;
  virtual const Plan& lowered() const = 0;

  // About what the features of a picture take, with the tensors that are alive at a time.
  virtual std::size_t feature_bytes(int width, int height) const = 0;
};

// Note [Three engines]
// The AVX-512 engine has kernels of its own: reflection padding, bias, ReLU, addition, AdaIN and pixel conversion all happen in the
// convolution, and no memory for features is allocated once the first frame has passed. It needs a CPU with AVX512-BF16 and runs
// bf16 only. The LibTorch engine runs the same plan with ATen's convolutions on any CPU and in any precision. The GPU engine
// (gpu_model.h) leaves convolutions to cuDNN and has kernels of its own for all else (Note [Borders], Note [Graphs]).
std::shared_ptr<const PreparedModel> prepare_avx512(const Model& model);
std::shared_ptr<const PreparedModel> prepare_torch(const Model& model, Precision precision);

// Whether prepare_avx512 can run here: the CPU has AVX512-BF16, and the plan is made of steps it knows.
bool avx512_engine_supports(const Plan& plan);

}  // namespace adainstyle
