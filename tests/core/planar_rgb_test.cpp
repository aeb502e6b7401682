// SPDX-License-Identifier: MIT
#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "adainstyle/error.h"
#include "adainstyle/stylizer.h"
#include "engine/tiled_engine.h"
#include "network.h"
#include "support/frames.h"

namespace adainstyle {
namespace {

using test::Frame;

// An RGB picture as three planes, each with rows of another length; the bytes between must survive.
class Planes {
 public:
  Planes(int width, int height) : width_(width), height_(height) {
    for (int c = 0; c < 3; ++c) bytes_[c].assign(static_cast<std::size_t>(stride(c)) * height, kBetween);
  }
  explicit Planes(const Frame& frame) : Planes(frame.width, frame.height) {
    for (int y = 0; y < height_; ++y) {
      for (int x = 0; x < width_; ++x) {
        for (int c = 0; c < 3; ++c) at(c, x, y) = frame.at(x, y)[c];
      }
    }
  }

  ImageView view() { return view_of<const std::uint8_t>(); }
  MutableImageView mutable_view() { return view_of<std::uint8_t>(); }

  friend bool operator==(const Planes& a, const Planes& b) {
    for (int c = 0; c < 3; ++c) {
      if (a.bytes_[c] != b.bytes_[c]) return false;
    }
    return true;
  }

 private:
  static constexpr std::uint8_t kBetween = 0xa5;

  int stride(int color) const { return width_ + 3 + 5 * color; }
  std::uint8_t& at(int color, int x, int y) { return bytes_[color][static_cast<std::size_t>(y) * stride(color) + x]; }

  template <typename Byte>
  BasicImageView<Byte> view_of() {
    BasicImageView<Byte> view;
    view.format = PixelFormat::kRGBP;
    view.width = width_;
    view.height = height_;
    for (int c = 0; c < 3; ++c) {
      view.planes[c] = bytes_[c].data();
      view.strides[c] = stride(c);
    }
    return view;
  }

  int width_, height_;
  std::vector<std::uint8_t> bytes_[3];
};

class PlanarRgbTest : public testing::TestWithParam<Precision> {
 protected:
  static std::unique_ptr<Stylizer> open() { return open_stylizer({"", "cpu", GetParam(), 2}); }

