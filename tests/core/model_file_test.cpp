// SPDX-License-Identifier: MIT
#include "model_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <clocale>
#include <cmath>
#include <random>

#include "network_presets.h"
#include "support/expect_error.h"
#include "support/shared_files.h"
#include "support/temporary_folder.h"

namespace adainstyle {
namespace {

using test::expect_error;
using test::TemporaryFolder;

std::size_t element_count(const std::vector<std::int64_t>& shape) {
  std::size_t count = 1;
  for (const std::int64_t dimension : shape) count *= static_cast<std::size_t>(dimension);
  return count;
}

Model random_model() {
  Model model;
  model.network = preset_network("small");
  model.network.eps = 3e-5f;
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  for (const TensorSpec& spec : required_tensors(model.network)) {
    TensorData& tensor = model.weights[spec.name];
    tensor.shape = spec.shape;
    for (std::size_t i = element_count(spec.shape); i > 0; --i) tensor.values.push_back(normal(generator));
  }
  model.training = {{"iterations", 8056}, {"data", "photographs"}, {"rate", 1e-3}};
  model.validation = {{"Ls", 0.544}};
  return model;
}

// The container a written model consists of, to be changed and read as a model again.
SafetensorsFile as_container(const Model& model) {
  const TemporaryFolder folder;
  write_model(folder.path("model"), model, DataType::kF32);
  return read_safetensors(folder.path("model"));
}

void expect_malformed(const SafetensorsFile& file, std::vector<std::string> parts) {
  const std::vector<std::uint8_t> bytes = serialize_safetensors(file, DataType::kF32);
  parts.push_back("made.safetensors");
  expect_error(ErrorCode::kMalformedModel, parts, [&] { parse_model(bytes.data(), bytes.size(), "made.safetensors"); });
}

TEST(ModelFile, SurvivesTheRoundTripInEveryStorageType) {
  const TemporaryFolder folder;
  const Model model = random_model();
  // Half a unit in the last place of numbers up to 8: 11 bits of precision for fp16, 8 for bf16.
  const std::pair<DataType, float> storages[] = {
      {DataType::kF32, 0.0f}, {DataType::kF16, 4 * 0x1p-11f}, {DataType::kBF16, 4 * 0x1p-8f}};
  for (const auto& [type, tolerance] : storages) {
    write_model(folder.path("model"), model, type);
    const Model again = read_model(folder.path("model"));
    EXPECT_EQ(network_to_json(again.network), network_to_json(model.network));
    EXPECT_EQ(again.network.eps, model.network.eps);
    EXPECT_EQ(again.training, model.training);
    EXPECT_EQ(again.validation, model.validation);
    ASSERT_EQ(again.weights.size(), model.weights.size());
    for (const auto& [name, tensor] : model.weights) {
      const TensorData& other = again.weights.at(name);
      ASSERT_EQ(other.shape, tensor.shape) << name;
      for (std::size_t i = 0; i < tensor.values.size(); ++i) ASSERT_NEAR(other.values[i], tensor.values[i], tolerance) << name;
    }
  }
  EXPECT_THAT(folder.entries(), testing::ElementsAre("model"));
}

TEST(ModelFile, SameModelSameBytes) {
  const TemporaryFolder folder;
  write_model(folder.path("one"), random_model(), DataType::kF16);
  write_model(folder.path("two"), random_model(), DataType::kF16);
  EXPECT_EQ(test::read_bytes(folder.path("one")), test::read_bytes(folder.path("two")));
}

TEST(ModelFile, ReadsNumbersTheSameInEveryLocale) {
  const char* found = nullptr;
  for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"}) {
    if ((found = std::setlocale(LC_ALL, name)) != nullptr) break;
  }
  if (found == nullptr) GTEST_SKIP() << "no locale with a decimal comma is installed";
  const TemporaryFolder folder;
  write_model(folder.path("model"), random_model(), DataType::kF32);
  const Model again = read_model(folder.path("model"));
  std::setlocale(LC_ALL, "C");
  EXPECT_EQ(again.network.eps, 3e-5f);
  EXPECT_EQ(again.validation.at("Ls"), 0.544);
}

TEST(ModelFile, TellsASafetensorsFileFromAModel) {
  SafetensorsFile file = as_container(random_model());
  file.metadata.erase("adainstyle.format");
  expect_malformed(file, {"adainstyle.format", "import"});
  file.metadata["adainstyle.format"] = "2";
  expect_malformed(file, {"format version 1", "\"2\"", "newer"});
}

TEST(ModelFile, ChecksEveryPieceOfMetadata) {
  const SafetensorsFile good = as_container(random_model());
  for (const std::string key : {"network", "eps", "input", "padding", "variance"}) {
    SCOPED_TRACE(key);
    SafetensorsFile file = good;
    file.metadata.erase(key);
    expect_malformed(file, {"\"" + key + "\"", "found none"});
    file.metadata[key] = "something else";
    expect_malformed(file, {"\"" + key + "\""});
  }
  for (const std::string eps : {"", "0.1x", " 0.1", "1e-99999", "0x1p3,"}) {
    SafetensorsFile file = good;
    file.metadata["eps"] = eps;
    expect_malformed(file, {"eps"});
  }
  for (const std::string eps : {"0", "-1", "nan", "inf", "2"}) {
    SafetensorsFile file = good;
    file.metadata["eps"] = eps;
    expect_malformed(file, {"eps", "above 0"});
  }
  for (const std::string key : {"training", "validation"}) {
    SafetensorsFile file = good;
    file.metadata[key] = "[1]";
    expect_malformed(file, {"\"" + key + "\"", "object"});
    file.metadata[key] = std::string(100000, '[');
    expect_malformed(file, {"\"" + key + "\"", "nested"});
    file.metadata.erase(key);
    const std::vector<std::uint8_t> bytes = serialize_safetensors(file, DataType::kF32);
    EXPECT_NO_THROW(parse_model(bytes.data(), bytes.size(), "made.safetensors"));
  }
}

TEST(ModelFile, NamesTheFileInErrorsOfTheNetwork) {
  SafetensorsFile file = as_container(random_model());
  nlohmann::json description = network_to_json(preset_network("small"));
  description["encoder"][3]["outputs"] = 65;
  file.metadata["network"] = description.dump();
  expect_malformed(file, {"encoder[4]", "65"});
  file.metadata["network"] = R"({"encoder":[],"encoder":[],"decoder":[]})";
  expect_malformed(file, {"network", "\"encoder\" twice"});
}

TEST(ModelFile, ChecksTheSetOfTensors) {
  const SafetensorsFile good = as_container(random_model());
  SafetensorsFile missing = good;
  missing.tensors.erase("encoder.res2.b.weight");
  expect_malformed(missing, {"\"encoder.res2.b.weight\"", "[64,64,3,3]", "found none"});
  SafetensorsFile extra = good;
  extra.tensors["stowaway"] = {{1}, {0.0f}};
  expect_malformed(extra, {"\"stowaway\"", "no operation"});
  SafetensorsFile turned = good;
  turned.tensors["encoder.conv1.weight"].shape = {12, 32, 3, 3};
  expect_malformed(turned, {"\"encoder.conv1.weight\"", "expected shape [32,12,3,3]", "found [12,32,3,3]"});
}

TEST(ModelFile, WritesNothingItWouldNotRead) {
  const TemporaryFolder folder;
  const std::string path = folder.path("model");
  const auto expect_refused = [&](const std::vector<std::string>& parts, auto change) {
    Model model = random_model();
    change(model);
    expect_error(ErrorCode::kMalformedModel, parts, [&] { write_model(path, model, DataType::kF16); });
    EXPECT_TRUE(folder.entries().empty());
  };
  expect_refused({"encoder.conv1.bias"}, [](Model& model) { model.weights.erase("encoder.conv1.bias"); });
  expect_refused({"encoder.conv1.bias", "nan"},
                 [](Model& model) { model.weights["encoder.conv1.bias"].values[3] = std::nanf(""); });
  expect_refused({"encoder.conv1.bias", "shape"}, [](Model& model) { model.weights["encoder.conv1.bias"].shape = {16, 2}; });
  expect_refused({"stowaway"}, [](Model& model) { model.weights["stowaway"] = {{1}, {1.0f}}; });
  expect_refused({"eps"}, [](Model& model) { model.network.eps = 0; });
  expect_refused({"name"}, [](Model& model) { model.network.encoder[1].name = "\xFF"; });
  expect_refused({"UTF-8"}, [](Model& model) { model.training["data"] = "\xFF"; });
  expect_refused({"training", "object"}, [](Model& model) { model.training = nlohmann::json::array({1}); });
}

TEST(ModelFile, FailsWhereTheFileCannotBeWritten) {
  const TemporaryFolder folder;
  expect_error(ErrorCode::kUnwritable, {"absent/model"},
               [&] { write_model(folder.path("absent/model"), random_model(), DataType::kF32); });
  expect_error(ErrorCode::kNotFound, {"absent"}, [&] { read_model(folder.path("absent")); });
}

TEST(ModelFile, CutOffAnywhereItIsRefused) {
  const TemporaryFolder folder;
  write_model(folder.path("model"), random_model(), DataType::kBF16);
  const std::vector<std::uint8_t> whole = test::read_bytes(folder.path("model"));
  for (std::size_t size = 0; size < whole.size(); size = size * 5 / 4 + 1) {
    SCOPED_TRACE(size);
    test::write_bytes(folder.path("cut"), {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
    expect_error(ErrorCode::kMalformedModel, {folder.path("cut"), "expected"}, [&] { read_model(folder.path("cut")); });
  }
}

}  // namespace
}  // namespace adainstyle
