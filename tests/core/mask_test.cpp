// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "adainstyle/stylizer.h"
#include "frame_mask.h"
#include "pixels/pixels.h"
#include "support/expect_error.h"
#include "support/frames.h"

namespace adainstyle {
namespace {

using test::Frame;
using test::largest_difference;

constexpr std::int64_t kFrameNs = 40'000'000;

// White where `inside` says so, else black.
template <typename Inside>
Frame mask_frame(int width, int height, const Inside& inside) {
  Frame frame(width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) std::fill_n(frame.at(x, y), 3, static_cast<std::uint8_t>(inside(x, y) ? 255 : 0));
  }
  return frame;
}

Frame left_part(int width, int height, int columns) {
  return mask_frame(width, height, [columns](int x, int) { return x < columns; });
}

TEST(FrameMask, TellsWhatItCovers) {
  FrameMask mask;
  EXPECT_TRUE(mask.fit(grey_picture(left_part(8, 8, 8).view()), 1, 30, 20, 0.3f));
  EXPECT_EQ(mask.cover(), FrameMask::Cover::kEverything);
  EXPECT_TRUE(mask.fit(grey_picture(left_part(8, 8, 0).view()), 2, 30, 20, 0.3f));
  EXPECT_EQ(mask.cover(), FrameMask::Cover::kNothing);
  EXPECT_TRUE(mask.fit(grey_picture(left_part(80, 40, 40).view()), 3, 80, 40, 0.0f));
  EXPECT_EQ(mask.cover(), FrameMask::Cover::kPart);
  EXPECT_EQ(mask.bounds().width, 40);
  EXPECT_EQ(mask.bounds().height, 40);
  const std::uint64_t version = mask.version();
  EXPECT_FALSE(mask.fit(grey_picture(left_part(80, 40, 40).view()), 3, 80, 40, 0.0f));
  EXPECT_EQ(mask.version(), version);
  EXPECT_TRUE(mask.reset());
  EXPECT_FALSE(mask.reset());
}

TEST(FrameMask, FollowsTheSize) {
  FrameMask mask;
  const GreyPicture half = grey_picture(left_part(100, 50, 50).view());
  for (const auto& [width, height] : {std::pair{200, 100}, std::pair{50, 120}, std::pair{37, 21}}) {
    EXPECT_TRUE(mask.fit(half, 1, width, height, 0.0f));
    for (int y = 0; y < height; ++y) {
      EXPECT_EQ(mask.levels()[y * width + width / 2 - 3], 255);
      EXPECT_EQ(mask.levels()[y * width + width / 2 + 3], 0);
    }
  }
}

TEST(FrameMask, FeatherIsAShareOfTheHeight) {
  FrameMask mask;
  const GreyPicture half = grey_picture(left_part(200, 100, 100).view());
  for (const int height : {100, 200}) {
    mask.fit(half, 1, 2 * height, height, 0.4f);  // 40 of 100 lines
    const std::uint8_t* row = mask.levels();
    const auto edge = std::pair{height - height / 5, height + height / 5};
    EXPECT_EQ(row[edge.first - 3], 255);
    EXPECT_EQ(row[edge.second + 3], 0);
    EXPECT_NEAR(row[height] + row[height - 1], 255, 2);
    EXPECT_LT(row[edge.first + height / 20], 255);
    EXPECT_GT(row[edge.second - height / 20], 0);
    EXPECT_TRUE(std::is_sorted(row, row + 2 * height, std::greater<>()));
  }
}

class MaskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    a_ = stylizer_->encode_style(Frame::waves(64, 48, 1).view());
    b_ = stylizer_->encode_style(Frame::waves(64, 48, 9, 40).view());
  }

  FrameParameters with_mask(const Frame& mask, float feather = 0.0f) const {
    FrameParameters parameters{a_};
    parameters.mask = stylizer_->make_mask(mask.view());
    parameters.mask_feather = feather;
    return parameters;
  }

  // By a stylizer that has seen nothing else.
  static Frame painted_afresh(const Frame& content, const FrameParameters& parameters) {
    const auto other = open_stylizer({"", "cpu", Precision::kFp32, 2});
    return painted_by(*other, content, parameters);
  }

  static Frame painted_by(Stylizer& stylizer, const Frame& content, const FrameParameters& parameters) {
    Frame out(content.width, content.height);
    stylizer.process(content.view(), out.mutable_view(), parameters);
    return out;
  }

  // fp32: what is compared is the logic around the engine.
  const std::unique_ptr<Stylizer> stylizer_ = open_stylizer({"", "cpu", Precision::kFp32, 2});
  std::shared_ptr<const Style> a_, b_;
  const Frame content_ = Frame::waves(80, 64, 4);
};