  // One stylizer paints a stream in planes, another the same in RGB.
  static void expect_same(FrameParameters parameters, int width, int height) {
    const auto planar = open();
    const auto packed = open();
    const auto planar_style = planar->encode_style(Planes(Frame::waves(64, 64, 9)).view());
    const auto packed_style = packed->encode_style(Frame::waves(64, 64, 9).view());
    Frame scene = Frame::waves(width, height, 3);
    for (int i = 0; i < 3; ++i, parameters.time_ns += 40'000'000) {
      // A corner moves, the rest stands still.
      for (int y = 0; y < 12; ++y) {
        for (int x = 0; x < 12; ++x) std::fill_n(scene.at(x, y), 3, static_cast<std::uint8_t>(40 * i + 9 * x));
      }
      Planes input(scene);
      Planes output(width, height);
      Frame expected(width, height);
      parameters.style = planar_style;
      planar->process(input.view(), output.mutable_view(), parameters);
      parameters.style = packed_style;
      packed->process(scene.view(), expected.mutable_view(), parameters);
      ASSERT_TRUE(output == Planes(expected)) << "frame " << i << " of " << width << "x" << height;
      ASSERT_TRUE(input == Planes(scene)) << "the input was written";
    }
  }
};

TEST_P(PlanarRgbTest, PaintsWhatRgbGives) {
  for (const auto& [width, height] : {std::pair{16, 16}, std::pair{53, 37}, std::pair{130, 71}}) expect_same({}, width, height);
  FrameParameters parameters;
  parameters.strength = 0.4f;
  expect_same(parameters, 53, 37);
}

TEST_P(PlanarRgbTest, KeepsWhatAStreamMayAskFor) {
  FrameParameters parameters;
  parameters.preserve_color = PreserveColor::kLuma;
  expect_same(parameters, 67, 51);
  parameters.processing_height = 30;
  expect_same(parameters, 67, 51);
  parameters = {};
  parameters.preserve_color = PreserveColor::kMatch;
  parameters.smoothing_ms = 300.0f;
  expect_same(parameters, 67, 51);
  parameters.stabilization = 0.7f;
  expect_same(parameters, 67, 51);
  parameters.preserve_color = PreserveColor::kNone;
  parameters.static_skip = true;
  expect_same(parameters, 331, 257);
}

TEST_P(PlanarRgbTest, MixesWithOtherFormatsAndPaintsInPlace) {
  const auto stylizer = open();
  const Frame scene = Frame::waves(53, 37, 3);
  FrameParameters parameters{stylizer->encode_style(Frame::waves(64, 64, 9).view())};
  for (const PreserveColor preserve_color : {PreserveColor::kNone, PreserveColor::kLuma}) {
    parameters.preserve_color = preserve_color;
    Frame expected(53, 37);
    stylizer->process(scene.view(), expected.mutable_view(), parameters);
    Planes planes(scene);
    Frame from_planes(53, 37);
    stylizer->process(planes.view(), from_planes.mutable_view(), parameters);
    EXPECT_EQ(from_planes.bytes, expected.bytes);
    Planes to_planes(53, 37);
    stylizer->process(scene.view(), to_planes.mutable_view(), parameters);
    EXPECT_TRUE(to_planes == Planes(expected));
    stylizer->process(planes.view(), planes.mutable_view(), parameters);
    EXPECT_TRUE(planes == Planes(expected));
  }
}

TEST_P(PlanarRgbTest, KeepsTheFrameOutsideOfAMask) {
  const auto stylizer = open();
  Frame left(53, 37);
  for (int y = 0; y < 37; ++y) std::fill_n(left.at(0, y), 3 * 20, std::uint8_t{255});
  FrameParameters parameters{stylizer->encode_style(Frame::waves(64, 64, 9).view())};
  parameters.mask = stylizer->make_mask(Planes(left).view());
  const Frame scene = Frame::waves(53, 37, 3);
  Frame expected(53, 37);
  Planes output(53, 37);
  stylizer->process(scene.view(), expected.mutable_view(), parameters);
  stylizer->process(Planes(scene).view(), output.mutable_view(), parameters);
  EXPECT_TRUE(output == Planes(expected));
  EXPECT_TRUE(std::equal(expected.at(40, 5), expected.at(53, 5), scene.at(40, 5)));
}

TEST_P(PlanarRgbTest, AMissingPlaneIsAnError) {
  const auto stylizer = open();
  const auto style = stylizer->encode_style(Frame::waves(64, 64, 9).view());
  Planes planes(32, 32);
  for (int plane = 0; plane < 3; ++plane) {
    ImageView broken = planes.view();
    broken.planes[plane] = nullptr;
    EXPECT_THROW(stylizer->process(broken, planes.mutable_view(), {style}), Error);
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, PlanarRgbTest, testing::Values(Precision::kAuto, Precision::kFp32));

TEST(PlanarRgbTiles, PaintWhatTilesOfRgbGive) {
  const Model model = read_model(default_model_path());
  const auto shared = prepare_torch(model, Precision::kFp32);
  const auto open = [&] { return TiledEngine(shared, 2, receptive_radius(model.network), shared->feature_bytes(357, 189) / 2); };
  TiledEngine planar = open();
  TiledEngine packed = open();
  const StyleStatistics style = packed.encode_style(Frame::waves(72, 56, 4).view());
  const Frame scene = Frame::waves(357, 189, 3);
  Planes input(scene);
  Planes output(357, 189);
  Frame expected(357, 189);
  packed.stylize(scene.view(), expected.mutable_view(), style, 1.0f);
  planar.stylize(input.view(), output.mutable_view(), style, 1.0f);
  EXPECT_GT(planar.tiles(), 1);
  EXPECT_TRUE(output == Planes(expected));
}

}  // namespace
}  // namespace adainstyle
