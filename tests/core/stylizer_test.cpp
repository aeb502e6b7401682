// SPDX-License-Identifier: MIT
#include "adainstyle/stylizer.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model_file.h"
#include "support/temporary_folder.h"

namespace adainstyle {
namespace {

using testing::HasSubstr;

constexpr PixelFormat kFormats[] = {PixelFormat::kRGB,  PixelFormat::kBGR,  PixelFormat::kRGBA, PixelFormat::kBGRA,
                                    PixelFormat::kARGB, PixelFormat::kABGR, PixelFormat::kRGBx, PixelFormat::kBGRx,
                                    PixelFormat::kxRGB, PixelFormat::kxBGR};

// A picture whose rows lie a few bytes farther apart than they are long; the bytes between must survive.
class Frame {
 public:
  Frame(PixelFormat format, int width, int height, std::uint8_t fill = 0)
      : layout(pixel_layout(format)), stride(width * layout.bytes + 5), bytes(static_cast<std::size_t>(stride) * height, fill) {
    view.format = format;
    view.width = width;
    view.height = height;
    view.planes[0] = bytes.data();
    view.strides[0] = stride;
  }

  // The same scene in any format: colours and alpha follow from the place alone.
  static Frame scene(PixelFormat format, int width, int height) {
    Frame frame(format, width, height);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        std::uint8_t* pixel = frame.at(x, y);
        if (frame.layout.alpha >= 0) pixel[frame.layout.alpha] = static_cast<std::uint8_t>(x * 7 + y * 3);
        pixel[frame.layout.red] = static_cast<std::uint8_t>(x * 5 + y);
        pixel[frame.layout.green] = static_cast<std::uint8_t>(x ^ y * 3);
        pixel[frame.layout.blue] = static_cast<std::uint8_t>(200 - x - y * 2);
      }
    }
    return frame;
  }

  ImageView input() const {
    ImageView image;
    image.format = view.format;
    image.width = view.width;
    image.height = view.height;
    image.planes[0] = bytes.data();
    image.strides[0] = stride;
    return image;
  }

  MutableImageView output() {
    MutableImageView image = view;
    image.planes[0] = bytes.data();
    return image;
  }

  std::uint8_t* at(int x, int y) { return bytes.data() + static_cast<std::size_t>(y) * stride + x * layout.bytes; }

  PixelLayout layout;
  int stride;
  std::vector<std::uint8_t> bytes;
  MutableImageView view;
};

class StylizerTest : public testing::TestWithParam<Precision> {
 protected:
  static StylizerOptions options(Precision precision = Precision::kAuto) {
    StylizerOptions result;
    result.device = "cpu";
    result.precision = precision;
    result.threads = 2;
    return result;
  }

  // Runs `call`, which must throw, and returns the error.
  static Error error_of(const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return Error(ErrorCode::kLibrary, "");
  }
};

TEST_P(StylizerTest, EveryFormatGivesTheSameColours) {
  const auto stylizer = open_stylizer(options(GetParam()));
  const FrameParameters parameters{stylizer->encode_style(Frame::scene(PixelFormat::kRGB, 64, 40).input()), 0.8f};
  Frame reference(PixelFormat::kRGB, 53, 37);
  stylizer->process(Frame::scene(PixelFormat::kRGB, 53, 37).input(), reference.output(), parameters);
  for (const PixelFormat in : kFormats) {
    for (const PixelFormat out : kFormats) {
      const Frame input = Frame::scene(in, 53, 37);
      Frame output(out, 53, 37, 0xaa);
      stylizer->process(input.input(), output.output(), parameters);
      for (int y = 0; y < 37; ++y) {
        for (int x = 0; x < 53; ++x) {
          const std::uint8_t* expected = reference.at(x, y);
          const std::uint8_t* pixel = output.at(x, y);
          ASSERT_EQ(pixel[output.layout.red], expected[0]);
          ASSERT_EQ(pixel[output.layout.green], expected[1]);
          ASSERT_EQ(pixel[output.layout.blue], expected[2]);
          if (!output.layout.has_alpha) continue;
          ASSERT_EQ(pixel[output.layout.alpha], input.layout.has_alpha ? static_cast<std::uint8_t>(x * 7 + y * 3) : 255);
        }
        const std::uint8_t* padding = output.at(0, y) + 53 * output.layout.bytes;
        ASSERT_EQ(std::count(padding, padding + 5, 0xaa), 5) << "bytes between rows were written";
      }
    }
  }
}

