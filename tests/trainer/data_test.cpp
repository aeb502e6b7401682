// SPDX-License-Identifier: MIT
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <set>

#include "dataset.h"
#include "flow.h"
#include "loader.h"
#include "support/expect_error.h"
#include "support/shared_files.h"
#include "support/temporary_folder.h"
#include "tensor_cache.h"
#include "training_files.h"
#include "validation.h"

namespace adainstyle {
namespace {

TEST(TensorCache, KeepsWhatWasUsedLastWithinItsLimit) {
  TensorCache cache(1000);
  const at::Tensor block = at::zeros({100}, at::TensorOptions(at::kFloat));  // 400 bytes
  cache.insert(1, {block});
  cache.insert(2, {block});
  EXPECT_EQ(cache.find(1).size(), 1u);
  cache.insert(3, {block});
  EXPECT_EQ(cache.bytes(), 800u);
  EXPECT_TRUE(cache.find(2).empty());
  EXPECT_EQ(cache.find(1).size(), 1u);
  cache.insert(4, {at::zeros({300}, at::TensorOptions(at::kFloat))});
  EXPECT_TRUE(cache.find(4).empty());
  EXPECT_EQ(cache.bytes(), 800u);
}

class DatasetTest : public ::testing::Test {
 protected:
  DatasetTest() { test::make_training_files(folder_.path()); }
  Dataset open(const CropOptions& options, std::uint64_t seed, TensorCache* cache) const {
    return Dataset(folder_.path("content"), options, seed, Purpose::kContentOrder, Purpose::kContentCrop, cache);
  }
  test::TemporaryFolder folder_;
  TensorCache cache_{1 << 24};
};

TEST_F(DatasetTest, EveryEpochSeesEveryPictureOnceInAnotherOrder) {
  Dataset data = open({48, 32, 2}, 1, &cache_);
  std::vector<std::vector<std::size_t>> epochs(4);
  for (std::uint64_t n = 0; n < 24; ++n) epochs[n / 6].push_back(data.choose(n).picture);
  for (const auto& epoch : epochs) EXPECT_EQ(std::set<std::size_t>(epoch.begin(), epoch.end()).size(), 6u);
  EXPECT_FALSE(epochs[0] == epochs[1] && epochs[1] == epochs[2] && epochs[2] == epochs[3]);
}

TEST_F(DatasetTest, CropsFollowFromTheSeed) {
  for (const int fixed : {0, 2}) {
    TensorCache other_cache(0);
    Dataset first = open({48, 32, fixed}, 1, &cache_), same = open({48, 32, fixed}, 1, &other_cache),
            other = open({48, 32, fixed}, 2, &cache_);
    int differing = 0;
    for (std::uint64_t n = 30; n-- > 0;) {
      const at::Tensor crop = first.crop(first.choose(n));
      EXPECT_EQ(crop.sizes(), (at::IntArrayRef{3, 32, 32}));
      EXPECT_TRUE(crop.equal(same.crop(same.choose(n))));
      differing += crop.equal(other.crop(other.choose(n))) ? 0 : 1;
    }
    EXPECT_GT(differing, 20);
  }
}

TEST_F(DatasetTest, SecondFixedCropIsMirrored) {
  // With a crop as large as the picture both fixed crops show all of it.
  std::filesystem::create_directories(folder_.path("square"));
  test::write_random_picture(folder_.path("square/0.png"), 48, 48, 9);
  Dataset data(folder_.path("square"), {48, 48, 2}, 1, Purpose::kContentOrder, Purpose::kContentCrop, &cache_);
  const at::Tensor plain = data.crop({0, 0}), mirrored = data.crop({0, 1});
  EXPECT_FALSE(plain.equal(mirrored));
  EXPECT_TRUE(plain.equal(mirrored.flip({2})));
}

TEST_F(DatasetTest, UndecodableFilesAreSkippedAndCounted) {
  std::ofstream(folder_.path("content/0.png")) << "not a picture";
  Dataset data = open({48, 32, 2}, 1, &cache_);
  for (std::uint64_t n = 0; n < 12; ++n) EXPECT_EQ(data.crop(data.choose(n)).size(1), 32);
  EXPECT_EQ(data.skipped(), 1u);
  for (const char* name : {"1", "2", "3", "4", "5"})
    std::ofstream(folder_.path("content/" + std::string(name) + ".png")) << "nor this";
  TensorCache empty(0);
  Dataset none = open({48, 32, 2}, 1, &empty);
  test::expect_error(ErrorCode::kNotAnImage, {"None of the 6 pictures"}, [&] { none.crop(none.choose(0)); });
}

TEST_F(DatasetTest, FoldersAreReadRecursively) {
  std::filesystem::create_directories(folder_.path("content/deep/er"));
  test::write_random_picture(folder_.path("content/deep/er/x.PNG"), 48, 48, 9);
  EXPECT_EQ(find_pictures(folder_.path("content")).size(), 7u);
  test::expect_error(ErrorCode::kNotFound, {"nowhere"}, [&] { find_pictures(folder_.path("nowhere")); });
  std::filesystem::create_directories(folder_.path("empty"));
  test::expect_error(ErrorCode::kNotFound, {"empty", "no pictures"}, [&] { find_pictures(folder_.path("empty")); });
}

TEST_F(DatasetTest, PartsOfABatchAreThoseOfTheWhole) {
  Dataset data = open({48, 32, 2}, 1, &cache_);
  Loader whole(&data, &data, 4, 0, 1, 2, 5), left(&data, &data, 2, 0, 2, 1, 5), right(&data, &data, 2, 1, 2, 1, 5);
  for (const std::uint64_t iteration : {0, 1, 2, 7, 3}) {
    const Batch all = whole.get(iteration), a = left.get(iteration), b = right.get(iteration);
    EXPECT_TRUE(all.content.equal(at::cat({a.content, b.content}))) << iteration;
    EXPECT_TRUE(all.style.equal(at::cat({a.style, b.style}))) << iteration;
    EXPECT_TRUE(all.noise.equal(at::cat({a.noise, b.noise}))) << iteration;
    EXPECT_EQ(all.noise.size(0), 2) << "one for every second sample";
  }
}

class FlowTest : public ::testing::Test {
 protected:
  void write_flow(const std::string& name, int width, int height, float x, float y) {
    std::vector<std::uint8_t> bytes = {'P', 'I', 'E', 'H'};
    const auto append = [&](auto value) {
      const auto* from = reinterpret_cast<const std::uint8_t*>(&value);
      bytes.insert(bytes.end(), from, from + sizeof value);
    };
    append(width);
    append(height);
    for (int i = 0; i < width * height; ++i) append(x), append(y);
    test::write_bytes(folder_.path(name), bytes);
  }
  test::TemporaryFolder folder_;
};

TEST_F(FlowTest, ReadsMiddleburyFiles) {
  write_flow("a.flo", 5, 3, 1.5f, -2.0f);
  const at::Tensor flow = read_flow(folder_.path("a.flo"));
  EXPECT_EQ(flow.sizes(), (at::IntArrayRef{2, 3, 5}));
  EXPECT_EQ(flow[0].min().item<float>(), 1.5f);
  EXPECT_EQ(flow[1].max().item<float>(), -2.0f);
  std::vector<std::uint8_t> bytes = test::read_bytes(folder_.path("a.flo"));
  for (const std::size_t length : {std::size_t{0}, std::size_t{11}, bytes.size() - 1}) {
    test::write_bytes(folder_.path("b.flo"), {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length)});
    test::expect_error(ErrorCode::kUnreadable, {"b.flo"}, [&] { read_flow(folder_.path("b.flo")); });
  }
  bytes[7] = 0x7f;  // a width of two thousand million
  test::write_bytes(folder_.path("b.flo"), bytes);
  test::expect_error(ErrorCode::kUnreadable, {"b.flo"}, [&] { read_flow(folder_.path("b.flo")); });
}

TEST_F(FlowTest, TrueMotionHasNoErrorAndWrongMotionHas) {
  test::write_random_picture(folder_.path("p.png"), 60, 40, 3);
  const at::Tensor scene = load_picture(folder_.path("p.png"), 0);
  const at::Tensor first = scene.narrow(3, 0, 50), second = scene.narrow(3, 4, 50);  // the scene moves left by 4
  const at::Tensor valid = at::ones({40, 50}, at::kBool);
  const at::Tensor still = at::zeros({2, 40, 50}, at::TensorOptions(at::kFloat));
  at::Tensor motion = still.clone();
  motion[0].fill_(-4.0);
  EXPECT_LT(warping_error(first, second, motion, valid), 1e-5);
  EXPECT_GT(warping_error(first, second, still, valid), 0.02);
  EXPECT_EQ(warping_error(first, second, still, at::zeros({40, 50}, at::kBool)), 0.0);
  motion[0][3][20].fill_(std::numeric_limits<float>::quiet_NaN());  // unknown flow
  EXPECT_LT(warping_error(first, second, motion, valid), 1e-5);
}

TEST_F(FlowTest, FolderOfFramesGivesTheRatio) {
  std::filesystem::create_directories(folder_.path("occlusions"));
  test::write_random_picture(folder_.path("frame_0001.png"), 40, 40, 1);
  test::write_random_picture(folder_.path("frame_0002.png"), 40, 40, 2);
  write_flow("frame_0001.flo", 40, 40, 0.0f, 0.0f);
  const std::vector<FlowPair> pairs = find_flow_pairs(folder_.path());
  ASSERT_EQ(pairs.size(), 1u);
  const auto half = [](const at::Tensor& content, const at::Tensor&) { return content * 0.5; };
  const WarpingError error = measure_warping(pairs, half, at::zeros({1, 3, 40, 40}, at::TensorOptions(at::kFloat)));
  EXPECT_GT(error.input, 0.1);
  EXPECT_NEAR(error.output / error.input, 0.5, 1e-4);
  test::expect_error(ErrorCode::kNotFound, {"occlusions"}, [&] { find_flow_pairs(folder_.path("occlusions")); });
}

TEST(Protocol, UntouchedContentMeasuresAsPublished) {
  ADAINSTYLE_NEEDS_SHARED("data/val");
  const LossNetwork network = LossNetwork::load(test::shared_path("weights/vgg19_normalised_relu4_1.safetensors"), at::kFloat);
  const std::vector<std::string> contents = find_pictures(test::shared_path("data/val/content"));
  const std::vector<std::string> styles = find_pictures(test::shared_path("data/val/style"));
  ASSERT_EQ(contents.size(), 32u);
  double sum = 0.0;
  for (std::size_t i = 0; i < contents.size(); ++i) {
    const LossFeatures content = network.features(load_picture(contents[i], 256)),
                       style = network.features(load_picture(styles[i], 256));
    const Quality quality = measure(content, style, content);
    EXPECT_EQ(quality.content, 0.0);
    sum += quality.style;
  }
  EXPECT_NEAR(sum / 32.0, 4.549, 0.01);
}

}  // namespace
}  // namespace adainstyle
