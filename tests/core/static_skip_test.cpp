// SPDX-License-Identifier: MIT
#include "static_skip.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "adainstyle/stylizer.h"
#include "support/frames.h"
#include "tile_motion.h"

namespace adainstyle {
namespace {

using test::Frame;

constexpr std::int64_t kMs = 1'000'000;

class StaticSkipTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // fp32: what is compared is the logic around the engine.
    stylizer_ = open_stylizer({"", "cpu", Precision::kFp32, 2});
    style_ = stylizer_->encode_style(Frame::waves(64, 48, 1).view());
    parameters_ = {style_};
    parameters_.stabilization = 1.0f;
    parameters_.static_skip = true;
  }

  Frame next(const Frame& content) {
    Frame out(content.width, content.height);
    stylizer_->process(content.view(), out.mutable_view(), parameters_);
    parameters_.time_ns += 40 * kMs;
    return out;
  }

  // Waves, with a patch of another picture.
  static Frame scene(int patch_x, int patch_y) {
    Frame frame = Frame::waves(kWidth, kHeight, 4);
    const Frame patch = Frame::waves(24, 24, 8, 60);
    for (int y = 0; y < 24; ++y) std::copy_n(patch.at(0, y), 24 * 3, frame.at(patch_x, patch_y + y));
    return frame;
  }

  static constexpr int kWidth = 448;
  static constexpr int kHeight = 320;

  std::unique_ptr<Stylizer> stylizer_;
  std::shared_ptr<const Style> style_;
  FrameParameters parameters_;
};

TEST_F(StaticSkipTest, AStillFrameIsNotPaintedAtAll) {
  const Frame still = scene(40, 40);
  const Frame first = next(still);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(next(still).bytes, first.bytes);
  EXPECT_DOUBLE_EQ(stylizer_->timings().painted_share, 0.25);
}

// The full computation with the same statistics, to which the time constant of an hour pins another stylizer. Each of two things in
// opposite corners, which were nowhere before, so that the stabilizer finds nothing to blend them with.
TEST_F(StaticSkipTest, WhatMovesIsPaintedAsInTheWholeFrame) {
  const auto whole = open_stylizer({"", "cpu", Precision::kFp32, 2});
  FrameParameters frozen{style_};
  frozen.smoothing_ms = 3.6e9f;
  const auto whole_frame = [&](const Frame& content) {
    Frame out(kWidth, kHeight);
    frozen.time_ns = parameters_.time_ns;
    whole->process(content.view(), out.mutable_view(), frozen);
    return out;
  };
  whole_frame(scene(200, 150));
  next(scene(200, 150));
  Frame moved = scene(200, 150);
  const auto add_thing = [&](int left, int top) {
    for (int y = top; y < top + 60; ++y) {
      for (int x = left; x < left + 60; ++x) std::fill_n(moved.at(x, y), 3, static_cast<std::uint8_t>((x / 4 + y / 4) % 2 * 255));
    }
  };
  add_thing(20, 10);
  add_thing(360, 250);
  const Frame full = whole_frame(moved);
  const Frame part = next(moved);
  EXPECT_LT(stylizer_->timings().painted_share, 0.75);  // of two frames, the first of which is whole
  int largest = 0;
  for (const auto& [left, top] : {std::pair{20, 10}, std::pair{360, 250}}) {
    for (int y = top + 14; y < top + 46; ++y) {
      for (int x = left + 14; x < left + 46; ++x) {
        for (int c = 0; c < 3; ++c) largest = std::max(largest, std::abs(full.at(x, y)[c] - part.at(x, y)[c]));
      }
    }
  }
  EXPECT_LE(largest, 1);
}

