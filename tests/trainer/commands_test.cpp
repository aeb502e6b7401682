// SPDX-License-Identifier: MIT
// The commands import (raw safetensors), evaluate and info from their command line.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <nlohmann/json.hpp>

#include "file_io.h"
#include "image_file.h"
#include "model_file.h"
#include "network_presets.h"
#include "parameters.h"
#include "support/temporary_folder.h"
#include "training_files.h"

namespace adainstyle {
namespace {

using test::TrainerProcess;
using Arguments = std::vector<std::string>;

// A model with random weights, as raw safetensors and imported from them.
class Commands : public ::testing::Test {
 protected:
  void SetUp() override {
    test::make_training_files(folder_.path());
    const Network network = preset_network("small");
    Parameters parameters(required_tensors(network));
    parameters.initialise(3);
    SafetensorsFile raw;
    raw.tensors = from_tensors(parameters.unpack(parameters.master(), at::kFloat));
    write_file_atomically(file("raw.safetensors"), serialize_safetensors(raw, DataType::kF32));
    run({"import", "--raw", file("raw.safetensors"), "--network", "small", "--output", file("m.safetensors")});
  }

  std::string file(const std::string& name) const { return folder_.path(name); }

  // Runs a command that must succeed; returns what it printed.
  std::string run(const Arguments& arguments) const {
    TrainerProcess process(arguments, file("run.log"));
    EXPECT_EQ(process.wait(), 0) << process.messages();
    return process.messages();
  }

  void expect_failure(const Arguments& arguments, const std::string& part) const {
    TrainerProcess process(arguments, file("run.log"));
    EXPECT_EQ(process.wait(), 1);
    EXPECT_NE(process.messages().find(part), std::string::npos) << process.messages();
  }

  nlohmann::json report() const {
    std::ifstream stream(file("report.json"));
    return nlohmann::json::parse(stream);
  }

