// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <string>

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
};

// What a stylizer ended up with.
struct StylizerInfo {
  std::string model_path;
  std::string device;           // "cpu" or "cuda:N"
  Precision precision;          // never kAuto
  int threads;                  // 0 on a GPU
  std::size_t weight_bytes;     // memory of the weights, shared by all stylizers of the same model, device and precision
  std::size_t workspace_bytes;  // memory of this stylizer's buffers at the largest frame so far
};

// The statistics a style picture leaves at the model's AdaIN layers. Made by a Stylizer, immutable, shared freely between
// threads and between all stylizers that use the same model file.
class Style {
 public:
  virtual ~Style() = default;
};

// What may differ from one frame to the next.
struct FrameParameters {
  std::shared_ptr<const Style> style;
  float strength = 1.0f;  // the paper's alpha, 0 (decoded content) to 1 (full style)
};

// A model on a device: pictures in, pictures out. process() belongs to one thread at a time; load_style() and encode_style()
// may run on other threads at the same time. Every method throws Error.
class Stylizer {
 public:
  virtual ~Stylizer() = default;

  // Reads a style picture (JPEG, PNG, WebP where gdk-pixbuf has its loader; EXIF orientation applied, alpha over white) and
  // resizes it so that its short side is `style_size` pixels (0: as it is).
  virtual std::shared_ptr<const Style> load_style(const std::string& path, int style_size) = 0;

  // The same for a picture in memory, used at the size it has. At least 16x16.
  virtual std::shared_ptr<const Style> encode_style(const ImageView& picture) = 0;

  // Repaints `input` into `output`. Same size (16x16 or more), same device, any two formats; output may be input's own memory.
  // Alpha is copied through; where only the output has alpha it becomes opaque.
  virtual void process(const ImageView& input, const MutableImageView& output, const FrameParameters& parameters) = 0;

  virtual StylizerInfo info() const = 0;
};

// Opens a model. Stylizers of the same model file, device and precision share one copy of the weights.
std::unique_ptr<Stylizer> open_stylizer(const StylizerOptions& options);

// The model used when none is named: $ADAINSTYLE_MODEL_DIR/adain-small.safetensors if the variable is set, else the installed one.
std::string default_model_path();

}  // namespace adainstyle
