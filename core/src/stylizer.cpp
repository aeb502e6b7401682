// SPDX-License-Identifier: MIT
#include "adainstyle/stylizer.h"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "colors.h"
#include "engine/devices.h"
#include "engine/engine.h"
#include "engine/tiled_engine.h"
#include "frame_mask.h"
#include "image_file.h"
#include "model_file.h"
#include "network.h"
#include "pixels/pixels.h"
#include "reduced_frame.h"
#include "stabilizer.h"
#include "stopwatch.h"
#include "temporal.h"
#include "timings.h"

namespace adainstyle {
namespace {

constexpr int kMinimumSide = 16;

// Of static_skip. What a part of a frame measures is a multiple of the first, so that the engine's buffers seldom change; a part
// larger than the second share is not worth the trouble; the statistics of a frame serve for the third at the longest.
constexpr int kPartQuantum = 64;
constexpr double kLargestPart = 0.7;
constexpr std::int64_t kWholeFrameEvery = 1'000'000'000;

class EncodedStyle : public Style {
 public:
  EncodedStyle(std::uint64_t model_id, std::vector<std::uint64_t> picture_ids, StyleStatistics encoded)
      : model(model_id), pictures(std::move(picture_ids)), statistics(std::move(encoded)) {}

  const std::uint64_t model;                  // identity of the model file that encoded it
  const std::vector<std::uint64_t> pictures;  // what it was made of: StyleFade's identity
  const StyleStatistics statistics;
};

class GreyMask : public Mask {
 public:
  GreyMask(std::uint64_t mask_id, GreyPicture grey) : id(mask_id), picture(std::move(grey)) {}

  const std::uint64_t id;
  const GreyPicture picture;
};

std::uint64_t new_picture_id() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

// What is shared between stylizers: a model file on a device in a precision.
struct LoadedModel {
  std::shared_ptr<const PreparedModel> prepared;
  std::uint64_t id = 0;
  int radius = 0;  // receptive_radius
  int stride = 1;  // overall_stride
};

// A model file as it is now; a file that was replaced is another one.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;

  bool operator<(const FileIdentity& other) const {
    return std::tie(device, inode, size, modified_ns) < std::tie(other.device, other.inode, other.size, other.modified_ns);
  }
};

FileIdentity identify(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return {};  // reading it gives the error
  return {info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec};
}

// Stylizers of one file, device and precision share the weights for as long as one of them lives.
class ModelCache {
 public:
  std::shared_ptr<const LoadedModel> get(const std::string& path, const Device& device, Precision precision) {
    const std::lock_guard lock(mutex_);  // also keeps two stylizers from loading the same model twice
    const Key key{identify(path), device.type, device.index, precision};
    std::weak_ptr<const LoadedModel>& entry = models_[key];
    std::shared_ptr<const LoadedModel> model = entry.lock();
    if (!model) {
      const Model file = read_model(path);
      const auto id = ids_.emplace(std::get<0>(key), ids_.size() + 1).first->second;
      model = std::make_shared<const LoadedModel>(
          LoadedModel{prepare(file, device, precision), id, receptive_radius(file.network), overall_stride(file.network)});
      entry = model;
    }
    return model;
  }

 private:
  using Key = std::tuple<FileIdentity, DeviceType, int, Precision>;