TEST_P(StylizerTest, OutputMayBeTheInputItself) {
  const auto stylizer = open_stylizer(options(GetParam()));
  Frame frame = Frame::scene(PixelFormat::kBGRA, 70, 50);
  const FrameParameters parameters{stylizer->encode_style(frame.input()), 1.0f};
  Frame apart(PixelFormat::kBGRA, 70, 50);
  stylizer->process(frame.input(), apart.output(), parameters);
  stylizer->process(frame.input(), frame.output(), parameters);
  for (int y = 0; y < 50; ++y) ASSERT_TRUE(std::equal(frame.at(0, y), frame.at(0, y) + 70 * 4, apart.at(0, y))) << y;
}

TEST_P(StylizerTest, AnySizeFrom16x16Up) {
  const auto stylizer = open_stylizer(options(GetParam()));
  const FrameParameters parameters{stylizer->encode_style(Frame::scene(PixelFormat::kRGB, 16, 16).input()), 1.0f};
  for (const auto& [width, height] :
       {std::pair{16, 16}, std::pair{17, 23}, std::pair{16, 301}, std::pair{333, 16}, std::pair{641, 361}}) {
    Frame output(PixelFormat::kRGB, width, height, 0xaa);
    stylizer->process(Frame::scene(PixelFormat::kRGB, width, height).input(), output.output(), parameters);
  }
}