  test::TemporaryFolder folder_;
};

TEST_F(Commands, RawTensorsBecomeAModel) {
  const Model model = read_model(file("m.safetensors"));
  EXPECT_EQ(network_to_json(model.network), network_to_json(preset_network("small")));
  expect_failure({"import", "--raw", file("raw.safetensors"), "--output", file("x.safetensors")}, "--network");
  expect_failure({"import", "--raw", file("vgg.safetensors"), "--network", "small", "--output", file("x.safetensors")}, "encoder.");
  expect_failure({"import", "--output", file("x.safetensors")}, "one source");
}

TEST_F(Commands, EvaluateMeasuresPairsPerLayerAndInAll) {
  const std::string table = run({"evaluate", file("m.safetensors"), "--content", file("content"), "--style", file("style"), "--vgg",
                                 file("vgg.safetensors"), "--size", "48", "--pairs", "3", "--json", file("report.json"), "--grid",
                                 file("grid.png"), "--grid-rows", "2"});
  for (const char* row : {"pairs 3", "relu1_1", "relu4_1", "Ls", "Lt", "Lin", "gain"}) {
    EXPECT_NE(table.find(row), std::string::npos) << row << "\n" << table;
  }
  const nlohmann::json all = report();
  EXPECT_EQ(all.at("pairs"), 3);
  double layers = 0.0, pairs = 0.0;
  for (const double layer : all.at("Ls_per_tap")) layers += layer;
  for (const nlohmann::json& pair : all.at("of_pairs")) pairs += pair.at("Ls").get<double>();
  EXPECT_NEAR(layers, all.at("Ls").get<double>(), 1e-6 * layers);
  EXPECT_NEAR(pairs / 3.0, all.at("Ls").get<double>(), 1e-6 * layers);
  EXPECT_GT(all.at("static_gain").get<double>(), 0.0);
  EXPECT_EQ(all.at("of_pairs")[1].at("content"), file("content/1.png"));
  EXPECT_EQ(all.at("of_pairs")[1].at("style"), file("style/1.png"));
  const DecodedImage grid = read_image(file("grid.png"), 0);
  EXPECT_EQ(grid.width, 3 * 48);
  EXPECT_EQ(grid.height, 2 * 48);
}

TEST_F(Commands, EvaluateMeasuresOutputsMadeElsewhere) {
  // An output that is the style has no style loss, one that is the content no content loss.
  std::ofstream(file("list.tsv")) << file("content/0.png") << '\t' << file("style/0.png") << '\t' << file("style/0.png") << "\n\n"
                                  << file("content/1.png") << '\t' << file("style/1.png") << '\t' << file("content/1.png") << '\n';
  run({"evaluate", "--list", file("list.tsv"), "--vgg", file("vgg.safetensors"), "--size", "48", "--json", file("report.json"),
       "--grid", file("grid.png")});
  const nlohmann::json all = report();
  EXPECT_EQ(all.at("pairs"), 2);
  EXPECT_FALSE(all.contains("static_gain"));
  EXPECT_EQ(all.at("of_pairs")[0].at("Ls"), 0.0);
  EXPECT_GT(all.at("of_pairs")[0].at("Lin").get<double>(), 0.1);
  EXPECT_EQ(all.at("of_pairs")[1].at("Lin"), 0.0);
  EXPECT_GT(all.at("of_pairs")[1].at("Ls").get<double>(), 0.0);
  EXPECT_EQ(read_image(file("grid.png"), 0).height, 2 * 48);

  std::ofstream(file("list.tsv")) << file("content/0.png") << ' ' << file("style/0.png") << '\n';
  expect_failure({"evaluate", "--list", file("list.tsv"), "--vgg", file("vgg.safetensors")}, "line 1");
}

TEST_F(Commands, EvaluateMeasuresTheWarpingErrorOfAVideo) {
  // Two equal frames that a flow of nothing joins: no error at all. Another second frame: errors of both.
  const std::string frames = file("frames");
  std::filesystem::create_directories(frames + "/occlusions");
  test::write_random_picture(frames + "/frame_0001.png", 48, 40, 1);
  test::write_random_picture(frames + "/frame_0002.png", 48, 40, 2);
  std::ofstream flow(frames + "/frame_0001.flo", std::ios::binary);
  const std::int32_t size[2] = {48, 40};
  flow << "PIEH";
  flow.write(reinterpret_cast<const char*>(size), sizeof size);
  flow << std::string(std::size_t{8} * 48 * 40, '\0');
  flow.close();
  const Arguments command = {"evaluate",     file("m.safetensors"), "--flow", frames,
                             "--flow-style", file("style/0.png"),   "--size", "48",
                             "--json",       file("report.json")};
  EXPECT_NE(run(command).find("ratio"), std::string::npos);
  const nlohmann::json error = report().at("warping_error");
  EXPECT_EQ(error.at("pairs"), 1);
  EXPECT_GT(error.at("input").get<double>(), 0.05);
  EXPECT_NEAR(error.at("ratio").get<double>(), error.at("output").get<double>() / error.at("input").get<double>(), 1e-9);

  DecodedImage white;
  white.width = 48;
  white.height = 40;
  white.rgb.assign(std::size_t{3} * 48 * 40, 255);
  write_png(frames + "/occlusions/frame_0001.png", white);
  expect_failure(command, "no pixel");
}

TEST_F(Commands, EvaluateSaysWhatIsMissing) {
  expect_failure({"evaluate", file("m.safetensors")}, "Nothing to measure");
  expect_failure({"evaluate", "--content", file("content"), "--style", file("style")}, "--list");
  expect_failure({"evaluate", file("m.safetensors"), "--content", file("content"), "--style", file("style")}, "--vgg");
  expect_failure({"evaluate", file("m.safetensors"), "--flow", file("content")}, "--flow-style");
  expect_failure({"evaluate", file("raw.safetensors"), "--flow", file("content")}, "raw.safetensors");
}

TEST_F(Commands, InfoSaysWhatAModelIs) {
  const std::string text = run({"info", file("m.safetensors")});
  for (const char* part : {"parameters 339340", "multiply-adds a pixel 25920", "residual", "adain", "training", "validation"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  expect_failure({"info", file("raw.safetensors")}, "raw.safetensors");
}

// libgomp says what it has read when it is told to. What the user has set stays.
TEST_F(Commands, RunWithThreadsThatSpinShortly) {
  unsetenv("OMP_WAIT_POLICY");  // tests/run.sh sets it
  for (const auto& [set, wanted] : {std::pair("OMP_DISPLAY_ENV=verbose", "GOMP_SPINCOUNT = '10000'"),
                                    std::pair("OMP_WAIT_POLICY=active", "OMP_WAIT_POLICY = 'ACTIVE'")}) {
    TrainerProcess process({"info", file("m.safetensors")}, file("run.log"), {"OMP_DISPLAY_ENV=verbose", set});
    EXPECT_EQ(process.wait(), 0) << process.messages();
    EXPECT_NE(process.messages().find(wanted), std::string::npos) << process.messages();
  }
}

TEST_F(Commands, HelpListsEveryCommand) {
  const std::string help = run({"--help"});
  for (const char* command : {"train", "import", "evaluate", "info"}) {
    EXPECT_NE(help.find(command), std::string::npos);
    EXPECT_NE(run({command, "--help"}).find("--help"), std::string::npos);
  }
}

}  // namespace
}  // namespace adainstyle
