// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "adainstyle/stylizer.h"
#include "pixels/pixel_body.h"
#include "pixels/pixels.h"
#include "pixels/yuv_rows.h"
#include "support/frames.h"

namespace adainstyle {
namespace {

using test::Frame;

constexpr YuvMatrix kMatrices[] = {YuvMatrix::kBt601, YuvMatrix::kBt709, YuvMatrix::kBt2020, YuvMatrix::kFcc,
                                   YuvMatrix::kSmpte240m};

// A picture with planes of its own whose rows lie a few bytes farther apart than they are long; the bytes between must survive.
class Picture {
 public:
  static constexpr int kGap = 3;
  static constexpr std::uint8_t kBetween = 0xa5;

  Picture(PixelFormat format, int width, int height, const YuvEncoding& encoding) {
    view_.format = format;
    view_.width = width;
    view_.height = height;
    view_.yuv = encoding;
    for (int plane = 0; plane < plane_count(format); ++plane) {
      const PlaneSize size = plane_size(format, width, height, plane);
      view_.strides[plane] = size.row_bytes + kGap;
      planes_[plane].assign(view_.strides[plane] * size.rows, kBetween);
    }
  }

  static Picture noise(PixelFormat format, int width, int height, const YuvEncoding& encoding, unsigned seed) {
    Picture picture(format, width, height, encoding);
    std::mt19937 random(seed);
    for (auto& plane : picture.planes_) {
      for (std::uint8_t& byte : plane) byte = static_cast<std::uint8_t>(random());
    }
    return picture;
  }

  // The RGB picture in that format.
  static Picture of(const Frame& frame, PixelFormat format, const YuvEncoding& encoding) {
    Picture picture(format, frame.width, frame.height, encoding);
    convert_picture(frame.view(), picture.mutable_view(), 2);
    return picture;
  }

  MutableImageView mutable_view() {
    MutableImageView view = view_;
    for (int plane = 0; plane < plane_count(view.format); ++plane) view.planes[plane] = planes_[plane].data();
    return view;
  }

  ImageView view() const {
    ImageView view;
    view.format = view_.format;
    view.width = view_.width;
    view.height = view_.height;
    view.yuv = view_.yuv;
    for (int plane = 0; plane < plane_count(view.format); ++plane) {
      view.planes[plane] = planes_[plane].data();
      view.strides[plane] = view_.strides[plane];
    }
    return view;
  }

  // Everything, the bytes between the rows included.
  const std::vector<std::uint8_t>& plane(int index) const { return planes_[index]; }

  friend bool operator==(const Picture& a, const Picture& b) {
    return std::equal(std::begin(a.planes_), std::end(a.planes_), std::begin(b.planes_));
  }

