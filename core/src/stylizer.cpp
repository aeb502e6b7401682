// SPDX-License-Identifier: MIT
#include "adainstyle/stylizer.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "colors.h"
#include "encoded_style.h"
#include "engine/devices.h"
#include "frame_checks.h"
#include "frame_mask.h"
#include "frame_painter.h"
#include "image_file.h"
#include "loaded_model.h"
#include "packed_picture.h"
#include "pixels/pixels.h"
#include "reduced_frame.h"
#include "stopwatch.h"
#include "timings.h"

namespace adainstyle {
namespace {

// Turns what LibTorch and the allocator throw into Error.
template <typename Call>
auto guarded(const char* what, const Call& call) {
  try {
    return call();
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kOutOfMemory, std::string("out of memory while ") + what + "; use smaller frames.");
  } catch (const std::exception& error) {
    throw Error(is_out_of_memory(error) ? ErrorCode::kOutOfMemory : ErrorCode::kLibrary,
                std::string("LibTorch failed while ") + what + ": " + plain_message(error));
  }
}

class EngineStylizer : public Stylizer {
 public:
  explicit EngineStylizer(const StylizerOptions& options)
      : path_(options.model_path.empty() ? default_model_path() : options.model_path), device_(find_device(options.device)) {
    if (options.threads < 0 || options.threads > 1024) {
      throw Error(ErrorCode::kSettings, "threads is " + std::to_string(options.threads) + "; it must be 0 (one a core) to 1024.");
    }
    threads_ = options.threads > 0 ? options.threads : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    precision_ = options.precision == Precision::kAuto ? fastest_precision(device_) : options.precision;
    model_ = guarded("loading the model", [&] { return load_model(path_, device_, precision_); });
    painter_ =
        guarded("preparing the engine", [&] { return std::make_unique<FramePainter>(model_, threads_, options.memory_limit); });
  }

  std::shared_ptr<const Style> load_style(const std::string& path, int style_size,
                                          const std::optional<ColorStatistics>& colors) override {
    if (style_size != 0 && style_size < kMinimumSide) {
      throw Error(ErrorCode::kSettings,
                  "style-size is " + std::to_string(style_size) + "; it must be 0 (as it is) or 16 and more.");
    }
    const DecodedImage picture = guarded("reading the style picture", [&] {
      DecodedImage image = read_image(path, style_size);
      if (colors) match_colors(image, *colors);
      return image;
    });
    return encode_style(picture.view());
  }

  // An engine of its own, so that frames go on meanwhile and keep their buffers, on half of the threads, so that they keep their pace.
  std::shared_ptr<const Style> encode_style(const ImageView& picture) override {
    check_picture(picture, "style picture");
    return guarded("encoding the style picture", [&] {
      const std::unique_ptr<Engine> engine = model_->prepared->make_engine(std::max(threads_ / 2, 1));
      return style_of_picture(model_->id, engine->encode_style(picture));
    });
  }

  std::shared_ptr<const Style> mix_styles(const std::vector<WeightedStyle>& styles) const override {
    return mix(model_->id, styles);
  }

  std::shared_ptr<const Mask> load_mask(const std::string& path) override {
    return guarded("reading the mask", [&] { return make_mask(read_image(path, 0).view()); });
  }

  std::shared_ptr<const Mask> make_mask(const ImageView& picture) override {
    return std::make_shared<GreyMask>(grey_picture(picture));
  }

  void process(const ImageView& frame, const MutableImageView& painting, const FrameParameters& parameters) override {
    check_frame(frame, painting, parameters, device_);
    guarded("repainting a frame", [&] {
      const auto [width, height] = processing_size(frame, parameters);
      const bool reduces = height < frame.height;
      const bool compares = parameters.preserve_color == PreserveColor::kLuma || keeps_outside(parameters);
      const bool edits = compares || reduces || parameters.stabilization > 0.0f;
      // The engine reads and writes any format; whoever else looks at pixels wants packed ones.
      const bool apart = edits && !is_packed(painting.format);
      const bool overwrites = !apart && frame.planes[0] == painting.planes[0];
      Stopwatch watch;
      double convert = 0.0;
      const bool copies = (edits && !is_packed(frame.format)) || (compares && overwrites);
      const ImageView input = copies ? input_copy_.copy(frame, threads_) : frame;
      if (apart) painting_copy_.resize(PixelFormat::kRGB, painting.width, painting.height);
      const MutableImageView output = apart ? painting_copy_.mutable_view() : painting;
      watch.add_to(convert);
      PaintingWork work = reduces ? paint_reduced(input, output, width, height, parameters) : paint_full(input, output, parameters);
      watch = {};
      if (apart) convert_picture(painting_copy_.view(), painting, threads_);
      watch.add_to(work.finish);
      if (work.cut) timings_.count_cut();
      work.times.convert += convert;
      timings_.add(work.times, work.finish, convert + work.paint + work.finish, work.share);
    });
  }

