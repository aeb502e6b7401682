// SPDX-License-Identifier: MIT
#include <omp.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "engine/arena.h"
#include "engine/engine.h"
#include "engine/frame_adain.h"
#include "engine/packed_conv.h"
#include "engine/region_weights.h"
#include "pixels/pixels.h"
#include "stopwatch.h"

namespace adainstyle {
namespace avx512 {
namespace {

// What lies left and right of a tensor's rows, for the convolution that reads it.
enum class Halo { kReflect, kReplicate };

// A tensor's place in memory: rows of width + 2 pixels, the outer two being the halo; channels innermost.
struct FeatureMap {
  Bf16* origin = nullptr;  // pixel (0, 0)
  int width = 0;
  int height = 0;
  int channels = 0;  // stored
  Halo halo = Halo::kReflect;

  std::ptrdiff_t row_stride() const { return static_cast<std::ptrdiff_t>(width + 2) * channels; }
  Bf16* row(int y) const { return origin + y * row_stride(); }

  // The row that stands in for row y, which may lie one outside.
  const Bf16* padded_row(int y) const {
    if (y < 0) return row(halo == Halo::kReflect ? 1 : 0);
    if (y >= height) return row(halo == Halo::kReflect ? height - 2 : height - 1);
    return row(y);
  }

  void fill_halo(int y) const {
    const std::size_t bytes = channels * sizeof(Bf16);
    const int inset = halo == Halo::kReflect ? 1 : 0;
    Bf16* first = row(y);
    std::memcpy(first - channels, first + static_cast<std::ptrdiff_t>(inset) * channels, bytes);
    Bf16* end = first + static_cast<std::ptrdiff_t>(width) * channels;
    std::memcpy(end, end - static_cast<std::ptrdiff_t>(inset + 1) * channels, bytes);
  }
};

class Prepared : public PreparedModel, public std::enable_shared_from_this<Prepared> {
 public:
  explicit Prepared(const Model& model) : plan(lower(model, /*sixteen_bit=*/true)) {
    for (Step& step : plan.steps) {
      convs.push_back(step.weight.empty() ? PackedConv{} : pack_conv(plan, step));
      step.weight = {};
      step.bias = {};
    }
  }

  std::unique_ptr<Engine> make_engine(int threads) const override;

  const Plan& lowered() const override { return plan; }
  std::size_t feature_bytes(int width, int height) const override { return arena_bytes(plan, width, height, sizeof(Bf16)); }

  std::size_t weight_bytes() const override {
    std::size_t bytes = 0;
    for (const PackedConv& conv : convs) {
      for (const ConvGroup& group : conv.groups) {
        bytes += group.weights.size() * sizeof(Bf16) + (group.original.size() + group.bias.size()) * sizeof(float);
      }
    }
    return bytes;
  }

  Plan plan;                      // without weights
  std::vector<PackedConv> convs;  // by step
};

constexpr int kSums = 4 * kMaxChannels;  // two regions, sum and sum of squares

// A convolution's weights with this frame's AdaIN in them.
struct FoldedGroup {
  std::vector<Bf16> weights;
  std::vector<float> bias;
};

class Avx512Engine : public Engine {
 public:
  Avx512Engine(std::shared_ptr<const Prepared> prepared, int threads)
      : prepared_(std::move(prepared)),
        plan_(prepared_->plan),
        threads_(threads > 0 ? threads : omp_get_num_procs()),
        adain_(plan_),
        weights_(plan_) {
    affines_.resize(plan_.adains.size());
    folded_.resize(plan_.steps.size());
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      if (plan_.steps[i].input_adain < 0) continue;
      for (const ConvGroup& group : prepared_->convs[i].groups) {
        folded_[i].push_back({std::vector<Bf16>(group.original.size()), std::vector<float>(group.bias.size())});
      }
    }
  }

