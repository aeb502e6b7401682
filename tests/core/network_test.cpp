// SPDX-License-Identifier: MIT
#include "network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "json_text.h"
#include "network_presets.h"
#include "support/expect_error.h"
#include "support/shared_files.h"
#include "support/temporary_folder.h"

namespace adainstyle {
namespace {

using Json = nlohmann::json;
using test::expect_error;

Json small_description() { return network_to_json(preset_network("small")); }

void expect_malformed(const Json& description, const std::vector<std::string>& parts) {
  expect_error(ErrorCode::kMalformedModel, parts, [&] { network_from_json(description); });
}

// The small network with one field of one operation changed.
Json small_with(const char* list, std::size_t index, const char* field, const Json& value) {
  Json description = small_description();
  description[list][index][field] = value;
  return description;
}

Json conv(const std::string& name, int inputs, int outputs) {
  return {{"op", "conv3x3"}, {"name", name}, {"inputs", inputs}, {"outputs", outputs}, {"relu", false}};
}

Json described(const Json& encoder, const Json& decoder) { return {{"encoder", encoder}, {"decoder", decoder}}; }

const Json kUnshuffle = {{"op", "pixel_unshuffle"}, {"factor", 2}};
const Json kShuffle = {{"op", "pixel_shuffle"}, {"factor", 2}};
const Json kUpsample = {{"op", "upsample_nearest"}, {"factor", 2}};
const Json kPool = {{"op", "max_pool"}};

Json tap(int index) { return {{"op", "tap"}, {"index", index}}; }
Json adain(int index) { return {{"op", "adain"}, {"tap", index}}; }

TEST(Network, PresetsHaveTheCostsAndSizesTheDesignStates) {
  const Network small = preset_network("small");
  EXPECT_DOUBLE_EQ(multiply_adds_per_pixel(small), 25920);
  EXPECT_EQ(overall_stride(small), 4);
  EXPECT_THAT(tap_channels(small), testing::ElementsAre(32, 64, 64));
  const Network vgg19 = preset_network("vgg19");
  EXPECT_DOUBLE_EQ(multiply_adds_per_pixel(vgg19), 482697);
  EXPECT_EQ(overall_stride(vgg19), 8);
  EXPECT_THAT(tap_channels(vgg19), testing::ElementsAre(64, 128, 256, 512));
  const Network wide = preset_network("wide");
  EXPECT_DOUBLE_EQ(multiply_adds_per_pixel(wide), 108864);
  EXPECT_THAT(tap_channels(wide), testing::ElementsAre(48, 96, 96, 96));
  std::int64_t parameters = 0;
  for (const TensorSpec& tensor : required_tensors(small)) {
    std::int64_t count = 1;
    for (const std::int64_t dimension : tensor.shape) count *= dimension;
    parameters += count;
  }
  EXPECT_EQ(parameters, 339340);
  expect_error(ErrorCode::kSettings, {"huge", "small, wide, vgg19"}, [] { preset_network("huge"); });
}

TEST(Network, EveryPresetIsValidAndSurvivesItsDescription) {
  for (const std::string& name : preset_names()) {
    SCOPED_TRACE(name);
    const Json description = network_to_json(preset_network(name));
    const Json parsed = parse_json(description.dump(), "description");
    EXPECT_EQ(network_to_json(network_from_json(parsed)), description);
  }
}

TEST(Network, SmallIsTheTrainedCheckpointsTopology) {
  ADAINSTYLE_NEEDS_SHARED("checkpoints/small.network.json");
  const std::vector<std::uint8_t> bytes = test::read_bytes(test::shared_path("checkpoints/small.network.json"));
  EXPECT_EQ(parse_json(std::string(bytes.begin(), bytes.end()), "checkpoint"), small_description());
}

TEST(Network, TensorsOfAResidualBlockAreNamedAsInTheFormat) {
  std::vector<std::string> names;
  for (const TensorSpec& tensor : required_tensors(preset_network("small"))) names.push_back(tensor.name);
  EXPECT_THAT(names, testing::IsSupersetOf({"encoder.conv1.weight", "encoder.res1.a.weight", "encoder.res1.a.bias",
                                            "encoder.res1.b.weight", "decoder.conv2.bias"}));
  EXPECT_EQ(names.front(), "encoder.conv1.weight");
  EXPECT_EQ(names.back(), "decoder.conv2.bias");
}

TEST(Network, RefusesDescriptionsOfAnotherForm) {
  for (const Json& description : {Json(nullptr), Json(3), Json::array(), Json::object(), Json{{"encoder", Json::array()}}}) {
    expect_malformed(description, {"encoder and decoder"});
  }
  Json extra = small_description();
  extra["postprocess"] = Json::array();
  expect_malformed(extra, {"encoder and decoder"});
  expect_malformed(described(3, Json::array()), {"encoder", "array"});
  expect_malformed(described(Json::array({3}), Json::array()), {"encoder[0]", "object"});
  expect_malformed(described(Json::array({Json::object()}), Json::array()), {"encoder[0]", "op", "missing"});
}

TEST(Network, NamesListPositionAndFieldOfAnError) {
  expect_malformed(small_with("encoder", 3, "op", "conv5x5"), {"encoder[3]", "op", "conv3x3", "\"conv5x5\""});
  expect_malformed(small_with("encoder", 3, "op", 7), {"encoder[3]", "op", "string"});
  expect_malformed(small_with("encoder", 3, "dilation", 2), {"encoder[3]", "\"dilation\"", "not known"});
  expect_malformed(small_with("encoder", 3, "relu", 1), {"encoder[3]", "relu", "true or false"});
  expect_malformed(small_with("encoder", 3, "stride", 3), {"encoder[3]", "stride", "1 to 2"});
  expect_malformed(small_with("encoder", 0, "factor", 4), {"encoder[0]", "factor", "2"});
  expect_malformed(small_with("decoder", 8, "factor", 4), {"decoder[8]", "factor", "2"});
  expect_malformed(small_with("decoder", 4, "factor", 3), {"decoder[4]", "factor", "2"});
  expect_malformed(small_with("encoder", 4, "name", 5), {"encoder[4]", "name", "string"});
  Json without = small_description();
  without["decoder"][5].erase("inputs");
  expect_malformed(without, {"decoder[5]", "inputs", "missing"});
}

TEST(Network, RefusesNumbersOutOfRange) {
  const Json bad_numbers[] = {
      0,    -1,      2049, 32.0, 1e30, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::uint64_t>::max(),
      "32", nullptr, true};
  for (const Json& number : bad_numbers) {
    SCOPED_TRACE(number.dump());
    expect_malformed(small_with("encoder", 1, "outputs", number), {"encoder[1]", "outputs", "1 to 2048"});
    expect_malformed(small_with("encoder", 4, "channels", number), {"encoder[4]", "channels", "1 to 2048"});
  }
  for (const Json& number : {Json(-1), Json(8), Json(0.0), Json(1ull << 63)}) {
    SCOPED_TRACE(number.dump());
    expect_malformed(small_with("encoder", 2, "index", number), {"encoder[2]", "index", "0 to 7"});
    expect_malformed(small_with("decoder", 0, "tap", number), {"decoder[0]", "tap", "0 to 7"});
  }
}

TEST(Network, RefusesChannelsThatDoNotFollow) {
  expect_malformed(small_with("encoder", 3, "inputs", 31), {"encoder[3]", "32", "31"});
  expect_malformed(small_with("encoder", 4, "channels", 32), {"encoder[4]", "64", "32"});
  expect_malformed(small_with("decoder", 7, "outputs", 13), {"decoder[8]", "multiple of 4", "13"});
  expect_malformed(small_with("decoder", 7, "outputs", 16), {"decoder", "3 channels", "found 4"});
  expect_malformed(described(Json::array({conv("a", 3, 1024), kUnshuffle}), Json::array()), {"encoder[1]", "2048", "4096"});
}

TEST(Network, RefusesTapsThatDoNotFit) {
  expect_malformed(small_with("encoder", 5, "index", 0), {"encoder[5]", "tap 0", "twice"});
  expect_malformed(small_with("encoder", 7, "index", 4), {"encoder", "tap 2 is missing"});
  expect_malformed(small_with("decoder", 0, "tap", 3), {"decoder[0]", "no tap 3"});
  expect_malformed(small_with("decoder", 0, "tap", 0), {"decoder[0]", "32 channels", "found 64"});
  expect_malformed(described(Json::array({tap(0), adain(0)}), Json::array()), {"encoder[1]", "decoder"});
  expect_malformed(described(Json::array(), Json::array({tap(0)})), {"decoder[0]", "encoder"});
  EXPECT_NO_THROW(
      network_from_json(described(Json::array({tap(1), kUnshuffle, tap(0)}), Json::array({adain(0), kShuffle, adain(1)}))));
}

TEST(Network, RefusesSizesThatDoNotComeBack) {
  expect_malformed(described(Json::array({kPool}), Json::array()), {"decoder", "picture's size", "1/2"});
  expect_malformed(described(Json::array({kPool}), Json::array({kUpsample, kUpsample})),
                   {"decoder[1]", "smaller than the picture"});
  expect_malformed(described(Json::array(), Json::array({kUpsample, kPool})), {"decoder[0]", "smaller than the picture"});
  expect_malformed(described(Json::array({conv("a", 3, 12), kShuffle}), Json::array()), {"encoder[1]", "smaller than the picture"});
  const Json five_pools = Json::array({kPool, kPool, kPool, kPool, kPool});
  const Json five_ups = Json::array({kUpsample, kUpsample, kUpsample, kUpsample, kUpsample});
  EXPECT_EQ(overall_stride(network_from_json(described(five_pools, five_ups))), 32);
  Json six_pools = five_pools;
  six_pools.push_back(kPool);
  expect_malformed(described(six_pools, five_ups), {"encoder[5]", "1/32"});
  // The coarsest features may lie in the decoder.
  EXPECT_EQ(overall_stride(network_from_json(described(Json::array({kPool}), Json::array({kPool, kUpsample, kUpsample})))), 4);
}

TEST(Network, RefusesNamesThatCannotNameTensors) {
  for (const std::string name : {"", "a b", "a/b", "\n", "\xC3\xA4"}) {
    SCOPED_TRACE(name);
    expect_malformed(small_with("encoder", 1, "name", name), {"encoder[1]", "name"});
  }
  expect_malformed(small_with("encoder", 1, "name", std::string(101, 'x')), {"encoder[1]", "name"});
  expect_malformed(small_with("encoder", 3, "name", "encoder.conv1"), {"encoder.conv1.weight", "two operations"});
  // A convolution may not take the name of one half of a residual block.
  expect_malformed(small_with("encoder", 3, "name", "encoder.res1.a"), {"encoder.res1.a.weight", "two operations"});
}

TEST(Network, RefusesTooManyOperations) {
  Json pools = Json::array();
  for (int i = 0; i <= kMaxOperations; ++i) pools.push_back(kPool);
  expect_malformed(described(pools, Json::array()), {"encoder", "at most 256"});
  Network network;
  for (int i = 0; i <= kMaxOperations; ++i) {
    network.encoder.push_back({});
    network.encoder.back().type = OpType::kTap;
  }
  expect_error(ErrorCode::kMalformedModel, {"encoder", "at most 256"}, [&] { validate(network); });
}

TEST(Network, ChecksNetworksThatWereBuiltInCodeAsWell) {
  const auto expect_invalid = [](const std::vector<std::string>& parts, auto change) {
    Network network = preset_network("small");
    change(network);
    expect_error(ErrorCode::kMalformedModel, parts, [&] { validate(network); });
  };
  expect_invalid({"eps"}, [](Network& network) { network.eps = 0; });
  expect_invalid({"eps"}, [](Network& network) { network.eps = -1e-5f; });
  expect_invalid({"eps"}, [](Network& network) { network.eps = std::numeric_limits<float>::quiet_NaN(); });
  expect_invalid({"eps"}, [](Network& network) { network.eps = std::numeric_limits<float>::infinity(); });
  expect_invalid({"encoder[2]", "tap", "-1"}, [](Network& network) { network.encoder[2].tap = -1; });
  expect_invalid({"decoder[0]", "tap", "8"}, [](Network& network) { network.decoder[0].tap = kMaxTaps; });
  expect_invalid({"encoder[4]", "outputs"}, [](Network& network) { network.encoder[4].outputs = 32; });
  expect_invalid({"encoder[4]", "stride"}, [](Network& network) { network.encoder[4].stride = 2; });
  expect_invalid({"encoder[1]", "outputs", "-5"}, [](Network& network) { network.encoder[1].outputs = -5; });
}

TEST(JsonText, RefusesDepthBombsAndDuplicates) {
  const std::string deepest = std::string(kMaxJsonDepth, '[') + std::string(kMaxJsonDepth, ']');
  EXPECT_NO_THROW(parse_json(deepest, "text"));
  expect_error(ErrorCode::kMalformedModel, {"text", "32"}, [&] { parse_json("[" + deepest + "]", "text"); });
  EXPECT_NO_THROW(parse_json(R"([{"a":1},{"a":{"a":2},"b":3}])", "text"));
  expect_error(ErrorCode::kMalformedModel, {"text", "\"a\" twice"}, [] { parse_json(R"([{"a":1,"b":2,"\u0061":3}])", "text"); });
}

TEST(ReceptiveRadius, CountsEveryConvolutionAndChangeOfTheGrid) {
  Network network;
  network.encoder = {{OpType::kConv3x3, "a", 3, 8, 1, true}};
  network.decoder = {{OpType::kConv3x3, "b", 8, 3, 1, false}};
  EXPECT_EQ(receptive_radius(network), 2);
  // Grid 2, convolutions of 2 pixels on it, grid 4, four residual blocks of 8 pixels, and back.
  EXPECT_EQ(receptive_radius(preset_network("small")), 2 + 2 + (2 + 4) + 4 * 8 + 4 + 2 + 2 + 2);
}

}  // namespace
}  // namespace adainstyle
