// SPDX-License-Identifier: MIT
// What the GPU engine records, replays and keeps, on a double of the device's queue.
#include <gtest/gtest.h>

#include <c10/core/InferenceMode.h>

#include <thread>

#include "adainstyle/error.h"
#include "core/recording_queue.h"
#include "core/test_networks.h"
#include "engine/tiled_engine.h"
#include "temporal.h"

namespace adainstyle {
namespace {

using namespace test;

constexpr float kExact = 0.5f + 255 * 1e-4f;
constexpr int kWidth = 48;
constexpr int kHeight = 32;

class GpuGraphs : public testing::Test {
 protected:
  GpuGraphs() { make_engine(); }

  void make_engine() { engine_ = prepared_on(log_, model_, Precision::kFp32)->make_engine(0); }

  Frame paint(const Frame& content, const StyleStatistics& style, float strength) {
    Frame output(content.width, content.height);
    engine_->stylize(content.view(), output.mutable_view(), style, strength);
    return output;
  }

  Frame paint(unsigned seed) { return paint(Frame::waves(kWidth, kHeight, seed), style_, 1.0f); }

  const c10::InferenceMode inference_;
  const Model model_ = random_model(network_named("small"), 11);
  const Frame style_picture_ = Frame::waves(72, 56, 4);
  const Frame other_picture_ = Frame::waves(56, 72, 9, 30);
  const std::shared_ptr<QueueLog> log_ = std::make_shared<QueueLog>();
  std::unique_ptr<Engine> engine_;
  const StyleStatistics style_ =
      prepared_on(std::make_shared<QueueLog>(), model_, Precision::kFp32)->make_engine(0)->encode_style(style_picture_.view());
  const StyleStatistics other_ =
      prepared_on(std::make_shared<QueueLog>(), model_, Precision::kFp32)->make_engine(0)->encode_style(other_picture_.view());
};

// Nothing of a frame is baked into a graph.
TEST_F(GpuGraphs, FollowFrameStyleAndStrength) {
  const struct {
    unsigned seed;
    bool other;
    float strength;
  } frames[] = {{1, false, 1.0f}, {2, false, 1.0f}, {3, true, 1.0f}, {4, true, 0.5f}, {5, false, 0.5f},
                {6, false, 0.2f}, {7, true, 1.0f},  {8, true, 0.0f}, {9, false, 1.0f}};
  for (const auto& frame : frames) {
    SCOPED_TRACE(frame.seed);
    const Frame content = Frame::waves(kWidth, kHeight, frame.seed);
    const Frame output = paint(content, frame.other ? other_ : style_, frame.strength);
    const at::Tensor expected = plain_result(model_, content, frame.other ? other_picture_ : style_picture_, frame.strength);
    EXPECT_LE(distance(output, expected).largest, kExact);
  }
  EXPECT_EQ(log_->recordings, 2) << "one for strength 1, one for less";
  EXPECT_EQ(log_->replays, 8) << "all but the first frame";
}

TEST_F(GpuGraphs, ReplaysTakeNoMemoryAndNoLaunches) {
  for (unsigned seed = 1; seed < 4; ++seed) paint(seed);
  const QueueLog before = *log_;
  for (unsigned seed = 4; seed < 10; ++seed) paint(seed);
  EXPECT_EQ(log_->allocations, before.allocations);
  EXPECT_EQ(log_->memory_read, before.memory_read) << "features moved";
  EXPECT_EQ(log_->launches, before.launches);
  EXPECT_EQ(log_->uploads, before.uploads) << "nothing that the device has is sent again";
  EXPECT_EQ(log_->downloads, before.downloads);
  EXPECT_EQ(log_->replays, before.replays + 6);

  paint(Frame::waves(kWidth, kHeight, 10), other_, 1.0f);
  EXPECT_EQ(log_->uploads, before.uploads + 1) << "a style is one copy";
  EXPECT_EQ(log_->allocations, before.allocations);
}

TEST_F(GpuGraphs, AreTunedOnceForASize) {
  paint(1);
  const int tuned = log_->tuned;
  EXPECT_GT(tuned, 0);
  for (unsigned seed = 2; seed < 5; ++seed) paint(seed);
  EXPECT_EQ(log_->tuned, tuned);
  paint(Frame::waves(64, 48, 1), style_, 1.0f);
  EXPECT_EQ(log_->tuned, 2 * tuned);
}

// What convolutions were tuned to is known to one thread only.
TEST_F(GpuGraphs, AreTunedOnEachThreadThatRecords) {
  const auto paint_elsewhere = [&](unsigned seed) { std::thread([&] { paint(seed); }).join(); };
  paint(1);
  const int tuned = log_->tuned;
  paint_elsewhere(2);
  EXPECT_EQ(log_->tuned, 2 * tuned);
  EXPECT_EQ(log_->recordings, 0);
  paint(3);
  EXPECT_EQ(log_->tuned, 2 * tuned) << "this thread was before";
  EXPECT_EQ(log_->recordings, 1);
  paint_elsewhere(4);
  EXPECT_EQ(log_->tuned, 2 * tuned) << "what is recorded needs no tuning";
  EXPECT_EQ(log_->replays, 2);
}

TEST_F(GpuGraphs, TuningEndsWithTheFrameThatFails) {
  log_->allocations_left = 3;
  EXPECT_ANY_THROW(paint(1));
  EXPECT_FALSE(log_->tunes);
}

TEST_F(GpuGraphs, GoWithTheirSize) {
  for (unsigned seed = 1; seed < 4; ++seed) paint(seed);
  EXPECT_EQ(log_->graphs_alive, 1);
  for (const auto& [width, height] : {std::pair{64, 48}, std::pair{33, 21}, std::pair{kWidth, kHeight}}) {
    for (unsigned seed = 1; seed < 4; ++seed) {
      const Frame content = Frame::waves(width, height, seed);
      const Frame output = paint(content, style_, 1.0f);
      EXPECT_EQ(log_->graphs_alive, seed == 1 ? 0 : 1);
      EXPECT_LE(distance(output, plain_result(model_, content, style_picture_, 1.0f)).largest, kExact);
    }
  }
  engine_.reset();
  EXPECT_EQ(log_->graphs_alive, 0);
}

TEST_F(GpuGraphs, WithoutThemFramesArePaintedAndItIsSaid) {
  log_->recording_fails = true;
  std::vector<Frame> outputs;
  for (unsigned seed = 1; seed < 4; ++seed) outputs.push_back(paint(seed));
  EXPECT_EQ(log_->recordings, 1) << "a size is tried once";
  EXPECT_NE(engine_->notice().find("the double was told not to record"), std::string::npos) << engine_->notice();
  EXPECT_EQ(log_->graphs_alive, 0);

  log_->recording_fails = false;
  make_engine();
  for (unsigned seed = 1; seed < 4; ++seed) EXPECT_EQ(paint(seed).bytes, outputs[seed - 1].bytes);
  EXPECT_EQ(engine_->notice(), "");
  EXPECT_EQ(log_->replays, 2);
}

TEST_F(GpuGraphs, AMaskMayChangeUnderThem) {
  std::vector<std::uint8_t> masks[] = {disc(kWidth, kHeight), disc(kWidth, kHeight)};
  for (std::uint8_t& level : masks[1]) level = static_cast<std::uint8_t>(255 - level);
  for (std::uint64_t version = 1; version < 6; ++version) {
    const std::vector<std::uint8_t>& mask = masks[version % 2];
    FrameRegions regions{mask.data(), kWidth, kHeight, version};
    regions.outside = &other_;
    engine_->set_regions(regions);
    const Frame content = Frame::waves(kWidth, kHeight, 3);
    const Frame output = paint(content, style_, 0.7f);
    const at::Tensor inside = extended_mask(mask, kWidth, kHeight, lower(model_, false));
    EXPECT_LE(distance(output, plain_regions_result(model_, content, inside, style_picture_, &other_picture_, 0.7f)).largest,
              kExact);
  }
  EXPECT_EQ(log_->recordings, 1);
  EXPECT_EQ(log_->replays, 4);
}

// ---- Averages ----

// The same smoother, as a filter that an engine can only call.
class OnHost : public StatisticsFilter {
 public:
  void filter(std::size_t point, Statistics& content) override { smoother.filter(point, content); }