  StyleStatistics encode_style(const ImageView& picture) override {
    begin_frame(picture);
    masked_ = false;
    StyleStatistics style(plan_.tap_tensors.size());
    for (int i = 0; i < plan_.encoder_steps; ++i) {
      const int tensor = plan_.steps[i].output;
      const auto tap = std::find(plan_.tap_tensors.begin(), plan_.tap_tensors.end(), tensor);
      run_step(i, tap != plan_.tap_tensors.end());
      for (auto t = tap; t != plan_.tap_tensors.end(); t = std::find(t + 1, plan_.tap_tensors.end(), tensor)) {
        style[t - plan_.tap_tensors.begin()] = measured(i).front().statistics;
      }
    }
    return style;
  }

  void stylize(const ImageView& input, const MutableImageView& output, const StyleStatistics& style, float strength) override {
    times_ = {};
    Stopwatch watch;
    begin_frame(input);
    watch.add_to(times_.convert);
    masked_ = regions_.mask != nullptr;
    if (masked_) weights_.follow(regions_);
    adain_.begin(style, masked_ ? regions_.outside : nullptr, strength, filter_);
    const int last = static_cast<int>(plan_.steps.size()) - 1;
    for (int i = 0; i < last; ++i) {
      fold(i);
      watch.add_to(times_.adain);
      const bool measure = adain_.measures(i);
      run_step(i, measure);
      watch.add_to(i < plan_.encoder_steps ? times_.encode : times_.decode);
      if (!measure) continue;
      auto result = adain_.take(i, measured(i), maps_[plan_.steps[i].output].channels);
      if (filter_ && filter_->done()) return;
      if (!result) continue;
      if (!result->by_region.empty()) apply_regions(i, result->by_region[0], result->by_region[1]);
      affines_[result->point] = std::move(result->affine);
    }
    fold(last);
    watch.add_to(times_.adain);
    write_picture(last, input, output);
    watch.add_to(times_.decode);
  }

  std::size_t workspace_bytes() const override { return arena_bytes_; }

 private:
  // Reads the picture into tensor 0.
  void begin_frame(const ImageView& picture) {
    const int width = extended_side(plan_, picture.width);
    const int height = extended_side(plan_, picture.height);
    if (width != width_ || height != height_) allocate(width, height);
    const FeatureMap& map = maps_[0];
    parallel_rows(map.height, 8, [&](int y, int) {
      read_row_bf16(picture, plan_.unshuffle, y, map.width, map.channels, map.row(y));
      map.fill_halo(y);
    });
  }

  void allocate(int width, int height);

  // Runs body(row, thread) for all rows, `grain` rows at a time.
  template <typename Body>
  void parallel_rows(int rows, int grain, const Body& body) {
    const int chunks = (rows + grain - 1) / grain;
#pragma omp parallel for num_threads(threads_) schedule(dynamic, 1)
    for (int chunk = 0; chunk < chunks; ++chunk) {
      const int thread = omp_get_thread_num();
      for (int y = chunk * grain; y < std::min((chunk + 1) * grain, rows); ++y) body(y, thread);
    }
  }

  void run_step(int index, bool measure) {
    const Step& step = plan_.steps[index];
    const FeatureMap& output = maps_[step.output];
    if (measure) std::fill(sums_.begin(), sums_.end(), 0.0);
    if (step.type == StepType::kMaxPool || step.type == StepType::kUpsample) {
      parallel_rows(output.height, 4, [&](int y, int thread) {
        resize_row(step, y);
        finish_row(index, y, measure, thread);
      });
    } else {
      run_conv(index, measure);
    }
  }

  void resize_row(const Step& step, int y) const {
    const FeatureMap& input = maps_[step.input];
    const FeatureMap& output = maps_[step.output];
    if (step.type == StepType::kMaxPool) {
      max_pool_row(input.row(2 * y), input.row(2 * y + 1), output.width, output.channels, output.row(y));
      return;
    }
    const std::size_t pixel = output.channels * sizeof(Bf16);
    for (int x = 0; x < output.width; ++x) {
      std::memcpy(output.row(y) + static_cast<std::ptrdiff_t>(x) * output.channels,
                  input.row(y / 2) + static_cast<std::ptrdiff_t>(x / 2) * output.channels, pixel);
    }
  }