TEST_P(StylizerTest, FlatAndBlackFramesStayFinite) {
  const auto stylizer = open_stylizer(options(GetParam()));
  const FrameParameters parameters{stylizer->encode_style(Frame::scene(PixelFormat::kRGB, 64, 64).input()), 1.0f};
  for (const std::uint8_t level : {0, 128, 255}) {
    Frame output(PixelFormat::kRGB, 64, 48);
    stylizer->process(Frame(PixelFormat::kRGB, 64, 48, level).input(), output.output(), parameters);
    // Every pixel has the same surroundings, so every pixel must come out alike.
    for (int y = 0; y < 48; ++y) {
      for (int x = 0; x < 64; ++x) {
        for (int c = 0; c < 3; ++c) ASSERT_NEAR(output.at(x, y)[c], output.at(x % 2, y % 2)[c], 1) << x << "," << y;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, StylizerTest, testing::Values(Precision::kAuto, Precision::kFp32));

TEST_F(StylizerTest, StrengthZeroIsTheDecodedContent) {
  const auto stylizer = open_stylizer(options());
  const Frame content = Frame::scene(PixelFormat::kRGB, 64, 64);
  Frame a(PixelFormat::kRGB, 64, 64);
  Frame b(PixelFormat::kRGB, 64, 64);
  stylizer->process(content.input(), a.output(), {stylizer->encode_style(content.input()), 0.0f});
  stylizer->process(content.input(), b.output(), {stylizer->encode_style(Frame(PixelFormat::kRGB, 32, 32, 90).input()), 0.0f});
  EXPECT_EQ(a.bytes, b.bytes);
}

TEST_P(StylizerTest, StrengthLeadsFromThePictureToTheStyle) {
  const auto stylizer = open_stylizer(options(GetParam()));
  Frame content(PixelFormat::kRGB, 96, 80);
  for (int y = 0; y < 80; ++y) {
    for (int x = 0; x < 96; ++x) {
      content.at(x, y)[0] = static_cast<std::uint8_t>(128 + 90 * std::sin(x * 0.11) * std::cos(y * 0.07));
      content.at(x, y)[1] = static_cast<std::uint8_t>(110 + 80 * std::sin(x * 0.05 + y * 0.09));
      content.at(x, y)[2] = static_cast<std::uint8_t>(90 + 60 * std::cos(x * 0.08 - y * 0.04));
    }
  }
  const auto style = stylizer->encode_style(Frame::scene(PixelFormat::kRGB, 64, 64).input());
  double last = -1.0;
  for (const float strength : {0.0f, 0.25f, 0.5f, 0.75f, 1.0f}) {
    Frame output(PixelFormat::kRGB, 96, 80);
    stylizer->process(content.input(), output.output(), {style, strength});
    double distance = 0.0;
    for (std::size_t i = 0; i < output.bytes.size(); ++i) distance += std::abs(output.bytes[i] - content.bytes[i]);
    distance /= 96 * 80 * 3;
    EXPECT_GT(distance, last) << strength;
    // Without style the picture comes back, but for what the small network cannot keep.
    if (strength == 0.0f) {
      EXPECT_LT(distance, 16.0);
    }
    last = distance;
  }
}

TEST_F(StylizerTest, WeightsAreSharedAndStylesMayTravel) {
  const auto first = open_stylizer(options());
  const auto second = open_stylizer(options());
  const Frame content = Frame::scene(PixelFormat::kRGB, 64, 64);
  const auto style = first->encode_style(content.input());
  Frame a(PixelFormat::kRGB, 64, 64);
  Frame b(PixelFormat::kRGB, 64, 64);
  first->process(content.input(), a.output(), {style, 1.0f});
  second->process(content.input(), b.output(), {style, 1.0f});
  EXPECT_EQ(a.bytes, b.bytes);
  EXPECT_EQ(first->info().weight_bytes, second->info().weight_bytes);
  EXPECT_EQ(first->info().device, "cpu");
  EXPECT_NE(first->info().precision, Precision::kAuto);
}

// The file is spoilt behind the cache's back, its time put back: only weights that are shared can still serve a second stylizer.
TEST_F(StylizerTest, WeightsLiveAsLongAsAStylizerUsesThem) {
  const test::TemporaryFolder folder;
  StylizerOptions own = options();
  own.model_path = folder.path("model.safetensors");
  std::filesystem::copy_file(default_model_path(), own.model_path);
  const auto modified = std::filesystem::last_write_time(own.model_path);
  auto first = open_stylizer(own);
  std::vector<std::uint8_t> bytes = test::read_bytes(own.model_path);
  std::fill(bytes.begin(), bytes.end(), std::uint8_t{0xff});
  test::write_bytes(own.model_path, bytes);
  std::filesystem::last_write_time(own.model_path, modified);
  auto second = open_stylizer(own);
  first.reset();
  auto third = open_stylizer(own);
  second.reset();
  third.reset();
  EXPECT_EQ(error_of([&] { open_stylizer(own); }).code(), ErrorCode::kMalformedModel);
}

TEST_F(StylizerTest, OptionsThatCannotWork) {
  StylizerOptions wrong = options();
  wrong.device = "gpu";
  EXPECT_EQ(error_of([&] { open_stylizer(wrong); }).code(), ErrorCode::kSettings);
  for (const char* device : {"cuda:", "cuda:x", "cuda:-1", "cuda:1x", "cuda:99999999999"}) {
    wrong.device = device;
    EXPECT_EQ(error_of([&] { open_stylizer(wrong); }).code(), ErrorCode::kSettings) << device;
  }
  wrong = options();
  wrong.threads = -1;
  EXPECT_THAT(error_of([&] { open_stylizer(wrong); }).what(), HasSubstr("threads is -1"));
}

TEST_F(StylizerTest, AbsentGpuIsNamed) {
  StylizerOptions gpu = options();
  gpu.device = "cuda:64";
  const Error error = error_of([&] { open_stylizer(gpu); });
  EXPECT_EQ(error.code(), ErrorCode::kDeviceAbsent);
  EXPECT_THAT(error.what(), HasSubstr("cuda:64"));
  EXPECT_THAT(error.what(), HasSubstr("device=cpu"));
}

TEST_F(StylizerTest, ModelsThatCannotBeOpened) {
  const test::TemporaryFolder folder;
  StylizerOptions missing = options();
  missing.model_path = folder.path("none.safetensors");
  EXPECT_EQ(error_of([&] { open_stylizer(missing); }).code(), ErrorCode::kNotFound);
  test::write_bytes(folder.path("broken.safetensors"), {1, 2, 3});
  missing.model_path = folder.path("broken.safetensors");
  const Error error = error_of([&] { open_stylizer(missing); });
  EXPECT_EQ(error.code(), ErrorCode::kMalformedModel);
  EXPECT_THAT(error.what(), HasSubstr("broken.safetensors"));
}

// Statistics of one model mean nothing to another, even where the file has the same name.
TEST_F(StylizerTest, StyleOfAReplacedModelIsRefused) {
  const test::TemporaryFolder folder;
  StylizerOptions own = options();
  own.model_path = folder.path("model.safetensors");
  std::filesystem::copy_file(default_model_path(), own.model_path);
  const auto before = open_stylizer(own);
  const Frame content = Frame::scene(PixelFormat::kRGB, 32, 32);
  const auto style = before->encode_style(content.input());

  Model model = read_model(own.model_path);
  model.weights.begin()->second.values[0] += 1.0f;
  write_model(own.model_path, model, DataType::kF32);
  const auto after = open_stylizer(own);
  Frame output(PixelFormat::kRGB, 32, 32);
  EXPECT_EQ(error_of([&] { after->process(content.input(), output.output(), {style, 1.0f}); }).code(), ErrorCode::kSettings);
  before->process(content.input(), output.output(), {style, 1.0f});  // the stylizer that is open goes on
}

// Before a byte is touched: these are not where they say they are.
TEST_F(StylizerTest, FramesOnAnotherDeviceAreRefused) {
  const auto stylizer = open_stylizer(options());
  const Frame content = Frame::scene(PixelFormat::kRGB, 32, 32);
  FrameParameters parameters;
  parameters.style = stylizer->encode_style(content.input());
  Frame painting(PixelFormat::kRGB, 32, 32);
  ImageView input = content.input();
  MutableImageView output = painting.output();
  output.device = {DeviceType::kCuda, 0};
  EXPECT_EQ(error_of([&] { stylizer->process(input, output, parameters); }).code(), ErrorCode::kSettings);
  input.device = {DeviceType::kCuda, 0};
  EXPECT_EQ(error_of([&] { stylizer->process(input, output, parameters); }).code(), ErrorCode::kSettings);
}

TEST_F(StylizerTest, FramesThatCannotBeProcessed) {
  const auto stylizer = open_stylizer(options());
  const Frame content = Frame::scene(PixelFormat::kRGB, 32, 32);
  const auto style = stylizer->encode_style(content.input());
  Frame output(PixelFormat::kRGB, 32, 32);
  Frame other(PixelFormat::kRGB, 32, 30);
  Frame tiny(PixelFormat::kRGB, 15, 32);
  const auto code = [&](const Frame& in, Frame& out, const FrameParameters& parameters) {
    return error_of([&] { stylizer->process(in.input(), out.output(), parameters); }).code();
  };
  EXPECT_EQ(code(content, output, {nullptr, 1.0f}), ErrorCode::kSettings);
  EXPECT_EQ(code(content, output, {style, 1.5f}), ErrorCode::kSettings);
  EXPECT_EQ(code(content, output, {style, std::nanf("")}), ErrorCode::kSettings);
  EXPECT_EQ(code(content, other, {style, 1.0f}), ErrorCode::kSettings);
  EXPECT_EQ(code(tiny, tiny, {style, 1.0f}), ErrorCode::kSettings);
  EXPECT_EQ(error_of([&] { stylizer->load_style("/nonexistent.png", 512); }).code(), ErrorCode::kNotFound);
  EXPECT_EQ(error_of([&] { stylizer->load_style("/nonexistent.png", 7); }).code(), ErrorCode::kSettings);
}

}  // namespace
}  // namespace adainstyle
