// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adainstyle/error.h"
#include "adainstyle/image.h"

namespace adainstyle {

// Number format of weights and activations. kAuto: what the device runs fastest (bf16 on a CPU with AVX512-BF16 or AMX, fp16 on
// a GPU, fp32 elsewhere). Channel statistics are float32 whatever this is.
enum class Precision { kAuto, kFp32, kBf16, kFp16 };

struct StylizerOptions {
  std::string model_path;       // empty: the default model (default_model_path)
  std::string device = "auto";  // "auto", "cpu", "cuda" or "cuda:N"
  Precision precision = Precision::kAuto;
  int threads = 0;  // CPU threads for one frame; 0: one a core

  // Bytes that the features of a frame may take; 0: as many as there are. A frame in system memory that needs more, or that memory
  // runs out for, is painted in tiles: the same picture, slower.
  std::size_t memory_limit = 0;
};

// What a stylizer ended up with.
struct StylizerInfo {
  std::string model_path;
  std::string device;           // "cpu" or "cuda:N"
  Precision precision;          // never kAuto
  int threads;                  // 0 on a GPU
  std::size_t weight_bytes;     // memory of the weights, shared by all stylizers of the same model, device and precision
  std::size_t workspace_bytes;  // memory of this stylizer's buffers at the largest frame so far
  int tiles = 1;                // that the last frame was painted in; 1: in one piece
  std::string notice;           // what its user should know of how frames are painted now; mostly nothing
};

// The statistics a style picture leaves at the model's AdaIN layers. Made by a Stylizer, immutable, shared freely between
// threads and between all stylizers that use the same model file.
class Style {
 public:
  virtual ~Style() = default;
};

// A grey picture that says where in the frame which style goes. Immutable, shared freely between threads and stylizers.
class Mask {
 public:
  virtual ~Mask() = default;
};

// One of several styles at once, and its share.
struct WeightedStyle {
  std::shared_ptr<const Style> style;
  float weight = 1.0f;  // 0 or more; what counts is the share of the sum
};

// Mean and covariance of a picture's colours, red, green, blue in 0..1.
struct ColorStatistics {
  float mean[3] = {};
  float covariance[3][3] = {};
};

// What becomes of the frame's own colours. kLuma: the painted brightness on the frame's chroma. kMatch: the style pictures are
// given the frame's colours before they are encoded; the stylizer follows the frame's colours (changed_colors), its owner loads the
// styles anew.
enum class PreserveColor { kNone, kLuma, kMatch };

// What may differ from one frame to the next.
struct FrameParameters {
  std::shared_ptr<const Style> style;
  float strength = 1.0f;           // the paper's alpha, 0 (decoded content) to 1 (full style)
  std::int64_t time_ns = 0;        // when the frame is shown; all durations count in it. One that goes back starts afresh
  std::int64_t transition_ns = 0;  // how long a change to another style fades
  float smoothing_ms = 0.0f;       // time constant of the average that the content's statistics follow; 0: each frame's own
  PreserveColor preserve_color = PreserveColor::kNone;
  float stabilization = 0.0f;  // 0 (off) to 1: how firmly the painting holds where the picture does not change
  bool static_skip = false;    // with stabilization: paint only around what moves, with the statistics of the last whole frame
  std::shared_ptr<const Mask> mask;            // scaled to the frame: `style` where it is white. Null: everywhere
  std::shared_ptr<const Style> outside_style;  // with a mask: where it is black. Null: the frame stays as it is there
  float mask_feather = 0.02f;                  // width of the mask's soft edge, in shares of the frame's height, 0 to 1
  int processing_height = 0;  // pixels; a higher frame is painted at this height and enlarged along its own edges. 0: as it is
};

// How long the last frames took, milliseconds.
struct Timing {
  double mean = 0.0;
  double percentile_95 = 0.0;
};

// Of the last frames (256 at most). What the engine does in one go counts where most of it belongs: the decoder's last layer writes
// the picture, the encoder's gather the statistics. On a GPU, which does it all in one go, everything but the reading counts as decode.
struct StylizerTimings {
  std::uint64_t frames = 0;      // since the stylizer was opened
  std::uint64_t scene_cuts = 0;  // seen while smoothing, stabilising or matching colours
  double painted_share = 0.0;    // mean share of the frame that was painted; below 1 with static_skip only
  Timing convert;                // picture to features
  Timing encode;
  Timing adain;  // statistics to weights
  Timing decode;
  Timing finish;  // colours and stabilisation
  Timing total;
};

// A model on a device: pictures in, pictures out. process() belongs to one thread at a time; load_style() and encode_style()
// may run on other threads at the same time. Every method throws Error.
class Stylizer {
 public:
  virtual ~Stylizer() = default;

  // Reads a style picture (JPEG, PNG, WebP where gdk-pixbuf has its loader; EXIF orientation applied, alpha over white) and
  // resizes it so that its short side is `style_size` pixels (0: as it is). With `colors` the picture's colours are given that mean
  // and covariance first.
  virtual std::shared_ptr<const Style> load_style(const std::string& path, int style_size,
                                                  const std::optional<ColorStatistics>& colors = std::nullopt) = 0;

  // The same for a picture in memory, used at the size it has. At least 16x16.
  virtual std::shared_ptr<const Style> encode_style(const ImageView& picture) = 0;

  // A mask from a picture file (read as a style picture is) or from memory: its brightness, white inside, black outside.
  virtual std::shared_ptr<const Mask> load_mask(const std::string& path) = 0;
  virtual std::shared_ptr<const Mask> make_mask(const ImageView& picture) = 0;

  // Repaints `input` into `output`. Same size (16x16 or more), same device, any two formats; output may be input's own memory.
  // Alpha is copied through; where only the output has alpha it becomes opaque. YUV is converted while it is read and written, but
  // with PreserveColor::kLuma, stabilization, processing_height or a mask without outside_style it takes a copy in RGB on the way.
  // These and PreserveColor::kMatch need pictures in system memory.
  virtual void process(const ImageView& input, const MutableImageView& output, const FrameParameters& parameters) = 0;

  // One style whose means and standard deviations lie between those of several (Huang & Belongie 2017, section 7.3). Cheap enough
  // for every frame: with the same styles in the same order, other weights act at once, without a transition.
  virtual std::shared_ptr<const Style> mix_styles(const std::vector<WeightedStyle>& styles) const = 0;

  // For the thread of process(), after a frame with PreserveColor::kMatch: the frames' colours, when they have moved visibly from
  // those that were returned last.
  virtual std::optional<ColorStatistics> changed_colors() = 0;

  // These two may be called from any thread.
  virtual StylizerInfo info() const = 0;
  virtual StylizerTimings timings() const = 0;
};

// Opens a model. Stylizers of the same model file, device and precision share one copy of the weights.
std::unique_ptr<Stylizer> open_stylizer(const StylizerOptions& options);

// The model used when none is named: $ADAINSTYLE_MODEL_DIR/adain-small.safetensors if the variable is set, else the installed one.
std::string default_model_path();

}  // namespace adainstyle