  std::optional<ColorStatistics> changed_colors() override { return painter_->changed_colors(); }

  StylizerInfo info() const override {
    return {path_,
            device_name(device_),
            precision_,
            device_.type == DeviceType::kCpu ? threads_ : 0,
            model_->prepared->weight_bytes(),
            painter_->workspace_bytes(),
            painter_->tiles(),
            painter_->notice()};
  }

  StylizerTimings timings() const override { return timings_.read(); }

 private:
  static bool keeps_outside(const FrameParameters& parameters) { return parameters.mask && !parameters.outside_style; }

  static std::pair<int, int> processing_size(const ImageView& input, const FrameParameters& parameters) {
    if (parameters.processing_height <= 0 || parameters.processing_height >= input.height) return {input.width, input.height};
    const int height = std::max(parameters.processing_height, kMinimumSide);
    const double width = std::round(static_cast<double>(input.width) * height / input.height);
    return {std::clamp(static_cast<int>(width), kMinimumSide, input.width), height};
  }

  PaintingWork paint_full(const ImageView& input, const MutableImageView& output, const FrameParameters& parameters) {
    reduced_.reset();  // with its memory
    large_mask_.reset();
    PaintingWork work = painter_->paint(input, output, parameters);
    Stopwatch watch;
    if (keeps_outside(parameters)) painter_->lay_under_outside(input, output);
    watch.add_to(work.finish);
    return work;
  }

  // At a smaller size, brought back along the frame's own edges. Colours and what is outside are those of the frame.
  PaintingWork paint_reduced(const ImageView& input, const MutableImageView& output, int width, int height,
                             const FrameParameters& parameters) {
    if (!reduced_) reduced_.emplace(threads_);
    Stopwatch watch;
    double shrunk = 0.0;
    const ImageView small = reduced_->shrink(input, width, height);
    watch.add_to(shrunk);
    const bool keeps_chroma = parameters.preserve_color == PreserveColor::kLuma;
    FrameParameters small_parameters = parameters;
    if (keeps_chroma) small_parameters.preserve_color = PreserveColor::kNone;
    PaintingWork work = painter_->paint(small, reduced_->painting(), small_parameters);
    watch = {};
    reduced_->enlarge(input, output);
    if (keeps_chroma) keep_chroma(input, output, threads_);
    if (keeps_outside(parameters)) {
      const auto& mask = dynamic_cast<const GreyMask&>(*parameters.mask);
      large_mask_.fit(mask.picture, mask.id, input.width, input.height, parameters.mask_feather);
      large_mask_.lay_under(input, output, threads_);
    }
    watch.add_to(work.finish);
    work.times.convert += shrunk;
    work.paint += shrunk;
    return work;
  }

  std::string path_;
  Device device_;
  Precision precision_ = Precision::kFp32;
  int threads_ = 0;
  std::shared_ptr<const LoadedModel> model_;
  std::unique_ptr<FramePainter> painter_;
  TimingLog timings_;

  // From one frame to the next.
  std::optional<ReducedFrame> reduced_;
  FrameMask large_mask_;         // at the size of the frame, where that is not the size that is painted
  PackedPicture input_copy_;     // of an input that the output overwrites or that is not packed
  PackedPicture painting_copy_;  // what becomes an output that is not packed
};

}  // namespace

std::unique_ptr<Stylizer> open_stylizer(const StylizerOptions& options) { return std::make_unique<EngineStylizer>(options); }

std::string default_model_path() {
  const char* folder = std::getenv("ADAINSTYLE_MODEL_DIR");
  return std::string(folder && *folder ? folder : ADAINSTYLE_INSTALLED_MODEL_DIR) + "/adain-small.safetensors";
}

}  // namespace adainstyle
