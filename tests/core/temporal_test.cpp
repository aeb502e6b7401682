// SPDX-License-Identifier: MIT
#include "temporal.h"

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace adainstyle {
namespace {

constexpr std::int64_t kMs = 1'000'000;

Statistics flat(float mean, float std = 1.0f) { return {{mean, mean}, {std, std}}; }

// What the smoother makes of a mean of `value` at the first point.
float smoothed(StatisticsSmoother& smoother, std::int64_t time_ms, float value, double constant_ms, bool cut = false) {
  smoother.begin_frame(time_ms * kMs, constant_ms, cut, false);
  Statistics content = flat(value);
  smoother.filter(0, content);
  return content.mean[0];
}

TEST(AverageShare, IsTheExponentialOfTheTime) {
  EXPECT_NEAR(average_share(500 * kMs, 500.0), 1.0 - std::exp(-1.0), 1e-6);
  EXPECT_EQ(average_share(0, 500.0), 0.0f);
  EXPECT_EQ(average_share(10 * kMs, 0.0), 1.0f);
}

TEST(StatisticsSmoother, FirstFrameIsItsOwn) {
  StatisticsSmoother smoother;
  EXPECT_EQ(smoothed(smoother, 1000, 0.25f, 500), 0.25f);
}

// A step of the input, after the same time, at three frame rates and across a gap.
TEST(StatisticsSmoother, FrameRateAndGapsDoNotChangeTheConstant) {
  for (const int step_ms : {10, 40, 100, 400}) {
    StatisticsSmoother smoother;
    smoothed(smoother, 0, 0.0f, 500);
    float value = 0.0f;
    for (int time = step_ms; time <= 400; time += step_ms) value = smoothed(smoother, time, 0.4f, 500);
    EXPECT_NEAR(value, 0.4f * (1.0 - std::exp(-0.8)), 1e-5) << step_ms;
  }
}

TEST(StatisticsSmoother, ACutBeginsAnew) {
  StatisticsSmoother smoother;
  smoothed(smoother, 0, 0.0f, 500);
  EXPECT_NE(smoothed(smoother, 40, 0.2f, 500), 0.2f);
  EXPECT_EQ(smoothed(smoother, 80, 0.3f, 500, true), 0.3f);
}

TEST(StatisticsSmoother, AJumpOfTheStatisticsBeginsAnew) {
  StatisticsSmoother smoother;
  smoothed(smoother, 0, 0.0f, 500);
  EXPECT_EQ(smoothed(smoother, 40, 2.0f, 500), 2.0f);
}

TEST(StatisticsSmoother, TimeThatGoesBackBeginsAnew) {
  StatisticsSmoother smoother;
  smoothed(smoother, 1000, 0.0f, 500);
  EXPECT_EQ(smoothed(smoother, 0, 0.3f, 500), 0.3f);
}

TEST(StatisticsSmoother, AnotherStyleLeavesTheFirstPointAlone) {
  StatisticsSmoother smoother;
  smoother.begin_frame(0, 500, false, false);
  Statistics first = flat(0.0f), second = flat(0.0f);
  smoother.filter(0, first);
  smoother.filter(1, second);
  smoother.begin_frame(40 * kMs, 500, false, true);
  first = second = flat(0.3f);
  smoother.filter(0, first);
  smoother.filter(1, second);
  EXPECT_LT(first.mean[0], 0.1f);
  EXPECT_EQ(second.mean[0], 0.3f);
}

// A frame of noise around `level`, with a dark band of which the place is given.
std::vector<std::uint8_t> frame_of(int level, int band, unsigned seed) {
  std::vector<std::uint8_t> bytes(96 * 64 * 3);
  std::mt19937 random(seed);
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 96; ++x) {
      const int value = (x - band + 96) % 96 < 24 ? level / 3 : level + y / 2;
      for (int c = 0; c < 3; ++c) bytes[(y * 96 + x) * 3 + c] = static_cast<std::uint8_t>(value + random() % 5);
    }
  }
  return bytes;
}

ImageView view_of(const std::vector<std::uint8_t>& bytes) {
  ImageView view;
  view.width = 96;
  view.height = 64;
  view.planes[0] = bytes.data();
  view.strides[0] = 96 * 3;
  return view;
}

TEST(SceneCutDetector, TellsMotionAndNoiseFromACut) {
  SceneCutDetector cuts;
  EXPECT_FALSE(cuts.is_cut(view_of(frame_of(100, 0, 0))));
  for (int i = 1; i < 10; ++i) EXPECT_FALSE(cuts.is_cut(view_of(frame_of(100 + i, 7 * i, i)))) << i;
  EXPECT_TRUE(cuts.is_cut(view_of(frame_of(180, 63, 20))));
  EXPECT_FALSE(cuts.is_cut(view_of(frame_of(180, 60, 21))));
  EXPECT_TRUE(cuts.is_cut(view_of(frame_of(60, 60, 22))));
}

StyleStatistics style(float mean) { return {flat(mean), Statistics{}, flat(mean + 1.0f, 2.0f)}; }
float shown(StyleFade& fade, std::uint64_t identity, float mean, std::int64_t time_ms, std::int64_t transition_ms) {
  return fade.advance({identity}, style(mean), time_ms * kMs, transition_ms * kMs)[0].mean[0];
}

TEST(StyleFade, FadesBetweenTheStatistics) {
  StyleFade fade;
  EXPECT_EQ(shown(fade, 1, 0.0f, 0, 500), 0.0f);
  EXPECT_EQ(shown(fade, 1, 0.0f, 50, 500), 0.0f);
  EXPECT_FALSE(fade.moved());
  EXPECT_NEAR(shown(fade, 2, 1.0f, 100, 500), 0.1f, 1e-6);
  EXPECT_TRUE(fade.moved());
  EXPECT_NEAR(shown(fade, 2, 1.0f, 300, 500), 0.5f, 1e-6);
  EXPECT_EQ(shown(fade, 2, 1.0f, 550, 500), 1.0f);
  EXPECT_EQ(shown(fade, 2, 1.0f, 600, 500), 1.0f);
  EXPECT_FALSE(fade.moved());
}

TEST(StyleFade, ZeroSwitchesAtOnce) {
  StyleFade fade;
  shown(fade, 1, 0.0f, 0, 0);
  EXPECT_EQ(shown(fade, 2, 1.0f, 40, 0), 1.0f);
}

TEST(StyleFade, AnotherChangeBeginsWhereThePictureIs) {
  StyleFade fade;
  shown(fade, 1, 0.0f, 0, 100);
  EXPECT_NEAR(shown(fade, 2, 1.0f, 50, 100), 0.5f, 1e-6);
  EXPECT_NEAR(shown(fade, 3, 0.0f, 60, 100), 0.45f, 1e-6);
  EXPECT_EQ(shown(fade, 3, 0.0f, 160, 100), 0.0f);
}

TEST(StyleFade, OtherWeightsOfTheSamePicturesActAtOnce) {
  StyleFade fade;
  shown(fade, 1, 0.0f, 0, 500);
  EXPECT_EQ(shown(fade, 1, 0.7f, 40, 500), 0.7f);
  EXPECT_TRUE(fade.moved());
}

TEST(StyleFade, APauseBeforeTheChangeDoesNotCount) {
  StyleFade fade;
  shown(fade, 1, 0.0f, 0, 500);
  EXPECT_NEAR(shown(fade, 2, 1.0f, 60'000, 500), 0.2f, 1e-6);
}

}  // namespace
}  // namespace adainstyle
