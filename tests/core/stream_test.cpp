// SPDX-License-Identifier: MIT
#include "adainstyle/stylizer.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "colors.h"
#include "support/expect_error.h"
#include "support/frames.h"
#include "timings.h"

namespace adainstyle {
namespace {

using test::Frame;
using test::largest_difference;
using test::mean_difference;

constexpr std::int64_t kMs = 1'000'000;

class StreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // fp32: what is compared is the logic around the engine.
    stylizer_ = open_stylizer({"", "cpu", Precision::kFp32, 2});
    a_ = stylizer_->encode_style(Frame::waves(64, 48, 1).view());
    b_ = stylizer_->encode_style(Frame::waves(64, 48, 9, 40).view());
  }

  Frame painted(const Frame& content, const FrameParameters& parameters) {
    Frame out(content.width, content.height);
    stylizer_->process(content.view(), out.mutable_view(), parameters);
    return out;
  }

  // Painted by a stylizer that has seen nothing else.
  Frame painted_afresh(const Frame& content, FrameParameters parameters) {
    const auto other = open_stylizer({"", "cpu", Precision::kFp32, 2});
    Frame out(content.width, content.height);
    other->process(content.view(), out.mutable_view(), parameters);
    return out;
  }

  std::unique_ptr<Stylizer> stylizer_;
  std::shared_ptr<const Style> a_, b_;
  const Frame content_ = Frame::waves(80, 64, 4);
};

TEST_F(StreamTest, MixOfOneIsThatOne) {
  const Frame alone = painted_afresh(content_, {a_});
  EXPECT_EQ(painted(content_, {stylizer_->mix_styles({{a_, 3.0f}})}).bytes, alone.bytes);
  EXPECT_EQ(painted_afresh(content_, {stylizer_->mix_styles({{b_, 0.0f}, {a_, 2.0f}})}).bytes, alone.bytes);
}

TEST_F(StreamTest, WeightsAreNormalised) {
  const Frame once = painted_afresh(content_, {stylizer_->mix_styles({{a_, 0.3f}, {b_, 0.1f}})});
  const Frame doubled = painted_afresh(content_, {stylizer_->mix_styles({{a_, 6.0f}, {b_, 2.0f}})});
  EXPECT_LE(largest_difference(once, doubled), 1);
  EXPECT_GT(largest_difference(once, painted_afresh(content_, {a_})), 4);
}

TEST_F(StreamTest, BadWeightsAreRefused) {
  using test::expect_error;
  expect_error(ErrorCode::kSettings, {"weight"}, [&] { stylizer_->mix_styles({}); });
  expect_error(ErrorCode::kSettings, {"weight"}, [&] { stylizer_->mix_styles({{a_, 0.0f}, {b_, 0.0f}}); });
  expect_error(ErrorCode::kSettings, {"-1"}, [&] { stylizer_->mix_styles({{a_, 1.0f}, {b_, -1.0f}}); });
  expect_error(ErrorCode::kSettings, {"nan"}, [&] { stylizer_->mix_styles({{a_, std::numeric_limits<float>::quiet_NaN()}}); });
  expect_error(ErrorCode::kSettings, {"style"}, [&] { stylizer_->mix_styles({{nullptr, 1.0f}}); });
}

// Halfway through a fade the frame is painted with the mean of the two styles' statistics.
TEST_F(StreamTest, AChangeOfStyleFades) {
  FrameParameters parameters{a_};
  parameters.transition_ns = 100 * kMs;
  painted(content_, parameters);
  parameters.style = b_;
  parameters.time_ns = 50 * kMs;
  const Frame halfway = painted(content_, parameters);
  EXPECT_LE(largest_difference(halfway, painted_afresh(content_, {stylizer_->mix_styles({{a_}, {b_}})})), 1);
  parameters.time_ns = 100 * kMs;
  EXPECT_EQ(painted(content_, parameters).bytes, painted_afresh(content_, {b_}).bytes);
}

TEST_F(StreamTest, SmoothingFollowsTheContentSlowly) {
  FrameParameters parameters{a_};
  parameters.smoothing_ms = 400.0f;
  const Frame other = content_.shifted(6);
  const Frame own = painted_afresh(other, {a_});
  painted(content_, parameters);
  std::vector<int> differences;
  for (int i = 1; i <= 40; ++i) {
    parameters.time_ns = i * 100 * kMs;
    differences.push_back(largest_difference(painted(other, parameters), own));
  }
  EXPECT_GT(differences.front(), 0);
  EXPECT_LE(differences.back(), 1);
}