 private:
  MutableImageView view_;
  std::vector<std::uint8_t> planes_[kMaxPlanes];
};

Frame rgb_of(const Picture& picture) {
  Frame frame(picture.view().width, picture.view().height);
  convert_picture(picture.view(), frame.mutable_view(), 2);
  return frame;
}

// What the standards say, in floating point, not rounded.
struct Exact {
  double value[3];
};
Exact exact_rgb(const YuvEncoding& encoding, int luma, int u, int v) {
  const LumaShares k = luma_shares(encoding.matrix);
  const double y = encoding.full_range ? luma / 255.0 : (luma - 16) / 219.0;
  const double cb = (u - 128) / (encoding.full_range ? 255.0 : 224.0);
  const double cr = (v - 128) / (encoding.full_range ? 255.0 : 224.0);
  const double red = y + 2 * (1 - k.red) * cr;
  const double blue = y + 2 * (1 - k.blue) * cb;
  const double green = (y - k.red * red - k.blue * blue) / k.green;
  return {255 * red, 255 * green, 255 * blue};
}
Exact exact_yuv(const YuvEncoding& encoding, const Rgb& color) {
  const LumaShares k = luma_shares(encoding.matrix);
  const double red = color.red / 255.0;
  const double blue = color.blue / 255.0;
  const double y = k.red * red + k.green * color.green / 255.0 + k.blue * blue;
  const double range = encoding.full_range ? 255.0 : 224.0;
  return {encoding.full_range ? 255 * y : 16 + 219 * y, 128 + range * (blue - y) / (2 * (1 - k.blue)),
          128 + range * (red - y) / (2 * (1 - k.red))};
}

class YuvTest : public testing::TestWithParam<std::tuple<PixelFormat, YuvMatrix, bool, bool>> {
 protected:
  static PixelFormat format() { return std::get<0>(GetParam()); }
  static YuvEncoding encoding() { return {std::get<1>(GetParam()), std::get<2>(GetParam()), std::get<3>(GetParam())}; }
};

// A rounded value may lie half a level from the exact one; fixed point adds less than a hundredth.
constexpr double kRounded = 0.51;

TEST_P(YuvTest, DecodesAsTheStandardsSay) {
  const YuvDecoder decoder = yuv_decoder(encoding());
  for (int luma = 0; luma < 256; luma += 3) {
    for (int u = 0; u < 256; u += 5) {
      for (int v = 0; v < 256; v += 7) {
        const Rgb color = decode_yuv(decoder, luma, 16 * u, 16 * v);
        const Exact exact = exact_rgb(encoding(), luma, u, v);
        ASSERT_NEAR(color.red, std::clamp(exact.value[0], 0.0, 255.0), kRounded) << luma << " " << u << " " << v;
        ASSERT_NEAR(color.green, std::clamp(exact.value[1], 0.0, 255.0), kRounded) << luma << " " << u << " " << v;
        ASSERT_NEAR(color.blue, std::clamp(exact.value[2], 0.0, 255.0), kRounded) << luma << " " << u << " " << v;
      }
    }
  }
}

TEST_P(YuvTest, EncodesAsTheStandardsSay) {
  const YuvEncoder encoder = yuv_encoder(encoding());
  for (int red = 0; red < 256; red += 5) {
    for (int green = 0; green < 256; green += 3) {
      for (int blue = 0; blue < 256; blue += 5) {
        const Exact exact = exact_yuv(
            encoding(), {static_cast<std::uint8_t>(red), static_cast<std::uint8_t>(green), static_cast<std::uint8_t>(blue)});
        ASSERT_NEAR(encode_luma(encoder, red, green, blue), exact.value[0], kRounded);
        ASSERT_NEAR(encode_u(encoder, 8 * red, 8 * green, 8 * blue), std::min(exact.value[1], 255.0), kRounded);
        ASSERT_NEAR(encode_v(encoder, 8 * red, 8 * green, 8 * blue), std::min(exact.value[2], 255.0), kRounded);
      }
    }
  }
}

TEST_P(YuvTest, GreyStaysGrey) {
  const int black = encoding().full_range ? 0 : 16;
  const int white = encoding().full_range ? 255 : 235;
  for (const auto& [level, luma] : {std::pair{0, black}, std::pair{255, white}}) {
    Frame grey(18, 16);
    std::fill(grey.bytes.begin(), grey.bytes.end(), static_cast<std::uint8_t>(level));
    const Picture picture = Picture::of(grey, format(), encoding());
    EXPECT_EQ(picture.plane(0)[0], luma);
    EXPECT_EQ(picture.plane(1)[0], 128);
    EXPECT_EQ(rgb_of(picture).bytes, grey.bytes);
  }
}

// The vectorised loops against the body that the GPU's kernels share.
TEST_P(YuvTest, LinesEqualPixels) {
  for (const auto& [width, height] :
       {std::pair{16, 16}, std::pair{17, 19}, std::pair{70, 2}, std::pair{1, 1}, std::pair{129, 33}}) {
    const Picture picture = Picture::noise(format(), width, height, encoding(), 5);
    const PixelReader color_at(picture.view());
    for (int y = 0; y < height; ++y) {
      const ColorLine<const std::uint8_t> line = decode_yuv_line(picture.view(), y);
      for (int x = 0; x < width; ++x) {
        const Rgb color = color_at(x, y);
        ASSERT_EQ(line.red[x], color.red) << x << "," << y;
        ASSERT_EQ(line.green[x], color.green) << x << "," << y;
        ASSERT_EQ(line.blue[x], color.blue) << x << "," << y;
      }
    }

    const Frame colors = rgb_of(picture);
    Picture slow(format(), width, height, encoding());
    for (int y = 0; y < (height + 1) / 2; ++y) {
      for (int x = 0; x < (width + 1) / 2; ++x) {
        store_yuv_block(slow.mutable_view(), yuv_encoder(encoding()), x, y, [&](int column, int line) {
          const std::uint8_t* pixel = colors.at(column, line);
          return Rgb{pixel[0], pixel[1], pixel[2]};
        });
      }
    }
    EXPECT_TRUE(Picture::of(colors, format(), encoding()) == slow) << width << "x" << height;
  }
}

// The engines' loaders and writers against a conversion in front of and behind the same in RGB.
TEST_P(YuvTest, FeatureRowsEqualThoseOfRgb) {
  const int width = 37;
  const int height = 23;
  const Picture picture = Picture::of(Frame::waves(width, height, 3), format(), encoding());
  const Frame rgb = rgb_of(picture);
  for (const int block : {1, 2}) {
    const int columns = width / block + 2;
    const int rows = height / block + 2;
    const int channels = 3 * block * block;
    Frame expected(width, height);
    Picture written(format(), width, height, encoding());
    for (int y = 0; y < rows; ++y) {
      std::vector<float> from_yuv(static_cast<std::size_t>(columns) * channels);
      std::vector<float> from_rgb = from_yuv;
      read_row_float(picture.view(), block, y, columns, channels, from_yuv.data());
      read_row_float(rgb.view(), block, y, columns, channels, from_rgb.data());
      ASSERT_EQ(from_yuv, from_rgb) << y;
      for (float& value : from_yuv) value = 1.0f - value / 255.0f;
      // In two pieces, as tiles come.
      for (const auto& [first, count] : {std::pair{0, 7}, std::pair{7, columns - 7}}) {
        const float* row = from_yuv.data() + static_cast<std::ptrdiff_t>(first) * channels;
        write_row(row, channels, block, first, y, count, rgb.view(), expected.mutable_view());
        write_row(row, channels, block, first, y, count, picture.view(), written.mutable_view());
      }
      end_row(block, y, written.mutable_view());
    }
    EXPECT_TRUE(written == Picture::of(expected, format(), encoding())) << block;
  }
}

INSTANTIATE_TEST_SUITE_P(Encodings, YuvTest,
                         testing::Combine(testing::Values(PixelFormat::kI420, PixelFormat::kNV12), testing::ValuesIn(kMatrices),
                                          testing::Bool(), testing::Bool()));

class YuvStylizerTest : public testing::TestWithParam<Precision> {
 protected:
  static std::unique_ptr<Stylizer> open() { return open_stylizer({"", "cpu", GetParam(), 2}); }

