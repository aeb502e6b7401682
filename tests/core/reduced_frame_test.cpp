// SPDX-License-Identifier: MIT
#include "reduced_frame.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "adainstyle/stylizer.h"
#include "support/frames.h"

namespace adainstyle {
namespace {

using test::Frame;
using test::largest_difference;
using test::mean_difference;

double light_of(const std::uint8_t* rgb) { return (77.0 * rgb[0] + 150.0 * rgb[1] + 29.0 * rgb[2]) / 256.0; }

// A large pixel's place among the small ones: the one before it and the share of the next.
std::pair<int, double> place(int i, int from, int to) {
  const double middle = std::clamp((i + 0.5) * from / to - 0.5, 0.0, from - 1.0);
  const int at = std::min(static_cast<int>(middle), from - 2);
  return {at, middle - at};
}

// Note [Reduced frames], formula by formula.
Frame enlarged_slowly(const Frame& frame, const Frame& small, const Frame& painting) {
  struct Line {
    double a = 0.0, b = 0.0;
  };
  std::vector<Line> lines(painting.bytes.size());
  for (int y = 0; y < small.height; ++y) {
    for (int x = 0; x < small.width; ++x) {
      for (int c = 0; c < 3; ++c) {
        double n = 0, l = 0, ll = 0, s = 0, ls = 0;
        for (int v = std::max(y - 2, 0); v <= std::min(y + 2, small.height - 1); ++v) {
          for (int u = std::max(x - 2, 0); u <= std::min(x + 2, small.width - 1); ++u, ++n) {
            const double light = light_of(small.at(u, v));
            l += light;
            ll += light * light;
            s += painting.at(u, v)[c];
            ls += light * painting.at(u, v)[c];
          }
        }
        const double a = (ls / n - l / n * s / n) / (ll / n - l / n * l / n + 20.0);
        lines[(y * small.width + x) * 3 + c] = {a, painting.at(x, y)[c] - a * light_of(small.at(x, y))};
      }
    }
  }
  Frame result(frame.width, frame.height);
  for (int y = 0; y < frame.height; ++y) {
    const auto [row, down] = place(y, small.height, frame.height);
    for (int x = 0; x < frame.width; ++x) {
      const auto [column, right] = place(x, small.width, frame.width);
      for (int c = 0; c < 3; ++c) {
        double a = 0, b = 0;
        for (int v = 0; v < 2; ++v) {
          for (int u = 0; u < 2; ++u) {
            const double share = (v ? down : 1 - down) * (u ? right : 1 - right);
            const Line& line = lines[((row + v) * small.width + column + u) * 3 + c];
            a += share * line.a;
            b += share * line.b;
          }
        }
        result.at(x, y)[c] = static_cast<std::uint8_t>(std::clamp(a * light_of(frame.at(x, y)) + b + 0.5, 0.0, 255.0));
      }
    }
  }
  return result;
}

Frame copy_of(const ImageView& view) {
  Frame frame(view.width, view.height);
  std::copy_n(view.planes[0], frame.bytes.size(), frame.bytes.begin());
  return frame;
}

class ReducedFrameSizes : public ::testing::TestWithParam<std::pair<std::pair<int, int>, std::pair<int, int>>> {};

TEST_P(ReducedFrameSizes, EqualsThePlainFormulas) {
  const auto [large, little] = GetParam();
  const Frame frame = Frame::waves(large.first, large.second, 3);
  ReducedFrame reduced(2);
  const Frame small = copy_of(reduced.shrink(frame.view(), little.first, little.second));
  const Frame painting = Frame::waves(little.first, little.second, 7, 30);
  std::copy(painting.bytes.begin(), painting.bytes.end(), reduced.painting().planes[0]);
  Frame result(frame.width, frame.height);
  reduced.enlarge(frame.view(), result.mutable_view());
  EXPECT_LE(largest_difference(result, enlarged_slowly(frame, small, painting)), 1);

  Frame in_place = frame;
  reduced.enlarge(in_place.view(), in_place.mutable_view());
  EXPECT_EQ(in_place.bytes, result.bytes);
}

INSTANTIATE_TEST_SUITE_P(Sizes, ReducedFrameSizes,
                         ::testing::Values(std::pair{std::pair{96, 72}, std::pair{32, 24}},
                                           std::pair{std::pair{101, 67}, std::pair{37, 25}},
                                           std::pair{std::pair{64, 48}, std::pair{63, 47}},
                                           std::pair{std::pair{16, 200}, std::pair{16, 16}}));

TEST(ReducedFrame, ShrinksToTheAverageOfWhatIsCovered) {
  const Frame frame = Frame::waves(75, 50, 3);
  ReducedFrame reduced(2);
  const Frame small = copy_of(reduced.shrink(frame.view(), 25, 25));
  for (int y = 0; y < 25; ++y) {
    for (int x = 0; x < 25; ++x) {
      double sum = 0;
      for (int v = 0; v < 2; ++v) {
        for (int u = 0; u < 3; ++u) sum += frame.at(x * 3 + u, y * 2 + v)[1] / 6.0;
      }
      ASSERT_NEAR(small.at(x, y)[1], sum, 0.51);
    }
  }
  // Sides that no whole number divides: the mean of the picture stays.
  const Frame odd = copy_of(reduced.shrink(frame.view(), 31, 19));
  const auto mean = [](const Frame& f) {
    double sum = 0;
    for (const std::uint8_t byte : f.bytes) sum += byte;
    return sum / static_cast<double>(f.bytes.size());
  };
  EXPECT_NEAR(mean(odd), mean(frame), 0.5);
}

// Every packed format, rows with padding and alpha give the same colours.
TEST(ReducedFrame, FormatsAndStrides) {
  const Frame frame = Frame::waves(61, 43, 3);
  ReducedFrame reduced(2);
  const Frame small = copy_of(reduced.shrink(frame.view(), 20, 17));
  std::copy(small.bytes.begin(), small.bytes.end(), reduced.painting().planes[0]);
  Frame wanted(61, 43);
  reduced.enlarge(frame.view(), wanted.mutable_view());
  for (const PixelFormat format : {PixelFormat::kBGR, PixelFormat::kRGBA, PixelFormat::kBGRA, PixelFormat::kARGB,
                                   PixelFormat::kABGR, PixelFormat::kxRGB, PixelFormat::kBGRx}) {
    const PixelLayout layout = pixel_layout(format);
    const int stride = 61 * layout.bytes + 5;
    std::vector<std::uint8_t> in(stride * 43), out(stride * 43, 9);
    for (int y = 0; y < 43; ++y) {
      for (int x = 0; x < 61; ++x) {
        std::uint8_t* pixel = &in[y * stride + x * layout.bytes];
        if (layout.alpha >= 0) pixel[layout.alpha] = static_cast<std::uint8_t>(x * 5 + y);
        pixel[layout.red] = frame.at(x, y)[0];
        pixel[layout.green] = frame.at(x, y)[1];
        pixel[layout.blue] = frame.at(x, y)[2];
      }
    }
    const ImageView input{format, 61, 43, {in.data()}, {stride}};
    EXPECT_EQ(copy_of(reduced.shrink(input, 20, 17)).bytes, small.bytes);
    reduced.enlarge(input, {format, 61, 43, {out.data()}, {stride}});
    for (int y = 0; y < 43; ++y) {
      for (int x = 0; x < 61; ++x) {
        const std::uint8_t* pixel = &out[y * stride + x * layout.bytes];
        ASSERT_NEAR(pixel[layout.red], wanted.at(x, y)[0], 1);
        ASSERT_NEAR(pixel[layout.blue], wanted.at(x, y)[2], 1);
        if (layout.has_alpha) {
          ASSERT_EQ(pixel[layout.alpha], static_cast<std::uint8_t>(x * 5 + y));
        }
      }
      ASSERT_EQ(out[y * stride + 61 * layout.bytes], 9);
    }
  }
}

// A painting that is the small frame itself: its sharp edges come back, which linear enlargement cannot do.
TEST(ReducedFrame, BringsEdgesBack) {
  Frame frame(120, 90);
  for (int y = 0; y < 90; ++y) {
    for (int x = 0; x < 120; ++x) std::fill_n(frame.at(x, y), 3, static_cast<std::uint8_t>((x / 11 + y / 13) % 2 ? 200 : 40));
  }
  ReducedFrame reduced(2);
  const Frame small = copy_of(reduced.shrink(frame.view(), 40, 30));
  std::copy(small.bytes.begin(), small.bytes.end(), reduced.painting().planes[0]);
  Frame result(120, 90);
  reduced.enlarge(frame.view(), result.mutable_view());
  Frame linear(120, 90);
  for (int y = 0; y < 90; ++y) {
    const auto [row, down] = place(y, 30, 90);
    for (int x = 0; x < 120; ++x) {
      const auto [column, right] = place(x, 40, 120);
      const double top = small.at(column, row)[0] * (1 - right) + small.at(column + 1, row)[0] * right;
      const double bottom = small.at(column, row + 1)[0] * (1 - right) + small.at(column + 1, row + 1)[0] * right;
      std::fill_n(linear.at(x, y), 3, static_cast<std::uint8_t>(top * (1 - down) + bottom * down + 0.5));
    }
  }
  EXPECT_LT(mean_difference(result, frame), 2.0);
  EXPECT_GT(mean_difference(linear, frame), 8.0);
}

class ProcessingHeight : public ::testing::Test {
 protected:
  Frame painted(const Frame& content, int height) {
    FrameParameters parameters{style_};
    parameters.processing_height = height;
    Frame out(content.width, content.height);
    stylizer_->process(content.view(), out.mutable_view(), parameters);
    return out;
  }