// Parts overlap here: what one needs from the input another must not have overwritten.
TEST_F(StaticSkipTest, InPlaceIsTheSame) {
  const auto in_place = open_stylizer({"", "cpu", Precision::kFp32, 2});
  for (int i = 0; i < 4; ++i) {
    Frame frame = scene(20, 20 + 6 * i);
    const Frame other = scene(150, 100);
    for (int y = 100; y < 124; ++y) std::copy_n(other.at(150, y), 24 * 3, frame.at(150 + 6 * i, y));
    Frame painted = frame;
    in_place->process(painted.view(), painted.mutable_view(), parameters_);
    EXPECT_EQ(next(frame).bytes, painted.bytes) << "frame " << i;
  }
}

TEST_F(StaticSkipTest, MaySwitchOnWhileFramesFlow) {
  parameters_.static_skip = false;
  next(scene(40, 40));
  parameters_.static_skip = true;
  next(scene(44, 40));  // whole: nothing is known that a part could be painted with
  EXPECT_DOUBLE_EQ(stylizer_->timings().painted_share, 1.0);
  next(scene(48, 40));
  EXPECT_LT(stylizer_->timings().painted_share, 0.9);
}

TEST_F(StaticSkipTest, AlphaIsCopiedEverywhere) {
  std::vector<std::uint8_t> in(static_cast<std::size_t>(kWidth) * kHeight * 4, 100);
  for (std::size_t i = 3; i < in.size(); i += 4) in[i] = static_cast<std::uint8_t>(i / 4);
  std::vector<std::uint8_t> out(in.size());
  ImageView input{PixelFormat::kRGBA, kWidth, kHeight, {in.data()}, {kWidth * 4}};
  MutableImageView output{PixelFormat::kRGBA, kWidth, kHeight, {out.data()}, {kWidth * 4}};
  for (int i = 0; i < 2; ++i, parameters_.time_ns += 40 * kMs) {
    std::fill(out.begin(), out.end(), std::uint8_t{1});
    stylizer_->process(input, output, parameters_);
    for (std::size_t at = 3; at < in.size(); at += 4) ASSERT_EQ(out[at], in[at]);
  }
  EXPECT_DOUBLE_EQ(stylizer_->timings().painted_share, 0.5);
}

TEST_F(StaticSkipTest, AWholeFrameIsPaintedOnceASecond) {
  const Frame still = scene(40, 40);
  for (int i = 0; i < 51; ++i) next(still);  // 25 frames a second, the last one at 2 s
  EXPECT_NEAR(stylizer_->timings().painted_share, 3.0 / 51.0, 1e-6);
}

// What was painted while something was near, which the network sees, does not keep its shadow.
TEST_F(StaticSkipTest, WhatIsRevealedFollowsTheWholePainting) {
  const Frame empty = scene(380, 40);
  const auto with_thing = [&](int left) {
    Frame frame = empty;
    for (int y = 130; y < 190; ++y) {
      for (int x = left; x < std::min(left + 60, kWidth); ++x) std::fill_n(frame.at(x, y), 3, std::uint8_t{250});
    }
    return frame;
  };
  next(empty);
  for (int left = 60; left < kWidth; left += 16) next(with_thing(left));
  const Frame revealed = next(empty);
  Frame later(0, 0);
  for (int i = 0; i < 250; ++i) later = next(empty);  // ten seconds
  const auto fresh_stylizer = open_stylizer({"", "cpu", Precision::kFp32, 2});
  Frame fresh(kWidth, kHeight);
  fresh_stylizer->process(empty.view(), fresh.mutable_view(), {style_});
  EXPECT_GT(test::largest_difference(revealed, fresh), 20);
  EXPECT_LT(test::mean_difference(later, fresh), 0.2);
  EXPECT_LE(test::largest_difference(later, fresh), 4);
}

// Sensor noise is not taken for motion, and what moves in front of it is found.
TEST_F(StaticSkipTest, NoiseIsNoMotion) {
  const auto share_of = [&](bool moves) {
    const auto other = open_stylizer({"", "cpu", Precision::kFp32, 2});
    Frame out(kWidth, kHeight);
    for (unsigned i = 0; i < 20; ++i, parameters_.time_ns += 40 * kMs) {
      const Frame frame = scene(moves ? 40 + 4 * static_cast<int>(i) : 40, 40).noisy(1.75, i);
      other->process(frame.view(), out.mutable_view(), parameters_);
    }
    return other->timings().painted_share;
  };
  EXPECT_LT(share_of(false), 0.1);
  const double moving = share_of(true);
  EXPECT_GT(moving, 0.1);
  EXPECT_LT(moving, 0.4);
}