  StatisticsSmoother smoother;
};

TEST_F(GpuGraphs, AverageAsTheHostDoes) {
  const std::unique_ptr<Engine> on_host = prepared_on(log_, model_, Precision::kFp32)->make_engine(0);
  OnHost filter;
  StatisticsSmoother smoother;
  on_host->set_filter(&filter);
  engine_->set_filter(&smoother);
  struct Moment {
    int shift;   // of the picture
    int offset;  // of its brightness: a jump is a cut that nobody told of
    bool cut, restyled;
    float strength;
  };
  const Moment moments[] = {{0, 0, false, false, 1.0f},   {2, 0, false, false, 1.0f},  {4, 5, false, false, 1.0f},
                            {6, 90, false, false, 1.0f},  {8, 88, false, false, 1.0f}, {10, 80, false, true, 0.6f},
                            {12, 75, false, false, 0.6f}, {14, 70, true, false, 0.6f}, {16, 60, false, false, 0.6f},
                            {18, 60, false, true, 1.0f},  {20, 55, false, false, 1.0f}};
  std::int64_t time = 0;
  int averaged = 0;
  for (const Moment& moment : moments) {
    SCOPED_TRACE(moment.shift);
    time += 40'000'000;
    smoother.begin_frame(time, 200.0, moment.cut, moment.restyled);
    filter.smoother.begin_frame(time, 200.0, moment.cut, moment.restyled);
    const Frame content = Frame::waves(kWidth, kHeight, 3, moment.offset).shifted(moment.shift);
    Frame expected(kWidth, kHeight);
    on_host->stylize(content.view(), expected.mutable_view(), style_, moment.strength);
    const Frame output = paint(content, style_, moment.strength);
    EXPECT_LE(largest_difference(output, expected), 1);
    if (distance(output, plain_result(model_, content, style_picture_, moment.strength)).largest > 1.5f) ++averaged;
  }
  EXPECT_GE(averaged, 4) << "frames that an average changed";
  EXPECT_GT(log_->replays, 5);
}

TEST_F(GpuGraphs, AveragesBeginAnewAfterAPause) {
  StatisticsSmoother smoother;
  const Frame content = Frame::waves(kWidth, kHeight, 3);
  const at::Tensor expected = plain_result(model_, content, style_picture_, 1.0f);
  for (std::int64_t frame = 0; frame < 3; ++frame) {
    smoother.begin_frame(frame * 40'000'000, 1e6, false, false);
    engine_->set_filter(&smoother);
    paint(1);
  }
  engine_->set_filter(nullptr);
  paint(1);
  smoother.begin_frame(160'000'000, 1e6, false, false);
  engine_->set_filter(&smoother);
  EXPECT_LE(distance(paint(content, style_, 1.0f), expected).largest, kExact);
}

// ---- Memory ----

TEST_F(GpuGraphs, OutOfMemoryFallsBackToTilesWithTheSamePicture) {
  const auto prepared = prepared_on(log_, model_, Precision::kFp32);
  const int radius = receptive_radius(model_.network);
  const Frame content = Frame::waves(384, 130, 3);
  Frame expected(384, 130);
  TiledEngine whole(prepared, 1, radius, 0);
  whole.stylize(content.view(), expected.mutable_view(), style_, 0.6f);

  TiledEngine limited(prepared, 1, radius, prepared->feature_bytes(384, 130) / 2);
  Frame output(384, 130);
  limited.stylize(content.view(), output.mutable_view(), style_, 0.6f);
  EXPECT_GT(limited.tiles(), 1);
  EXPECT_LE(largest_difference(output, expected), 1);

  TiledEngine short_of_memory(prepared, 1, radius, 0);
  log_->allocations_left = 8;
  log_->memory_returns_after_failure = true;
  short_of_memory.stylize(content.view(), output.mutable_view(), style_, 0.6f);
  EXPECT_GT(short_of_memory.tiles(), 1);
  EXPECT_LE(largest_difference(output, expected), 1);
}

// A graph needs memory besides what the frame before it used.
TEST_F(GpuGraphs, OutOfMemoryWhileRecordingIsNoError) {
  const Frame first = paint(1);
  log_->allocations_left = 3;
  log_->memory_returns_after_failure = true;
  EXPECT_EQ(paint(1).bytes, first.bytes);
  EXPECT_NE(engine_->notice().find("out of memory"), std::string::npos) << engine_->notice();
}

}  // namespace
}  // namespace adainstyle