  const std::unique_ptr<Stylizer> stylizer_ = open_stylizer({"", "cpu", Precision::kFp32, 2});
  const std::shared_ptr<const Style> style_ = stylizer_->encode_style(Frame::waves(64, 48, 1).view());
};

TEST_F(ProcessingHeight, NeverEnlargesAFrameToPaintIt) {
  const Frame content = Frame::waves(80, 64, 4);
  const Frame full = painted(content, 0);
  EXPECT_EQ(painted(content, 64).bytes, full.bytes);
  EXPECT_EQ(painted(content, 1000).bytes, full.bytes);
  EXPECT_NE(painted(content, 32).bytes, full.bytes);
}

TEST_F(ProcessingHeight, IsThePaintingOfTheSmallFrameEnlarged) {
  const Frame content = Frame::waves(90, 66, 4);
  ReducedFrame reduced(2);
  const Frame small = copy_of(reduced.shrink(content.view(), 45, 33));
  const Frame painting = painted(small, 0);
  std::copy(painting.bytes.begin(), painting.bytes.end(), reduced.painting().planes[0]);
  Frame wanted(90, 66);
  reduced.enlarge(content.view(), wanted.mutable_view());
  EXPECT_EQ(painted(content, 33).bytes, wanted.bytes);
}

TEST_F(ProcessingHeight, MayChangeFromFrameToFrame) {
  const Frame content = Frame::waves(81, 63, 4);
  const Frame at_40 = painted(content, 40);
  const Frame full = painted(content, 0);
  EXPECT_EQ(painted(content, 40).bytes, at_40.bytes);
  painted(content, 1);  // 16 is the least
  painted(content, 62);
  EXPECT_EQ(painted(content, 0).bytes, full.bytes);
}

}  // namespace
}  // namespace adainstyle