  // Several rows for one group of weights, then the next group: a group of wide layers fills the second-level cache.
  void run_conv(int index, bool measure) {
    const Step& step = plan_.steps[index];
    const PackedConv& conv = prepared_->convs[index];
    const FeatureMap& output = maps_[step.output];
    const int side = conv.phases == 4 ? 2 : 1;  // output rows of one unit of work
    const int rows = output.height / side;
    const int grain = std::clamp(rows / (threads_ * 8), 1, 8);
    const int chunks = (rows + grain - 1) / grain;
#pragma omp parallel for num_threads(threads_) schedule(dynamic, 1)
    for (int chunk = 0; chunk < chunks; ++chunk) {
      const int begin = chunk * grain;
      const int end = std::min(begin + grain, rows);
      for (std::size_t g = 0; g < conv.groups.size(); ++g) {
        for (int y = begin; y < end; ++y) conv_group_row(index, static_cast<int>(g), y);
      }
      for (int y = begin * side; y < end * side; ++y) finish_row(index, y, measure, omp_get_thread_num());
    }
  }

  void conv_group_row(int index, int g, int y) const {
    const Step& step = plan_.steps[index];
    const PackedConv& conv = prepared_->convs[index];
    const FeatureMap& output = maps_[step.output];
    const int channel = conv.groups[g].first_channel;
    if (conv.phases == 4) {
      const int phase = g / conv.groups_per_phase();
      Bf16* row = output.row(2 * y + phase / 2) + static_cast<std::ptrdiff_t>(phase % 2) * output.channels + channel;
      conv_row(conv_row_of(index, g, y), row, static_cast<std::ptrdiff_t>(2) * output.channels);
    } else {
      conv_row(conv_row_of(index, g, y), output.row(y) + channel, output.channels);
    }
  }

  ConvRow conv_row_of(int index, int g, int y) const;
  void finish_row(int index, int y, bool measure, int thread);
  void fold(int index);
  std::vector<FrameAdaIN::Measured> measured(int index) const;
  const float* inside_row(int index, int y) const;
  void apply_regions(int index, const Affine& inside, const Affine& outside);
  void write_picture(int index, const ImageView& input, const MutableImageView& output);

  struct Free {
    void operator()(void* p) const { std::free(p); }
  };

