// SPDX-License-Identifier: MIT
#include "engine/tiled_engine.h"

#include <algorithm>
#include <cstdlib>

#include <gtest/gtest.h>

#include "adainstyle/error.h"
#include "network.h"
#include "support/frames.h"

namespace adainstyle {
namespace {

using test::Frame;

class TilesTest : public testing::TestWithParam<Precision> {
 protected:
  static std::shared_ptr<const PreparedModel> prepared(const Model& model) {
    if (GetParam() == Precision::kBf16 && avx512_engine_supports(lower(model, true))) return prepare_avx512(model);
    return prepare_torch(model, GetParam());
  }

  static int largest_difference_with(float strength, int width, int height, std::size_t share) {
    const Model model = read_model(default_model_path());
    const auto shared = prepared(model);
    TiledEngine whole(shared, 2, receptive_radius(model.network), 0);
    TiledEngine tiled(shared, 2, receptive_radius(model.network), shared->feature_bytes(width, height) / share);
    const StyleStatistics style = whole.encode_style(Frame::waves(72, 56, 4).view());
    const Frame content = Frame::waves(width, height, 3);
    Frame expected(width, height);
    Frame output(width, height);
    whole.stylize(content.view(), expected.mutable_view(), style, strength);
    tiled.stylize(content.view(), output.mutable_view(), style, strength);
    EXPECT_EQ(whole.tiles(), 1);
    EXPECT_GT(tiled.tiles(), 1);
    EXPECT_LT(tiled.workspace_bytes(), whole.workspace_bytes());
    Frame in_place = content;
    tiled.stylize(in_place.view(), in_place.mutable_view(), style, strength);
    EXPECT_EQ(in_place.bytes, output.bytes);
    return test::largest_difference(output, expected);
  }
};

// In float32 what differs is the order of sums: a byte that was about to round the other way.
constexpr int kSame = 1;

TEST_P(TilesTest, GiveThePictureOfTheWhole) {
  EXPECT_LE(largest_difference_with(1.0f, 357, 189, 2), GetParam() == Precision::kFp32 ? kSame : 2);
  EXPECT_LE(largest_difference_with(0.6f, 384, 130, 2), GetParam() == Precision::kFp32 ? kSame : 2);
}

TEST_P(TilesTest, WhatDoesNotFitAtAllIsAnError) {
  const Model model = read_model(default_model_path());
  TiledEngine engine(prepared(model), 2, receptive_radius(model.network), 1000);
  const StyleStatistics style = engine.encode_style(Frame::waves(64, 64, 4).view());
  Frame output(320, 200);
  try {
    engine.stylize(Frame::waves(320, 200, 3).view(), output.mutable_view(), style, 1.0f);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_NE(std::string(error.what()).find("320x200"), std::string::npos) << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, TilesTest, testing::Values(Precision::kFp32, Precision::kBf16));

}  // namespace
}  // namespace adainstyle