TEST_F(StreamTest, AfterASceneCutAFrameIsAsIfItWereTheFirst) {
  FrameParameters parameters{a_};
  parameters.smoothing_ms = 2000.0f;
  for (int i = 0; i < 5; ++i, parameters.time_ns += 40 * kMs) painted(content_, parameters);
  const Frame other = Frame::waves(80, 64, 17, 90);
  EXPECT_EQ(painted(other, parameters).bytes, painted_afresh(other, {a_}).bytes);
  EXPECT_EQ(stylizer_->timings().scene_cuts, 1u);
}

// ---- Stabilisation ----

class StabilizationTest : public StreamTest {
 protected:
  void SetUp() override {
    StreamTest::SetUp();
    parameters_.style = a_;
    parameters_.stabilization = 1.0f;
  }

  Frame next(const Frame& content) {
    Frame out = painted(content, parameters_);
    parameters_.time_ns += 40 * kMs;
    return out;
  }

  FrameParameters parameters_;
};

TEST_F(StabilizationTest, FirstFrameIsThePaintingItself) { EXPECT_EQ(next(content_).bytes, painted_afresh(content_, {a_}).bytes); }

TEST_F(StabilizationTest, AStillPictureStandsStill) {
  const Frame first = next(content_);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(next(content_).bytes, first.bytes);
}

// Sensor noise of a deviation of two levels: at most a third comes out of what comes out without stabilisation.
TEST_F(StabilizationTest, NoiseOfAStillCameraIsHeld) {
  double held = 0.0, plain = 0.0;
  Frame last_held = next(content_.noisy(2.0, 0));
  Frame last_plain = painted_afresh(content_.noisy(2.0, 0), {a_});
  for (unsigned i = 1; i <= 10; ++i) {
    const Frame frame = content_.noisy(2.0, i);
    const Frame now_held = next(frame);
    const Frame now_plain = painted_afresh(frame, {a_});
    held += mean_difference(now_held, last_held);
    plain += mean_difference(now_plain, last_plain);
    last_held = now_held;
    last_plain = now_plain;
  }
  EXPECT_LT(held, plain / 3);
}

// A bright square crosses: where it has been, nothing of it stays.
TEST_F(StabilizationTest, NothingIsLeftBehindAMovingThing) {
  const auto with_square = [&](int left) {
    Frame frame = content_;
    for (int y = 20; y < 36; ++y) {
      for (int x = left; x < left + 16; ++x) std::fill_n(frame.at(x, y), 3, static_cast<std::uint8_t>(250));
    }
    return frame;
  };
  Frame last(0, 0);
  for (int left = 4; left <= 60; left += 7) last = next(with_square(left));
  const Frame fresh = painted_afresh(with_square(60), {a_});
  double trail = 0.0;
  for (int y = 20; y < 36; ++y) {
    for (int x = 4; x < 40; ++x) trail += std::abs(last.at(x, y)[1] - fresh.at(x, y)[1]) / (16.0 * 36.0);
  }
  const Frame untouched = painted_afresh(content_, {a_});
  double square = 0.0;  // what the square does to the painting under it
  for (int y = 20; y < 36; ++y) {
    for (int x = 60; x < 76; ++x) square += std::abs(fresh.at(x, y)[1] - untouched.at(x, y)[1]) / 256.0;
  }
  EXPECT_LT(trail, square / 4);
}

TEST_F(StabilizationTest, AfterASceneCutAFrameIsAsIfItWereTheFirst) {
  parameters_.smoothing_ms = 500.0f;
  for (int i = 0; i < 5; ++i) next(content_.noisy(2.0, i));
  const Frame other = Frame::waves(80, 64, 17, 90);
  EXPECT_EQ(next(other).bytes, painted_afresh(other, {a_}).bytes);
}

TEST_F(StabilizationTest, AnotherStyleOrStrengthShowsAtOnce) {
  next(content_);
  parameters_.style = b_;
  EXPECT_EQ(next(content_).bytes, painted_afresh(content_, {b_}).bytes);
  parameters_.strength = 0.5f;
  EXPECT_EQ(next(content_).bytes, painted_afresh(content_, {b_, 0.5f}).bytes);
}