  // A pair of stylizers painting the same stream: one YUV, the other its conversion, which must give the same.
  static void expect_same(const std::vector<FrameParameters>& frames, PixelFormat format, int width, int height,
                          const YuvEncoding& encoding) {
    const auto direct = open();
    const auto converted = open();
    const auto style = direct->encode_style(Frame::waves(64, 64, 9).view());
    Frame scene = Frame::waves(width, height, 3);
    for (std::size_t i = 0; i < frames.size(); ++i) {
      // A corner moves, the rest stands still.
      for (int y = 0; y < 12; ++y) {
        for (int x = 0; x < 12; ++x) std::fill_n(scene.at(x, y), 3, static_cast<std::uint8_t>(40 * i + 9 * x));
      }
      FrameParameters parameters = frames[i];
      parameters.style = style;
      const Picture input = Picture::of(scene, format, encoding);
      Picture output(format, width, height, encoding);
      Frame expected(width, height);
      direct->process(input.view(), output.mutable_view(), parameters);
      converted->process(rgb_of(input).view(), expected.mutable_view(), parameters);
      ASSERT_TRUE(output == Picture::of(expected, format, encoding)) << "frame " << i << " of " << width << "x" << height;
      Picture in_place = input;
      if (i == 0 && frames.size() == 1) {
        direct->process(in_place.view(), in_place.mutable_view(), parameters);
        ASSERT_TRUE(output == in_place);
      }
    }
  }
};

TEST_P(YuvStylizerTest, PaintsWhatAConversionInFrontAndBehindGives) {
  for (const PixelFormat format : {PixelFormat::kI420, PixelFormat::kNV12}) {
    for (const auto& [width, height] : {std::pair{16, 16}, std::pair{53, 37}, std::pair{130, 71}}) {
      expect_same({FrameParameters{nullptr, 0.8f}}, format, width, height, {YuvMatrix::kBt709, false, true});
      expect_same({FrameParameters{nullptr, 1.0f}}, format, width, height, {YuvMatrix::kBt601, true, false});
    }
  }
}

TEST_P(YuvStylizerTest, KeepsWhatAStreamMayAskFor) {
  const auto stream = [](const FrameParameters& of_each) {
    std::vector<FrameParameters> frames(4, of_each);
    for (std::size_t i = 0; i < frames.size(); ++i) frames[i].time_ns = static_cast<std::int64_t>(i) * 40'000'000;
    return frames;
  };
  FrameParameters parameters;
  parameters.preserve_color = PreserveColor::kLuma;
  expect_same(stream(parameters), PixelFormat::kNV12, 66, 51, {YuvMatrix::kBt709, false, true});
  parameters.stabilization = 0.7f;
  expect_same(stream(parameters), PixelFormat::kI420, 66, 51, {});
  parameters.static_skip = true;
  parameters.smoothing_ms = 300.0f;
  expect_same(stream(parameters), PixelFormat::kNV12, 331, 257, {YuvMatrix::kBt709, false, true});
  parameters = {};
  parameters.smoothing_ms = 300.0f;
  parameters.preserve_color = PreserveColor::kMatch;
  expect_same(stream(parameters), PixelFormat::kI420, 66, 51, {});
}

TEST_P(YuvStylizerTest, AMissingPlaneIsNamed) {
  const auto stylizer = open();
  const auto style = stylizer->encode_style(Frame::waves(64, 64, 9).view());
  const Picture input = Picture::noise(PixelFormat::kNV12, 32, 32, {}, 1);
  Picture output(PixelFormat::kNV12, 32, 32, {});
  ImageView broken = input.view();
  broken.planes[1] = nullptr;
  EXPECT_THROW(stylizer->process(broken, output.mutable_view(), {style}), Error);
}

INSTANTIATE_TEST_SUITE_P(Precisions, YuvStylizerTest, testing::Values(Precision::kAuto, Precision::kFp32));

}  // namespace
}  // namespace adainstyle