TEST_F(MaskTest, AllWhiteIsNoMask) {
  FrameParameters parameters = with_mask(left_part(7, 5, 7), 0.2f);
  const Frame plain = painted_afresh(content_, {a_});
  EXPECT_EQ(painted_afresh(content_, parameters).bytes, plain.bytes);
  parameters.outside_style = b_;
  EXPECT_EQ(painted_afresh(content_, parameters).bytes, plain.bytes);
}

TEST_F(MaskTest, AllBlackIsTheOtherStyleOrTheFrame) {
  FrameParameters parameters = with_mask(left_part(7, 5, 0), 0.2f);
  EXPECT_EQ(painted_afresh(content_, parameters).bytes, content_.bytes);
  parameters.outside_style = b_;
  EXPECT_EQ(painted_afresh(content_, parameters).bytes, painted_afresh(content_, {b_}).bytes);
}

TEST_F(MaskTest, FrameStaysAsItIsOutside) {
  const FrameParameters parameters = with_mask(left_part(80, 64, 40));
  const Frame masked = painted_afresh(content_, parameters);
  for (int y = 0; y < 64; ++y) {
    for (int x = 42; x < 80; ++x) ASSERT_EQ(masked.at(x, y)[1], content_.at(x, y)[1]) << x << " " << y;
  }
  EXPECT_GT(largest_difference(masked, content_), 20);
  Frame in_place = content_;
  stylizer_->process(in_place.view(), in_place.mutable_view(), parameters);
  EXPECT_EQ(in_place.bytes, masked.bytes);
}

TEST_F(MaskTest, AlphaAndFormatsPassThrough) {
  FrameParameters parameters = with_mask(left_part(80, 64, 40));
  const Frame masked = painted_afresh(content_, parameters);
  constexpr int kStride = 80 * 4 + 12;
  std::vector<std::uint8_t> in(kStride * 64), out(kStride * 64, 7);
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 80; ++x) {
      std::uint8_t* pixel = &in[y * kStride + x * 4];
      pixel[0] = static_cast<std::uint8_t>(3 * x + y);
      std::copy_n(content_.at(x, y), 3, pixel + 1);
    }
  }
  for (const int height : {0, 40}) {
    parameters.processing_height = height;
    stylizer_->process({PixelFormat::kARGB, 80, 64, {in.data()}, {kStride}}, {PixelFormat::kBGRA, 80, 64, {out.data()}, {kStride}},
                       parameters);
    for (int y = 0; y < 64; ++y) {
      for (int x = 0; x < 80; ++x) {
        const std::uint8_t* pixel = &out[y * kStride + x * 4];
        ASSERT_EQ(pixel[3], in[y * kStride + x * 4]);
        if (height == 0 || x > 42) {
          ASSERT_NEAR(pixel[0], masked.at(x, y)[2], height == 0 ? 1 : 0) << x << " " << y;
        }
      }
    }
    for (int y = 0; y < 64; ++y) ASSERT_EQ(out[y * kStride + 80 * 4], 7);  // beyond the rows
  }
}

// YUV takes a copy in RGB on the way: what comes out is what the copy gives.
TEST_F(MaskTest, YuvPassesThrough) {
  std::vector<std::uint8_t> bytes(80 * 64 * 3 / 2), out(bytes.size());
  const auto nv12 = [](auto* data, auto view) {
    view.format = PixelFormat::kNV12;
    view.width = 80;
    view.height = 64;
    view.planes[0] = data;
    view.planes[1] = data + static_cast<std::ptrdiff_t>(80) * 64;
    view.strides[0] = view.strides[1] = 80;
    return view;
  };
  convert_picture(content_.view(), nv12(bytes.data(), MutableImageView()), 1);
  const ImageView input = nv12(static_cast<const std::uint8_t*>(bytes.data()), ImageView());
  Frame copy(80, 64);
  convert_picture(input, copy.mutable_view(), 1);
  for (const int height : {0, 40}) {
    FrameParameters parameters = with_mask(left_part(80, 64, 40), 0.1f);
    parameters.processing_height = height;
    std::vector<std::uint8_t> wanted(bytes.size());
    convert_picture(painted_afresh(copy, parameters).view(), nv12(wanted.data(), MutableImageView()), 1);
    stylizer_->process(input, nv12(out.data(), MutableImageView()), parameters);
    EXPECT_EQ(out, wanted) << height;
  }
}

