// SPDX-License-Identifier: MIT
#include "fake_core.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "adainstyle/core_entry.h"
#include "fake_gpu.h"

namespace adainstyle::fake {
namespace {

using Words = std::map<std::string, std::string>;

Words parse(const std::string& path) {
  Words words;
  std::istringstream stream(path);
  for (std::string word; std::getline(stream, word, ',');) {
    const std::size_t equals = word.find('=');
    words[word.substr(0, equals)] = equals == std::string::npos ? "" : word.substr(equals + 1);
  }
  return words;
}

int number(const Words& words, const std::string& key) {
  const auto word = words.find(key);
  return word == words.end() ? 0 : std::stoi(word->second);
}

void throw_if_told(const Words& words, const std::string& key) {
  const auto word = words.find(key);
  if (word == words.end()) return;
  if (word->second == "bad-alloc") throw std::bad_alloc();
  if (word->second == "runtime-error") throw std::runtime_error("something went wrong inside");
  if (word->second == "int") throw 42;
  static const std::map<std::string, ErrorCode> codes = {
      {"settings", ErrorCode::kSettings},
      {"not-found", ErrorCode::kNotFound},
      {"unreadable", ErrorCode::kUnreadable},
      {"not-an-image", ErrorCode::kNotAnImage},
      {"malformed-model", ErrorCode::kMalformedModel},
      {"device-absent", ErrorCode::kDeviceAbsent},
      {"library", ErrorCode::kLibrary},
      {"out-of-memory", ErrorCode::kOutOfMemory},
  };
  throw Error(codes.at(word->second), kMessage);
}

struct Shared {
  std::mutex lock;
  std::condition_variable gate_changed;
  bool gate_open = true;
  std::vector<std::string> style_loads;
  std::atomic<int> stylizers = 0;
  SeenParameters last_parameters;
};

Shared& shared() {
  static Shared instance;
  return instance;
}

class FakeStyle : public Style {
 public:
  explicit FakeStyle(int value) : value_(value) {}
  int value() const { return value_; }

 private:
  int value_;
};

void paint_pixels(const ImageView& input, const MutableImageView& output, int value, float strength) {
  const PixelLayout in = pixel_layout(input.format);
  const PixelLayout out = pixel_layout(output.format);
  for (int y = 0; y < input.height; ++y) {
    const std::uint8_t* from = input.planes[0] + y * input.strides[0];
    std::uint8_t* to = output.planes[0] + y * output.strides[0];
    for (int x = 0; x < input.width; ++x, from += in.bytes, to += out.bytes) {
      to[out.red] = painted(from[in.red], 0, value, strength);
      to[out.green] = painted(from[in.green], 1, value, strength);
      to[out.blue] = painted(from[in.blue], 2, value, strength);
      if (out.has_alpha) to[out.alpha] = in.has_alpha ? from[in.alpha] : 0xff;
    }
  }
}

// YUV or planar RGB into the same format: luma, U and V take the places of red, green and blue.
void paint_planes(const ImageView& input, const MutableImageView& output, int value, float strength) {
  for (int plane = 0; plane < plane_count(input.format); ++plane) {
    const PlaneSize size = plane_size(input.format, input.width, input.height, plane);
    const bool interleaved = plane == 1 && input.format == PixelFormat::kNV12;
    for (int y = 0; y < size.rows; ++y) {
      const std::uint8_t* from = input.planes[plane] + y * input.strides[plane];
      std::uint8_t* to = output.planes[plane] + y * output.strides[plane];
      for (int x = 0; x < size.row_bytes; ++x) to[x] = painted(from[x], interleaved ? 1 + x % 2 : plane, value, strength);
    }
  }
}

void paint(const ImageView& input, const MutableImageView& output, int value, float strength) {
  is_packed(input.format) ? paint_pixels(input, output, value, strength) : paint_planes(input, output, value, strength);
}

class FakeMask : public Mask {
 public:
  explicit FakeMask(int value) : value_(value) {}
  int value() const { return value_; }

 private:
  int value_;
};

class FakeStylizer : public Stylizer {
 public:
  explicit FakeStylizer(const StylizerOptions& options) : options_(options), words_(parse(options.model_path)) {
    throw_if_told(words_, "throw");
    ++shared().stylizers;
  }
  ~FakeStylizer() override { --shared().stylizers; }

  std::shared_ptr<const Style> load_style(const std::string& path, int style_size,
                                          const std::optional<ColorStatistics>& colors) override {
    const Words words = begin_load(path, "@" + std::to_string(style_size));
    return std::make_shared<FakeStyle>(number(words, "value") + (colors ? kMatchedOffset : 0));
  }

