// SPDX-License-Identifier: MIT
#include "adainstyle/stylizer.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <thread>
#include <tuple>
#include <utility>

#include "engine/devices.h"
#include "engine/engine.h"
#include "image_file.h"
#include "model_file.h"

namespace adainstyle {
namespace {

constexpr int kMinimumSide = 16;

class EncodedStyle : public Style {
 public:
  EncodedStyle(std::uint64_t model_id, StyleStatistics encoded) : model(model_id), statistics(std::move(encoded)) {}

  const std::uint64_t model;  // identity of the model file that encoded it
  const StyleStatistics statistics;
};

// What is shared between stylizers: a model file on a device in a precision.
struct LoadedModel {
  std::shared_ptr<const PreparedModel> prepared;
  std::uint64_t id = 0;
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
      model = std::make_shared<const LoadedModel>(LoadedModel{prepare(file, device, precision), id});
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

void check_picture(const ImageView& picture, const char* what) {
  if (picture.width >= kMinimumSide && picture.height >= kMinimumSide && picture.planes[0]) return;
  throw Error(ErrorCode::kSettings, std::string("the ") + what + " is " + std::to_string(picture.width) + "x" +
                                        std::to_string(picture.height) + " pixels; at least 16x16 are needed");
}

// Turns what LibTorch and the allocator throw into Error.
template <typename Call>
auto guarded(const char* what, const Call& call) {
  try {
    return call();
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kOutOfMemory, std::string("out of memory while ") + what + "; use smaller frames");
  } catch (const std::exception& error) {
    throw Error(is_out_of_memory(error) ? ErrorCode::kOutOfMemory : ErrorCode::kLibrary,
                std::string("LibTorch failed while ") + what + ": " + error.what());
  }
}

class EngineStylizer : public Stylizer {
 public:
  explicit EngineStylizer(const StylizerOptions& options)
      : path_(options.model_path.empty() ? default_model_path() : options.model_path), device_(find_device(options.device)) {
    if (options.threads < 0 || options.threads > 1024) {
      throw Error(ErrorCode::kSettings, "threads is " + std::to_string(options.threads) + "; it must be 0 (one a core) to 1024");
    }
    threads_ = options.threads > 0 ? options.threads : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    precision_ = options.precision == Precision::kAuto ? fastest_precision(device_) : options.precision;
    model_ = guarded("loading the model", [&] { return model_cache().get(path_, device_, precision_); });
    frame_engine_ = guarded("preparing the engine", [&] { return model_->prepared->make_engine(threads_); });
  }

  std::shared_ptr<const Style> load_style(const std::string& path, int style_size) override {
    if (style_size != 0 && style_size < kMinimumSide) {
      throw Error(ErrorCode::kSettings, "style-size is " + std::to_string(style_size) + "; it must be 0 (as it is) or 16 and more");
    }
    const DecodedImage picture = guarded("reading the style picture", [&] { return read_image(path, style_size); });
    return encode_style(picture.view());
  }

  // An engine of its own, so that frames go on meanwhile and keep their buffers.
  std::shared_ptr<const Style> encode_style(const ImageView& picture) override {
    check_picture(picture, "style picture");
    return guarded("encoding the style picture", [&] {
      const std::unique_ptr<Engine> engine = model_->prepared->make_engine(threads_);
      return std::make_shared<EncodedStyle>(model_->id, engine->encode_style(picture));
    });
  }

  void process(const ImageView& input, const MutableImageView& output, const FrameParameters& parameters) override {
    check_picture(input, "frame");
    if (input.width != output.width || input.height != output.height || !output.planes[0]) {
      throw Error(ErrorCode::kSettings, "input and output differ in size: " + std::to_string(input.width) + "x" +
                                            std::to_string(input.height) + " and " + std::to_string(output.width) + "x" +
                                            std::to_string(output.height));
    }
    const auto* style = dynamic_cast<const EncodedStyle*>(parameters.style.get());
    if (!style) throw Error(ErrorCode::kSettings, "no style is set; load a style picture first");
    if (style->model != model_->id) {
      throw Error(ErrorCode::kSettings, "the style was encoded by another model file than " + path_ + "; load it again");
    }
    if (!(parameters.strength >= 0.0f && parameters.strength <= 1.0f)) {
      throw Error(ErrorCode::kSettings, "strength is " + std::to_string(parameters.strength) + "; it must be 0 to 1");
    }
    guarded("repainting a frame", [&] { frame_engine_->stylize(input, output, style->statistics, parameters.strength); });
  }

  StylizerInfo info() const override {
    return {path_,
            device_name(device_),
            precision_,
            device_.type == DeviceType::kCpu ? threads_ : 0,
            model_->prepared->weight_bytes(),
            frame_engine_->workspace_bytes()};
  }

 private:
  std::string path_;
  Device device_;
  Precision precision_ = Precision::kFp32;
  int threads_ = 0;
  std::shared_ptr<const LoadedModel> model_;
  std::unique_ptr<Engine> frame_engine_;
};

}  // namespace

std::unique_ptr<Stylizer> open_stylizer(const StylizerOptions& options) { return std::make_unique<EngineStylizer>(options); }

std::string default_model_path() {
  const char* folder = std::getenv("ADAINSTYLE_MODEL_DIR");
  return std::string(folder && *folder ? folder : ADAINSTYLE_INSTALLED_MODEL_DIR) + "/adain-small.safetensors";
}

}  // namespace adainstyle