  std::shared_ptr<const Prepared> prepared_;
  const Plan& plan_;
  int threads_;
  int width_ = 0;  // extended picture
  int height_ = 0;
  std::unique_ptr<void, Free> arena_;
  std::size_t arena_bytes_ = 0;
  std::vector<FeatureMap> maps_;  // by tensor; the last tensor is the picture itself
  std::vector<Affine> affines_;   // by AdaIN point
  FrameAdaIN adain_;
  RegionWeights weights_;
  bool masked_ = false;                           // statistics are taken by region
  std::vector<std::vector<FoldedGroup>> folded_;  // by step and group
  std::vector<double> sums_;                      // [thread][region][sum, sum of squares][kMaxChannels]
};

void Avx512Engine::allocate(int width, int height) {
  const int tensors = static_cast<int>(plan_.tensors.size()) - 1;
  std::vector<Lifetime> lifetimes(tensors);
  std::vector<FeatureMap> maps(tensors + 1);
  for (int t = 0; t < tensors; ++t) {
    FeatureMap& map = maps[t];
    map.width = tensor_side(plan_.tensors[t], width);
    map.height = tensor_side(plan_.tensors[t], height);
    map.channels = stored_channels(plan_, t);
    lifetimes[t].bytes = map.row_stride() * map.height * sizeof(Bf16);
  }
  for (int i = 0; i < static_cast<int>(plan_.steps.size()); ++i) {
    const Step& step = plan_.steps[i];
    if (step.output < tensors) lifetimes[step.output].first_step = i;
    lifetimes[step.input].last_step = i;
    if (step.skip >= 0) lifetimes[step.skip].last_step = i;
    if (step.type == StepType::kPhaseConv) maps[step.input].halo = Halo::kReplicate;
  }
  const ArenaLayout layout = lay_out(lifetimes);
  // Freed first, so that a change of size never holds two arenas.
  arena_.reset();
  width_ = height_ = 0;
  arena_bytes_ = (layout.bytes + 63) / 64 * 64;
  arena_.reset(std::aligned_alloc(64, arena_bytes_));
  if (!arena_) {
    throw Error(ErrorCode::kOutOfMemory, "no memory for " + std::to_string(arena_bytes_ >> 20) + " MiB of features at " +
                                             std::to_string(width) + "x" + std::to_string(height) + "; use smaller frames.");
  }
  for (int t = 0; t < tensors; ++t) {
    maps[t].origin = reinterpret_cast<Bf16*>(static_cast<char*>(arena_.get()) + layout.offsets[t]) + maps[t].channels;
  }
  maps_ = std::move(maps);
  sums_.assign(static_cast<std::size_t>(threads_) * kSums, 0.0);
  width_ = width;
  height_ = height;
}

ConvRow Avx512Engine::conv_row_of(int index, int g, int y) const {
  const Step& step = plan_.steps[index];
  const PackedConv& conv = prepared_->convs[index];
  const ConvGroup& group = conv.groups[g];
  const FeatureMap& input = maps_[step.input];
  const int side = conv.tap_count == 9 ? 3 : conv.tap_count == 4 ? 2 : 1;
  const int phase = conv.phases == 4 ? g / conv.groups_per_phase() : 0;
  const int dy = side == 1 ? 0 : phase / 2 - 1;
  const int dx = side == 1 ? 0 : phase % 2 - 1;
  ConvRow row{};
  row.tap_count = conv.tap_count;
  for (int t = 0; t < conv.tap_count; ++t) {
    row.taps[t] = input.padded_row(y * step.stride + dy + t / side) + static_cast<std::ptrdiff_t>(dx + t % side) * input.channels;
  }
  row.input_step = static_cast<std::ptrdiff_t>(step.stride) * input.channels;
  row.channel_pairs = conv.channel_pairs;
  row.blocks = group.blocks;
  const bool folded = step.input_adain >= 0;
  row.weights = folded ? folded_[index][g].weights.data() : group.weights.data();
  row.bias = folded ? folded_[index][g].bias.data() : group.bias.data();
  row.relu = step.relu;
  if (step.skip >= 0) {
    const FeatureMap& skip = maps_[step.skip];
    row.skip = skip.row(y) + group.first_channel;
    row.skip_step = skip.channels;
    if (step.skip_adain >= 0) {
      row.skip_scale = affines_[step.skip_adain].scale.data() + group.first_channel;
      row.skip_shift = affines_[step.skip_adain].shift.data() + group.first_channel;
    }
  }
  row.pixels = step.type == StepType::kPhaseConv ? input.width : input.width / step.stride;
  return row;
}

void Avx512Engine::finish_row(int index, int y, bool measure, int thread) {
  const FeatureMap& map = maps_[plan_.steps[index].output];
  map.fill_halo(y);
  if (!measure) return;
  double* sums = sums_.data() + static_cast<std::ptrdiff_t>(thread) * kSums;
  if (masked_) {
    add_row_statistics_by_region(map.row(y), inside_row(index, y), map.width, map.channels, sums, kMaxChannels);
  } else {
    add_row_statistics(map.row(y), map.width, map.channels, map.channels, sums, sums + kMaxChannels);
  }
}

// The shares of the inside of row y of what step `index` makes.
const float* Avx512Engine::inside_row(int index, int y) const {
  const TensorShape& shape = plan_.tensors[plan_.steps[index].output];
  const RegionWeights::Plane& plane = weights_.plane(index);
  const std::ptrdiff_t line = regions_.y / shape.downscale * shape.upscale + y;
  return plane.inside.data() + line * plane.width + regions_.x / shape.downscale * shape.upscale;
}

void Avx512Engine::apply_regions(int index, const Affine& inside, const Affine& outside) {
  const FeatureMap& map = maps_[plan_.steps[index].output];
  parallel_rows(map.height, 4, [&](int y, int) {
    apply_affines(map.row(y), inside_row(index, y), map.width, map.channels, inside.scale.data(), inside.shift.data(),
                  outside.scale.data(), outside.shift.data());
    map.fill_halo(y);
  });
}

void Avx512Engine::fold(int index) {
  const Step& step = plan_.steps[index];
  if (step.input_adain < 0) return;
  const PackedConv& conv = prepared_->convs[index];
  const Affine& affine = affines_[step.input_adain];
  for (std::size_t g = 0; g < conv.groups.size(); ++g) {
    const ConvGroup& group = conv.groups[g];
    fold_adain({group.original.data(), conv.tap_count, conv.channel_pairs, group.blocks, affine.scale.data(), affine.shift.data(),
                affine.mean.data(), group.bias.data(), folded_[index][g].weights.data(), folded_[index][g].bias.data()});
  }
}

std::vector<FrameAdaIN::Measured> Avx512Engine::measured(int index) const {
  const int tensor = plan_.steps[index].output;
  const FeatureMap& map = maps_[tensor];
  std::vector<double> total(sums_.begin(), sums_.begin() + kSums);
  for (int thread = 1; thread < threads_; ++thread) {
    for (int i = 0; i < kSums; ++i) total[i] += sums_[static_cast<std::size_t>(thread) * kSums + i];
  }
  const auto region = [&](int r, double weight) {
    const double* sums = total.data() + static_cast<std::ptrdiff_t>(r) * 2 * kMaxChannels;
    return FrameAdaIN::Measured{statistics_from_sums(sums, sums + kMaxChannels, weight, plan_.tensors[tensor].channels, plan_.eps),
                                weight};
  };
  if (!masked_) return {region(0, static_cast<double>(map.width) * map.height)};
  const RegionWeights::Plane& plane = weights_.plane(index);
  std::vector<FrameAdaIN::Measured> both{region(0, plane.inside_sum)};
  if (regions_.outside) both.push_back(region(1, plane.outside_sum));
  return both;
}

// The last convolution's results go straight from the registers to the picture, a tile at a time. Chunks of two rows begin with an
// even one, as end_row() wants it.
void Avx512Engine::write_picture(int index, const ImageView& input, const MutableImageView& output) {
  const FeatureMap& map = maps_[plan_.steps[index].input];
  const int rows = map.height / plan_.steps[index].stride;
  parallel_rows(rows, 2, [&](int y, int) {
    const ConvRow row = conv_row_of(index, 0, y);
    float tile[kMaxTilePixels * kLanes];
    for (int x = 0; x < row.pixels;) {
      const int count = conv_tile_float(row, x, tile);
      write_row(tile, kLanes, plan_.shuffle, x, y, count, input, output);
      x += count;
    }
    end_row(plan_.shuffle, y, output);
  });
}

std::unique_ptr<Engine> Prepared::make_engine(int threads) const {
  return std::make_unique<Avx512Engine>(shared_from_this(), threads);
}

}  // namespace
}  // namespace avx512

bool avx512_engine_supports(const Plan& plan) {
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
         std::none_of(plan.steps.begin(), plan.steps.end(), [](const Step& step) {
           return step.type == StepType::kPixelUnshuffle || step.type == StepType::kPixelShuffle;
         });
}

std::shared_ptr<const PreparedModel> prepare_avx512(const Model& model) { return std::make_shared<avx512::Prepared>(model); }

}  // namespace adainstyle