  std::shared_ptr<const Mask> load_mask(const std::string& path) override {
    return std::make_shared<FakeMask>(number(begin_load(path, "@mask"), "value"));
  }

  std::shared_ptr<const Mask> make_mask(const ImageView&) override { return std::make_shared<FakeMask>(0); }

  std::shared_ptr<const Style> mix_styles(const std::vector<WeightedStyle>& styles) const override {
    float sum = 0.0f;
    float weighted = 0.0f;
    for (const WeightedStyle& style : styles) {
      sum += style.weight;
      weighted += style.weight * static_cast<float>(dynamic_cast<const FakeStyle&>(*style.style).value());
    }
    return std::make_shared<FakeStyle>(static_cast<int>(weighted / sum + 0.5f));
  }

  // The colours "change" with the first frame that asks for them.
  std::optional<ColorStatistics> changed_colors() override {
    if (!wants_colors_) return std::nullopt;
    wants_colors_ = false;
    return ColorStatistics{};
  }

  std::shared_ptr<const Style> encode_style(const ImageView&) override { return std::make_shared<FakeStyle>(0); }

  void process(const ImageView& input, const MutableImageView& output, const FrameParameters& parameters) override {
    throw_if_told(words_, "process-throw");
    const bool match = parameters.preserve_color == PreserveColor::kMatch;
    wants_colors_ = wants_colors_ || (match && !matches_);
    matches_ = match;
    ++frames_;
    {
      const std::lock_guard guard(shared().lock);
      SeenParameters& seen = shared().last_parameters;
      seen = {parameters.time_ns,       parameters.transition_ns, parameters.smoothing_ms, parameters.preserve_color,
              parameters.stabilization, parameters.static_skip,   parameters.mask_feather, parameters.processing_height};
      seen.input_queue = input.device.queue;
      if (parameters.mask) seen.mask_value = dynamic_cast<const FakeMask&>(*parameters.mask).value();
      if (parameters.outside_style) seen.outside_value = dynamic_cast<const FakeStyle&>(*parameters.outside_style).value();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(number(words_, "sleep-ms")));
    const int value = dynamic_cast<const FakeStyle&>(*parameters.style).value();
    paint(reachable(input), reachable(output), value, parameters.strength);
  }

  StylizerInfo info() const override {
    return {options_.model_path,
            device_.type == DeviceType::kCpu ? "cpu" : "cuda:" + std::to_string(device_.index),
            Precision::kFp32,
            1,
            1000,
            24,
            options_.memory_limit == 0 ? 1 : number(words_, "tiles"),
            words_.count("notice") != 0 ? words_.at("notice") : ""};
  }

  StylizerTimings timings() const override {
    StylizerTimings timings;
    timings.frames = frames_;
    timings.total = {2.0, 3.0};
    return timings;
  }

 private:
  static Words begin_load(const std::string& path, const std::string& suffix) {
    const Words words = parse(path);
    {
      Shared& state = shared();
      std::unique_lock guard(state.lock);
      state.style_loads.push_back(path + suffix);
      if (words.count("gate") != 0) state.gate_changed.wait(guard, [&state] { return state.gate_open; });
    }
    throw_if_told(words, "throw");
    return words;
  }

  const StylizerOptions options_;
  const Device device_ = find_fake_device(options_.device);
  const Words words_;
  std::atomic<std::uint64_t> frames_ = 0;
  bool matches_ = false;
  bool wants_colors_ = false;
};

std::unique_ptr<Stylizer> open_fake(const StylizerOptions& options) { return std::make_unique<FakeStylizer>(options); }

void set_gate(bool open) {
  {
    const std::lock_guard guard(shared().lock);
    shared().gate_open = open;
  }
  shared().gate_changed.notify_all();
}

std::vector<std::string> style_loads() {
  const std::lock_guard guard(shared().lock);
  return shared().style_loads;
}

SeenParameters last_parameters() {
  const std::lock_guard guard(shared().lock);
  return shared().last_parameters;
}

int stylizers_alive() { return shared().stylizers; }

void reset() {
  set_gate(true);
  const std::lock_guard guard(shared().lock);
  shared().style_loads.clear();
}

}  // namespace
}  // namespace adainstyle::fake

const adainstyle::fake::Control* adainstyle_fake_core_control() {
  using namespace adainstyle::fake;
  static const Control control = {set_gate, style_loads, last_parameters, stylizers_alive, reset};
  return &control;
}

const adainstyle::CoreEntry* adainstyle_core_entry() {
  static const adainstyle::CoreEntry entry = {FAKE_CORE_ABI_VERSION, adainstyle::fake::open_fake,
                                              adainstyle::fake::find_fake_device};
  return &entry;
}