TEST_F(StabilizationTest, SizesThatNoTileDivides) {
  for (const auto& [width, height] : {std::pair{17, 16}, std::pair{16, 31}, std::pair{61, 43}}) {
    const Frame content = Frame::waves(width, height, 2);
    const Frame first = next(content);
    EXPECT_EQ(first.bytes, painted_afresh(content, {a_}).bytes);
    next(content.shifted(3));
    next(content.noisy(20.0, 5));
  }
}

int luma(const Frame& frame, std::size_t pixel) {
  return (77 * frame.bytes[pixel * 3] + 150 * frame.bytes[pixel * 3 + 1] + 29 * frame.bytes[pixel * 3 + 2]) >> 8;
}

TEST_F(StreamTest, PreserveLumaKeepsTheChromaOfTheFrame) {
  const Frame plain = painted_afresh(content_, {a_});
  FrameParameters parameters{a_};
  parameters.preserve_color = PreserveColor::kLuma;
  const Frame kept = painted(content_, parameters);
  int inside = 0;
  for (std::size_t pixel = 0; pixel < kept.bytes.size() / 3; ++pixel) {
    const auto [low, high] = std::minmax_element(&kept.bytes[pixel * 3], &kept.bytes[pixel * 3] + 3);
    if (*low == 0 || *high == 255) continue;  // clamped
    ++inside;
    EXPECT_NEAR(luma(kept, pixel), luma(plain, pixel), 2);
    EXPECT_EQ(kept.bytes[pixel * 3] - kept.bytes[pixel * 3 + 1], content_.bytes[pixel * 3] - content_.bytes[pixel * 3 + 1]);
  }
  EXPECT_GT(inside, 100);

  Frame in_place = content_;
  stylizer_->process(in_place.view(), in_place.mutable_view(), parameters);
  EXPECT_EQ(in_place.bytes, kept.bytes);
}

TEST_F(StreamTest, ChangedColorsAreTheFramesAndComeOnce) {
  FrameParameters parameters{a_};
  painted(content_, parameters);
  EXPECT_FALSE(stylizer_->changed_colors());
  parameters.preserve_color = PreserveColor::kMatch;
  painted(content_, parameters);
  const auto colors = stylizer_->changed_colors();
  ASSERT_TRUE(colors);
  EXPECT_EQ(colors->mean[1], measure_colors(content_.view()).mean[1]);
  parameters.time_ns += 40 * kMs;
  painted(content_, parameters);
  EXPECT_FALSE(stylizer_->changed_colors());
}

TEST(MatchColors, GivesThePictureTheMeanAndCovariance) {
  const ColorStatistics target = measure_colors(Frame::waves(96, 80, 3, 30).view());
  const Frame other = Frame::waves(96, 80, 12);
  DecodedImage picture{96, 80, other.bytes};
  match_colors(picture, target);
  const ColorStatistics matched = measure_colors(picture.view());
  for (int i = 0; i < 3; ++i) {
    EXPECT_NEAR(matched.mean[i], target.mean[i], 0.01);
    for (int j = 0; j < 3; ++j) EXPECT_NEAR(matched.covariance[i][j], target.covariance[i][j], 0.004);
  }
}

TEST(MatchColors, AGreyPictureStaysFinite) {
  DecodedImage picture{32, 32, std::vector<std::uint8_t>(32 * 32 * 3, 90)};
  match_colors(picture, measure_colors(Frame::waves(96, 80, 3).view()));
  EXPECT_EQ(*std::min_element(picture.rgb.begin(), picture.rgb.end() - 3),
            *std::min_element(picture.rgb.begin(), picture.rgb.begin() + 3));
}

TEST(Timings, MeanAndPercentile) {
  std::vector<float> times;
  for (int i = 1; i <= 100; ++i) times.push_back(static_cast<float>(101 - i));
  const Timing timing = summarize(times);
  EXPECT_DOUBLE_EQ(timing.mean, 50.5);
  EXPECT_DOUBLE_EQ(timing.percentile_95, 95.0);
  EXPECT_DOUBLE_EQ(summarize({}).percentile_95, 0.0);
}

TEST_F(StreamTest, TimingsCountEveryFrame) {
  for (int i = 0; i < 3; ++i) painted(content_, {a_});
  const StylizerTimings timings = stylizer_->timings();
  EXPECT_EQ(timings.frames, 3u);
  for (const Timing& timing : {timings.convert, timings.encode, timings.adain, timings.decode}) {
    EXPECT_GT(timing.mean, 0.0);
    EXPECT_LE(timing.mean, timings.total.mean);
  }
}

}  // namespace
}  // namespace adainstyle