  std::mutex mutex_;
  std::map<Key, std::weak_ptr<const LoadedModel>> models_;
  std::map<FileIdentity, std::uint64_t> ids_;
};

ModelCache& model_cache() {
  static ModelCache* cache = new ModelCache;  // never destroyed: a stylizer may outlive static destruction
  return *cache;
}

template <typename Byte>
bool has_planes(const BasicImageView<Byte>& image) {
  return std::none_of(image.planes, image.planes + plane_count(image.format), [](const Byte* plane) { return plane == nullptr; });
}

void check_picture(const ImageView& picture, const char* what) {
  if (picture.width >= kMinimumSide && picture.height >= kMinimumSide && has_planes(picture)) return;
  throw Error(ErrorCode::kSettings, std::string("the ") + what + " is " + std::to_string(picture.width) + "x" +
                                        std::to_string(picture.height) + " pixels; at least 16x16 are needed.");
}

// Of a packed picture.
template <typename Byte>
BasicImageView<Byte> part_of(const BasicImageView<Byte>& image, const Region& region) {
  BasicImageView<Byte> part = image;
  part.width = region.width;
  part.height = region.height;
  part.planes[0] += region.y * image.strides[0] + static_cast<std::ptrdiff_t>(region.x) * pixel_layout(image.format).bytes;
  return part;
}

// What the engine does with every pixel it paints, for those that it does not.
void copy_alpha(const ImageView& input, const MutableImageView& output) {
  const PixelLayout from = pixel_layout(input.format);
  const PixelLayout to = pixel_layout(output.format);
  if (to.alpha < 0) return;
  const bool copies = from.has_alpha && to.has_alpha;
  for (int y = 0; y < output.height; ++y) {
    const std::uint8_t* source = input.planes[0] + y * input.strides[0];
    std::uint8_t* pixel = output.planes[0] + y * output.strides[0];
    for (int x = 0; x < output.width; ++x, source += from.bytes, pixel += to.bytes) {
      pixel[to.alpha] = copies ? source[from.alpha] : std::uint8_t{255};
    }
  }
}

// A picture in RGB with memory of its own, kept from frame to frame.
class RgbPicture {
 public:
  void resize(int width, int height) {
    width_ = width;
    height_ = height;
    bytes_.resize(static_cast<std::size_t>(width) * height * 3);
  }
  ImageView view() const { return view_of<const std::uint8_t>(bytes_.data()); }
  MutableImageView mutable_view() { return view_of<std::uint8_t>(bytes_.data()); }

  ImageView copy(const ImageView& picture, int threads) {
    resize(picture.width, picture.height);
    convert_picture(picture, mutable_view(), threads);
    return view();
  }

 private:
  template <typename Byte>
  BasicImageView<Byte> view_of(Byte* bytes) const {
    BasicImageView<Byte> view;
    view.width = width_;
    view.height = height_;
    view.planes[0] = bytes;
    view.strides[0] = static_cast<std::ptrdiff_t>(width_) * 3;
    return view;
  }