// Each region has its own statistics: what happens on the other side changes nothing.
TEST_F(MaskTest, RegionsAreMeasuredApart) {
  const Frame left = Frame::waves(748, 128, 4);
  Frame other = left;
  const Frame bright = Frame::waves(748, 128, 8, 90);
  for (int y = 0; y < 128; ++y) std::copy_n(bright.at(580, y), 168 * 3, other.at(580, y));
  FrameParameters parameters = with_mask(left_part(748, 128, 400));
  const auto inside_differs = [&](int columns) {
    const Frame one = painted_afresh(left, parameters);
    const Frame two = painted_afresh(other, parameters);
    int largest = 0;
    for (int y = 0; y < 128; ++y) {
      for (int i = 0; i < columns * 3; ++i) largest = std::max(largest, std::abs(one.at(0, y)[i] - two.at(0, y)[i]));
    }
    return largest;
  };
  EXPECT_LE(inside_differs(398), 1);
  // Where both are painted, the inside's later statistics see the other style's strokes across the border, as far as the decoder
  // does (52 pixels), and with them a little of what is outside: less, the smaller a share of the inside that is.
  parameters.outside_style = b_;
  EXPECT_LE(inside_differs(360), 1);
  parameters.mask = nullptr;
  EXPECT_GT(inside_differs(360), 4);
}

// Only a rectangle around a small mask is painted. A pixel of next to no weight in the opposite corner has the whole frame painted.
TEST_F(MaskTest, OnlyWhatIsSeenIsPainted) {
  const Frame content = Frame::waves(640, 256, 4);
  const auto corner = [](int x, int y) { return x < 60 && y < 50; };
  const FrameParameters parameters = with_mask(mask_frame(640, 256, corner));
  Frame with_pixel = mask_frame(640, 256, corner);
  std::fill_n(with_pixel.at(639, 255), 3, static_cast<std::uint8_t>(1));
  const Frame part = painted_by(*stylizer_, content, parameters);
  EXPECT_LT(stylizer_->timings().painted_share, 0.5);
  const Frame whole = painted_afresh(content, with_mask(with_pixel));
  for (int y = 0; y < 256; ++y) {
    for (int i = 0; i < 630 * 3; ++i) ASSERT_NEAR(part.at(0, y)[i], whole.at(0, y)[i], 1) << i << " " << y;
  }
}

TEST_F(MaskTest, MayChangeFromFrameToFrame) {
  FrameParameters parameters = with_mask(left_part(80, 64, 40));
  parameters.smoothing_ms = 500.0f;
  parameters.stabilization = 1.0f;
  for (const int columns : {40, 0, 60, 80, 20}) {
    parameters.mask = stylizer_->make_mask(left_part(80, 64, columns).view());
    EXPECT_EQ(painted_by(*stylizer_, content_, parameters).bytes, painted_afresh(content_, parameters).bytes) << columns;
    parameters.time_ns += kFrameNs;
  }
  const Frame turned = Frame::waves(64, 80, 4);
  EXPECT_EQ(painted_by(*stylizer_, turned, parameters).bytes, painted_afresh(turned, parameters).bytes);
  parameters.time_ns += kFrameNs;
  parameters.outside_style = b_;
  EXPECT_EQ(painted_by(*stylizer_, turned, parameters).bytes, painted_afresh(turned, parameters).bytes);
  parameters.mask = nullptr;
  EXPECT_EQ(painted_by(*stylizer_, turned, parameters).bytes, painted_afresh(turned, parameters).bytes);
}

TEST_F(MaskTest, StandsStillWithAStillPicture) {
  const Frame content = Frame::waves(448, 320, 4);
  FrameParameters parameters = with_mask(left_part(448, 320, 150), 0.1f);
  parameters.stabilization = 1.0f;
  parameters.static_skip = true;
  for (const auto& outside : {std::shared_ptr<const Style>(), b_}) {
    parameters.outside_style = outside;
    const Frame first = painted_by(*stylizer_, content, parameters);
    for (int i = 0; i < 3; ++i) {
      parameters.time_ns += kFrameNs;
      EXPECT_EQ(painted_by(*stylizer_, content, parameters).bytes, first.bytes);
    }
    parameters.time_ns += kFrameNs;
  }
}

TEST_F(MaskTest, TheOtherStyleFadesToo) {
  FrameParameters parameters = with_mask(left_part(80, 64, 40));
  parameters.outside_style = a_;
  parameters.transition_ns = 100'000'000;
  painted_by(*stylizer_, content_, parameters);
  parameters.outside_style = b_;
  parameters.time_ns = 50'000'000;
  const Frame halfway = painted_by(*stylizer_, content_, parameters);
  parameters.outside_style = stylizer_->mix_styles({{a_}, {b_}});
  EXPECT_LE(largest_difference(halfway, painted_afresh(content_, parameters)), 1);
}

TEST_F(MaskTest, FeatherIsChecked) {
  FrameParameters parameters = with_mask(left_part(80, 64, 40), 1.5f);
  test::expect_error(ErrorCode::kSettings, {"mask-feather", "1.5"}, [&] { painted_by(*stylizer_, content_, parameters); });
  test::expect_error(ErrorCode::kNotFound, {"no-such-mask"}, [&] { stylizer_->load_mask("no-such-mask.png"); });
}

}  // namespace
}  // namespace adainstyle