// Tiles of a grid of 40 x 20 with a patch in which `strongest` is the largest change.
std::vector<float> changes_with_patch(int width, int height, float strongest) {
  std::vector<float> changes(40 * 20, 1.0f);
  for (int y = 5; y < 5 + height; ++y) std::fill_n(changes.begin() + y * 40 + 7, width, 2.5f);
  changes[5 * 40 + 7] = strongest;
  return changes;
}

bool anything_moves(std::vector<float> changes) {
  forget_noise(changes, 40, 2.0f);
  return std::any_of(changes.begin(), changes.end(), [](float change) { return change >= 2.0f; });
}

TEST(TileMotion, ASmallFaintPatchIsNoise) {
  EXPECT_FALSE(anything_moves(changes_with_patch(4, 4, 3.9f)));
  EXPECT_TRUE(anything_moves(changes_with_patch(4, 4, 4.1f)));   // an edge in it
  EXPECT_TRUE(anything_moves(changes_with_patch(10, 4, 3.9f)));  // too large for an encoder's block
}

TEST(TileMotion, BoxesHoldWhatMovesAndTheTilesBesideIt) {
  std::vector<std::uint8_t> moves(40 * 20, 0);
  EXPECT_TRUE(moving_boxes(moves, 40).empty());
  for (const auto& [x, y] : {std::pair{0, 0}, std::pair{7, 7}, std::pair{39, 19}, std::pair{20, 3}}) {
    moves[static_cast<std::size_t>(y) * 40 + x] = 1;
  }
  const std::vector<Region> boxes = moving_boxes(moves, 40);
  for (int y = 0; y < 20; ++y) {
    for (int x = 0; x < 40; ++x) {
      bool wanted = false;
      for (int v = std::max(y - 1, 0); v <= std::min(y + 1, 19); ++v) {
        for (int u = std::max(x - 1, 0); u <= std::min(x + 1, 39); ++u)
          wanted = wanted || moves[static_cast<std::size_t>(v) * 40 + u];
      }
      const bool held = std::any_of(boxes.begin(), boxes.end(), [x = x, y = y](const Region& box) {
        return x >= box.x && y >= box.y && x < box.x + box.width && y < box.y + box.height;
      });
      EXPECT_TRUE(!wanted || held) << x << "," << y;
    }
  }
}

TEST(Parts, FarOnesStayApartAndNearOnesAreJoined) {
  const StaticSkip skip(52, 4);
  const Region canvas{0, 0, 1280, 720};
  const auto apart = skip.parts({{100, 100, 24, 24}, {1000, 600, 24, 24}}, canvas, 1280, 720);
  ASSERT_TRUE(apart);
  EXPECT_EQ(apart->size(), 2u);
  for (const StaticSkip::Part& part : *apart) {
    EXPECT_LE(part.painted.x, part.shown.x - 52);
    EXPECT_GE(part.painted.x + part.painted.width, part.shown.x + part.shown.width + 52);
    EXPECT_EQ(part.painted.x % 4, 0);
    EXPECT_EQ(part.painted.y % 4, 0);
  }
  const auto joined = skip.parts({{100, 100, 24, 24}, {140, 110, 24, 24}}, canvas, 1280, 720);
  ASSERT_TRUE(joined);
  ASSERT_EQ(joined->size(), 1u);
  EXPECT_TRUE(joined->front().shown == (Region{100, 100, 64, 34}));
  EXPECT_TRUE(skip.parts({}, canvas, 1280, 720)->empty());
  EXPECT_FALSE(skip.parts({{0, 0, 1280, 700}}, canvas, 1280, 720));
}

}  // namespace
}  // namespace adainstyle