  int width_ = 0;
  int height_ = 0;
  std::vector<std::uint8_t> bytes_;
};

Region intersection(const Region& a, const Region& b) {
  const int x = std::max(a.x, b.x);
  const int y = std::max(a.y, b.y);
  const int width = std::min(a.x + a.width, b.x + b.width) - x;
  const int height = std::min(a.y + a.height, b.y + b.height) - y;
  return width > 0 && height > 0 ? Region{x, y, width, height} : Region{};
}

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
    model_ = guarded("loading the model", [&] { return model_cache().get(path_, device_, precision_); });
    frame_engine_ = guarded("preparing the engine", [&] {
      return std::make_unique<TiledEngine>(model_->prepared, threads_, model_->radius, options.memory_limit);
    });
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
      return std::make_shared<EncodedStyle>(model_->id, std::vector{new_picture_id()}, engine->encode_style(picture));
    });
  }

  std::shared_ptr<const Style> mix_styles(const std::vector<WeightedStyle>& styles) const override {
    double sum = 0.0;
    for (const WeightedStyle& style : styles) {
      if (!(style.weight >= 0.0f) || std::isinf(style.weight)) {
        throw Error(ErrorCode::kSettings, "a style's weight is " + std::to_string(style.weight) + "; it must be 0 or more.");
      }
      sum += style.weight;
    }
    if (!(sum > 0.0)) throw Error(ErrorCode::kSettings, "no style has a weight above 0; give at least one.");
    std::vector<std::uint64_t> pictures;
    StyleStatistics mixed;
    double so_far = 0.0;
    for (const WeightedStyle& style : styles) {
      const EncodedStyle& encoded = own_style(style.style.get());
      pictures.insert(pictures.end(), encoded.pictures.begin(), encoded.pictures.end());
      so_far += style.weight;
      if (!(so_far > 0.0)) continue;
      mixed =
          mixed.empty() ? encoded.statistics : interpolate(mixed, encoded.statistics, static_cast<float>(style.weight / so_far));
    }
    return std::make_shared<EncodedStyle>(model_->id, std::move(pictures), std::move(mixed));
  }

  std::shared_ptr<const Mask> load_mask(const std::string& path) override {
    return guarded("reading the mask", [&] { return make_mask(read_image(path, 0).view()); });
  }

  std::shared_ptr<const Mask> make_mask(const ImageView& picture) override {
    return std::make_shared<GreyMask>(new_picture_id(), grey_picture(picture));
  }

  void process(const ImageView& frame, const MutableImageView& painting, const FrameParameters& parameters) override {
    check_frame(frame, painting, parameters);
    guarded("repainting a frame", [&] {
      Work work;
      Stopwatch watch;
      const bool keeps_chroma = parameters.preserve_color == PreserveColor::kLuma;
      const bool keeps_outside = parameters.mask && !parameters.outside_style;
      const auto [width, height] = processing_size(frame, parameters);
      const bool reduces = height < frame.height;
      // The engine reads and writes any format; whoever else looks at pixels wants packed ones.
      const bool edits = keeps_chroma || keeps_outside || reduces || parameters.stabilization > 0.0f;
      const bool apart = edits && is_yuv(painting.format);
      if (apart) painting_copy_.resize(painting.width, painting.height);
      const ImageView input = edits && is_yuv(frame.format) ? input_copy_.copy(frame, threads_) : frame;
      const MutableImageView output = apart ? painting_copy_.mutable_view() : painting;
      const bool overwrites = (keeps_chroma || keeps_outside) && input.planes[0] == output.planes[0];
      const ImageView original = overwrites ? input_copy_.copy(input, threads_) : input;
      if (reduces) {
        if (!reduced_) reduced_.emplace(threads_);
        const ImageView small = reduced_->shrink(input, width, height);
        watch.add_to(work.shrink);
        paint(small, small, reduced_->painting(), parameters, work);
        watch = {};
        reduced_->enlarge(input, output);
        if (keeps_chroma) keep_chroma(original, output, threads_);
        if (keeps_outside) {
          large_mask_.fit(mask_of(parameters).picture, mask_of(parameters).id, input.width, input.height, parameters.mask_feather);
          large_mask_.lay_under(original, output, threads_);
        }
      } else {
        reduced_.reset();  // with its memory
        large_mask_.reset();
        paint(input, original, output, parameters, work);
        watch = {};
        if (keeps_outside) mask_.lay_under(original, output, threads_);
      }
      if (apart) convert_picture(painting_copy_.view(), painting, threads_);
      watch.add_to(work.finish);
      work.times.convert += work.shrink;
      timings_.add(work.times, work.finish, work.shrink + work.paint + work.finish, work.share);
    });
  }

  std::optional<ColorStatistics> changed_colors() override { return follower_.changed(); }

  StylizerInfo info() const override {
    return {path_,
            device_name(device_),
            precision_,
            device_.type == DeviceType::kCpu ? threads_ : 0,
            model_->prepared->weight_bytes(),
            workspace_bytes_,
            tiles_};
  }

  StylizerTimings timings() const override { return timings_.read(); }

 private:
  const EncodedStyle& own_style(const Style* style) const {
    const auto* encoded = dynamic_cast<const EncodedStyle*>(style);
    if (!encoded) throw Error(ErrorCode::kSettings, "no style is set; load a style picture first.");
    if (encoded->model == model_->id) return *encoded;
    throw Error(ErrorCode::kSettings, "the style was encoded by another model file than " + path_ + "; load it again.");
  }

  // Where the frame's bytes are must be known before any is touched.
  void check_devices(const Device& input, const Device& output) const {
    const bool same = input.type == output.type && (input.type == DeviceType::kCpu || input.index == output.index);
    const bool reachable = input.type == DeviceType::kCpu || (device_.type == DeviceType::kCuda && input.index == device_.index);
    if (same && reachable) return;
    throw Error(ErrorCode::kSettings, "input and output lie on " + device_name(input) + " and " + device_name(output) +
                                          ", and the stylizer computes on " + device_name(device_) +
                                          "; both must lie there or both in system memory.");
  }

  void check_frame(const ImageView& input, const MutableImageView& output, const FrameParameters& parameters) const {
    check_picture(input, "frame");
    check_devices(input.device, output.device);
    if (input.width != output.width || input.height != output.height || !has_planes(output)) {
      throw Error(ErrorCode::kSettings, "input and output differ in size: " + std::to_string(input.width) + "x" +
                                            std::to_string(input.height) + " and " + std::to_string(output.width) + "x" +
                                            std::to_string(output.height));
    }
    if (!(parameters.strength >= 0.0f && parameters.strength <= 1.0f)) {
      throw Error(ErrorCode::kSettings, "strength is " + std::to_string(parameters.strength) + "; it must be 0 to 1.");
    }
    if (!(parameters.stabilization >= 0.0f && parameters.stabilization <= 1.0f)) {
      throw Error(ErrorCode::kSettings, "stabilization is " + std::to_string(parameters.stabilization) + "; it must be 0 to 1.");
    }
    if (!(parameters.mask_feather >= 0.0f && parameters.mask_feather <= 1.0f)) {
      throw Error(ErrorCode::kSettings, "mask-feather is " + std::to_string(parameters.mask_feather) + "; it must be 0 to 1.");
    }
    const bool reads_pixels = parameters.preserve_color != PreserveColor::kNone || parameters.stabilization > 0.0f ||
                              parameters.processing_height > 0 || (parameters.mask && !parameters.outside_style);
    if (reads_pixels && input.device.type != DeviceType::kCpu) {
      throw Error(ErrorCode::kSettings,
                  "preserve-color, stabilization, processing-height and a mask without mask-style need frames in system memory; "
                  "download the frames first or switch them off.");
    }
  }

  // What became of a frame on the way: milliseconds, and the share of the frame that was painted.
  struct Work {
    EngineTimes times;
    double shrink = 0.0;
    double paint = 0.0;
    double finish = 0.0;
    double share = 1.0;
  };

  // What of a frame is painted in which style.
  struct Styling {
    const StyleStatistics* style = nullptr;
    FrameRegions regions;  // without a place
    Region canvas;         // what may have to be painted
    Region seen;           // what of it will be seen
  };

  static const GreyMask& mask_of(const FrameParameters& parameters) { return dynamic_cast<const GreyMask&>(*parameters.mask); }

  static std::pair<int, int> processing_size(const ImageView& input, const FrameParameters& parameters) {
    if (parameters.processing_height <= 0 || parameters.processing_height >= input.height) return {input.width, input.height};
    const int height = std::max(parameters.processing_height, kMinimumSide);
    const double width = std::round(static_cast<double>(input.width) * height / input.height);
    return {std::clamp(static_cast<int>(width), kMinimumSide, input.width), height};
  }

  // Paints a frame at its own size. original: the input, in memory that the output does not overwrite.
  void paint(const ImageView& input, const ImageView& original, const MutableImageView& output, const FrameParameters& parameters,
             Work& work) {
    Stopwatch watch;
    bool restyled = parameters.strength != last_strength_;
    last_strength_ = parameters.strength;
    const bool new_mask = fit_mask(input, parameters);
    const Styling styling = choose_styles(input, parameters, restyled);
    const bool cut = look_for_cut(input, parameters) || new_mask;
    follow_colors(input, parameters, cut);
    const bool stabilizes = begin_stabilization(input, parameters, cut || restyled);
    const Region part = stabilizes && parameters.static_skip ? part_to_paint(styling, input, parameters.time_ns) : styling.canvas;
    const bool is_part = part.width != styling.canvas.width || part.height != styling.canvas.height;

    Engine& engine = is_part ? part_engine() : *frame_engine_;
    if (part.width != input.width || part.height != input.height) copy_alpha(input, output);
    if (is_part) {
      memory_.freeze();
    } else {
      prepare_filter(parameters, cut, restyled);
      last_whole_time_ = parameters.time_ns;
    }
    if (part.width > 0) {
      FrameRegions regions = styling.regions;
      regions.x = part.x;
      regions.y = part.y;
      engine.set_regions(regions);
      engine.stylize(part_of(input, part), part_of(output, part), *styling.style, parameters.strength);
      work.times = engine.times();
    }
    tiles_ = frame_engine_->tiles();
    workspace_bytes_ = frame_engine_->workspace_bytes() + (part_engine_ ? part_engine_->workspace_bytes() : 0);
    watch.add_to(work.paint);
    const bool keeps_chroma = parameters.preserve_color == PreserveColor::kLuma && !reduced_;
    if (keeps_chroma && part.width > 0) keep_chroma(part_of(original, part), part_of(output, part), threads_);
    if (stabilizes) stabilizer_->blend(output, parameters.stabilization, is_part);
    watch.add_to(work.finish);
    work.share = static_cast<double>(part.width) * part.height / (static_cast<double>(input.width) * input.height);
  }

  // Returns whether the frame's regions are others than the last frame's.
  bool fit_mask(const ImageView& input, const FrameParameters& parameters) {
    const bool had_outside = std::exchange(has_outside_, parameters.outside_style != nullptr);
    if (!parameters.mask) return mask_.reset();
    const GreyMask& mask = mask_of(parameters);
    const bool other = mask_.fit(mask.picture, mask.id, input.width, input.height, parameters.mask_feather);
    return other || had_outside != has_outside_;
  }

  // Sets `restyled` where the statistics of a style are others than the last frame's.
  Styling choose_styles(const ImageView& input, const FrameParameters& parameters, bool& restyled) {
    Styling styling;
    const EncodedStyle& style = own_style(parameters.style.get());
    styling.style = &fade_.advance(style.pictures, style.statistics, parameters.time_ns, parameters.transition_ns);
    restyled = fade_.moved() || restyled;
    styling.canvas = styling.seen = {0, 0, input.width, input.height};
    if (!parameters.mask) return styling;

    const StyleStatistics* outside = nullptr;
    if (parameters.outside_style) {
      const EncodedStyle& other = own_style(parameters.outside_style.get());
      outside = &outside_fade_.advance(other.pictures, other.statistics, parameters.time_ns, parameters.transition_ns);
      restyled = outside_fade_.moved() || restyled;
    }
    switch (mask_.cover()) {
      case FrameMask::Cover::kEverything: break;
      case FrameMask::Cover::kNothing:
        if (outside) {
          styling.style = outside;
        } else {
          styling.canvas = styling.seen = {};
        }
        break;
      case FrameMask::Cover::kPart:
        styling.regions = {mask_.levels(), input.width, input.height, mask_.version(), 0, 0, outside};
        if (outside) break;
        styling.seen = mask_.bounds();
        styling.canvas = widened(styling.seen, input);
        break;
    }
    return styling;
  }

  // Where the frame's bytes cannot be read cheaply the average just follows.
  bool look_for_cut(const ImageView& input, const FrameParameters& parameters) {
    const bool wanted =
        parameters.smoothing_ms > 0.0f || parameters.stabilization > 0.0f || parameters.preserve_color == PreserveColor::kMatch;
    if (!wanted || input.device.type != DeviceType::kCpu) {
      cuts_.reset();
      return false;
    }
    const bool cut = cuts_.is_cut(input);
    if (cut) timings_.count_cut();
    return cut;
  }

  void prepare_filter(const FrameParameters& parameters, bool cut, bool restyled) {
    const bool smooth = parameters.smoothing_ms > 0.0f;
    smoother_.begin_frame(parameters.time_ns, parameters.smoothing_ms, cut || !smooth, restyled);
    memory_.follow(smooth ? &smoother_ : nullptr);
    frame_engine_->set_filter(smooth || parameters.static_skip ? &memory_ : nullptr);
  }

  void follow_colors(const ImageView& input, const FrameParameters& parameters, bool cut) {
    if (parameters.preserve_color == PreserveColor::kMatch) {
      follower_.add(input, parameters.time_ns, cut);
    } else {
      follower_.reset();
    }
  }

  // What of a frame has to be painted for everything that moves to be right: nothing, a part or the whole canvas.
  Region part_to_paint(const Styling& styling, const ImageView& input, std::int64_t time_ns) const {
    const bool due = time_ns < last_whole_time_ || time_ns - last_whole_time_ >= kWholeFrameEvery;
    if (due || !stabilizer_->has_history()) return styling.canvas;
    const Region moving = intersection(stabilizer_->moving_region(), styling.seen);
    if (moving.width == 0) return {};
    const Region part = widened(moving, input);
    const bool worth_it =
        static_cast<double>(part.width) * part.height < kLargestPart * styling.canvas.width * styling.canvas.height;
    return worth_it ? part : styling.canvas;
  }

  // A rectangle with all around it that its painting depends on, within the frame.
  Region widened(const Region& region, const ImageView& frame) const {
    Region wide;
    const auto widen = [this](int at, int size, int limit, int& begin, int& length) {
      begin = std::max(at - model_->radius, 0) / model_->stride * model_->stride;
      length = (at + size + model_->radius - begin + kPartQuantum - 1) / kPartQuantum * kPartQuantum;
      if (begin + length <= limit) return;
      begin = std::max(limit - length, 0) / model_->stride * model_->stride;
      length = limit - begin;
    };
    widen(region.x, region.width, frame.width, wide.x, wide.width);
    widen(region.y, region.height, frame.height, wide.y, wide.height);
    return wide;
  }

  // An engine of its own, so that the whole frame's buffers stay.
  Engine& part_engine() {
    if (!part_engine_) {
      part_engine_ = model_->prepared->make_engine(threads_);
      part_engine_->set_filter(&memory_);
    }
    return *part_engine_;
  }

  // Returns whether the painting of this frame is to be blended with the last one.
  bool begin_stabilization(const ImageView& input, const FrameParameters& parameters, bool fresh) {
    if (!(parameters.stabilization > 0.0f)) {
      stabilizer_.reset();  // with its memory
      return false;
    }
    if (!stabilizer_) stabilizer_.emplace(threads_);
    const bool recolored = parameters.preserve_color != last_preserve_color_;
    last_preserve_color_ = parameters.preserve_color;
    stabilizer_->look_at(input, parameters.time_ns, fresh || recolored, parameters.static_skip);
    return true;
  }

  std::string path_;
  Device device_;
  Precision precision_ = Precision::kFp32;
  int threads_ = 0;
  std::shared_ptr<const LoadedModel> model_;
  std::unique_ptr<TiledEngine> frame_engine_;
  std::atomic<std::size_t> workspace_bytes_ = 0;
  std::atomic<int> tiles_ = 1;
  TimingLog timings_;

  // From one frame to the next.
  SceneCutDetector cuts_;
  StyleFade fade_;
  StyleFade outside_fade_;
  FrameMask mask_;  // at the size that is painted
  FrameMask large_mask_;
  bool has_outside_ = false;
  std::optional<ReducedFrame> reduced_;
  StatisticsSmoother smoother_;
  ColorFollower follower_;
  std::optional<Stabilizer> stabilizer_;
  StatisticsMemory memory_;
  std::unique_ptr<Engine> part_engine_;
  std::int64_t last_whole_time_ = 0;
  PreserveColor last_preserve_color_ = PreserveColor::kNone;
  float last_strength_ = -1.0f;
  RgbPicture input_copy_;     // of an input that the output overwrites or that is YUV
  RgbPicture painting_copy_;  // what becomes a YUV output
};

}  // namespace

std::unique_ptr<Stylizer> open_stylizer(const StylizerOptions& options) { return std::make_unique<EngineStylizer>(options); }

std::string default_model_path() {
  const char* folder = std::getenv("ADAINSTYLE_MODEL_DIR");
  return std::string(folder && *folder ? folder : ADAINSTYLE_INSTALLED_MODEL_DIR) + "/adain-small.safetensors";
}

}  // namespace adainstyle
