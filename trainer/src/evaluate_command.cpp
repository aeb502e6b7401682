// SPDX-License-Identifier: MIT
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>

#include "adainstyle/error.h"
#include "commands.h"
#include "device.h"
#include "file_io.h"
#include "flow.h"
#include "model_file.h"
#include "stylize_plain.h"
#include "validation.h"

namespace adainstyle {
namespace {

struct EvaluateOptions {
  std::string model, content, style, vgg, list, flow, flow_style, json, grid, device = "auto";
  int size = 256, pairs = 1 << 20, grid_rows = 8;
  float strength = 1.0f;
};

void write_text(const std::string& path, const std::string& text) {
  write_file_atomically(path, std::vector<std::uint8_t>(text.begin(), text.end()));
}

void print_table(const Measurement& measurement, bool with_gain) {
  std::printf("pairs %zu\n%-10s %9s\n", measurement.pairs.size(), "layer", "Ls");
  static constexpr const char* kLayers[kLossTaps] = {"relu1_1", "relu2_1", "relu3_1", "relu4_1"};
  for (int tap = 0; tap < kLossTaps; ++tap) std::printf("%-10s %9.4f\n", kLayers[tap], measurement.mean.style_per_tap[tap]);
  std::printf("%-10s %9.4f\n%-10s %9.4f\n%-10s %9.4f\n", "Ls", measurement.mean.style, "Lt", measurement.mean.target, "Lin",
              measurement.mean.content);
  if (with_gain) std::printf("%-10s %9.4f\n", "gain", measurement.static_gain);
}

// One line a pair, tab-separated: content, style, output. All are resized to short side `size` and cropped in the centre, unless
// they have that size.
Measurement measure_list(const EvaluateOptions& options, const LossNetwork& network, std::vector<at::Tensor>* pictures) {
  std::ifstream file(options.list);
  if (!file) throw Error(ErrorCode::kNotFound, "Cannot read the list " + options.list + ".");
  Measurement result;
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty()) continue;
    std::istringstream fields(line);
    std::string content, style, output;
    if (!std::getline(fields, content, '\t') || !std::getline(fields, style, '\t') || !std::getline(fields, output)) {
      throw Error(ErrorCode::kSettings, options.list + " line " + std::to_string(result.pairs.size() + 1) +
                                            ": expected three paths (content, style, output) with tabs between them.");
    }
    std::vector<LossFeatures> features;
    for (const std::string& path : {content, style, output}) {
      const at::Tensor picture = load_picture(path, options.size);
      features.push_back(network.features(picture));
      if (result.pairs.size() < static_cast<std::size_t>(options.grid_rows)) pictures->push_back(picture[0]);
    }
    result.pairs.push_back(measure(features[0], features[1], features[2]));
    result.names.emplace_back(content, style);
    result.mean += result.pairs.back();
  }
  if (result.pairs.empty()) throw Error(ErrorCode::kSettings, "The list " + options.list + " is empty.");
  result.mean /= static_cast<double>(result.pairs.size());
  return result;
}

void write_reports(const EvaluateOptions& options, nlohmann::json report, const Measurement& measurement) {
  if (options.json.empty()) return;
  if (!measurement.pairs.empty()) report["of_pairs"] = pairs_to_json(measurement);
  write_text(options.json, report.dump(1) + "\n");
}

void evaluate_list(const EvaluateOptions& options) {
  const LossNetwork network = LossNetwork::load(options.vgg, at::kFloat, training_device(options.device));
  std::vector<at::Tensor> pictures;
  const Measurement measurement = measure_list(options, network, &pictures);
  print_table(measurement, false);
  nlohmann::json report = to_json(measurement);
  report.erase("static_gain");
  write_reports(options, report, measurement);
  if (!options.grid.empty()) write_png(options.grid, picture_grid(pictures, 3));
}

nlohmann::json evaluate_flow(const EvaluateOptions& options, const Stylize& stylize) {
  if (options.flow_style.empty())
    throw Error(ErrorCode::kSettings, "--flow needs --flow-style, the picture to repaint the frames with.");
  const WarpingError error =
      measure_warping(find_flow_pairs(options.flow), stylize, load_picture(options.flow_style, options.size));
  std::printf("warping error (rms) of %zu pairs: input %.4f, output %.4f, ratio %.3f\n", error.pairs, error.input, error.output,
              error.output / error.input);
  return {{"pairs", error.pairs}, {"input", error.input}, {"output", error.output}, {"ratio", error.output / error.input}};
}

void evaluate_model(const EvaluateOptions& options) {
  const Model model = read_model(options.model);
  const at::Device device = training_device(options.device);
  const TensorMap weights = to_tensors(model.weights, device);
  const Stylize stylize = stylize_with(model.network, weights, options.strength);
  Measurement measurement;
  nlohmann::json report = nlohmann::json::object();
  if (!options.content.empty()) {
    const LossNetwork network = LossNetwork::load(options.vgg, at::kFloat, device);
    const Validation validation(options.content, options.style, network, options.size, options.pairs);
    measurement = validation.run(stylize);
    print_table(measurement, true);
    report = to_json(measurement);
    if (!options.grid.empty()) write_png(options.grid, validation.grid(stylize, options.grid_rows));
  }
  if (!options.flow.empty()) report["warping_error"] = evaluate_flow(options, stylize);
  write_reports(options, report, measurement);
}

void run_evaluate(const EvaluateOptions& options) {
  if (options.model.empty() == options.list.empty()) {
    throw Error(ErrorCode::kSettings, "Name either a model to evaluate or a --list of outputs made elsewhere.");
  }
  if (options.content.empty() != options.style.empty()) {
    throw Error(ErrorCode::kSettings, "--content and --style go together.");
  }
  if (!options.content.empty() || !options.list.empty()) {
    if (options.vgg.empty()) throw Error(ErrorCode::kSettings, "--vgg is missing: the VGG-19 that measures.");
  } else if (options.flow.empty()) {
    throw Error(ErrorCode::kSettings, "Nothing to measure: give --content and --style, --list or --flow.");
  }
  options.list.empty() ? evaluate_model(options) : evaluate_list(options);
}

}  // namespace

Command add_evaluate_command(CLI::App* app) {
  auto options = std::make_shared<EvaluateOptions>();
  EvaluateOptions* o = options.get();
  app->add_option("model", o->model, "Model file")->type_name("MODEL");
  app->add_option("--content", o->content, "Folder of photographs; the i-th is paired with the i-th style")->type_name("DIR");
  app->add_option("--style", o->style, "Folder of style pictures")->type_name("DIR");
  app->add_option("--vgg", o->vgg, "VGG-19 up to conv4_1, safetensors: what measures")->type_name("FILE");
  app->add_option("--list", o->list, "Instead of a model: a file with a line \"content<TAB>style<TAB>output\" for each pair")
      ->type_name("FILE");
  app->add_option("--size", o->size, "Pictures are resized to this short side and cropped in the centre, pixels")
      ->capture_default_str()
      ->check(CLI::Range(32, 4096));
  app->add_option("--pairs", o->pairs, "Pairs measured at most; default: all")->check(CLI::PositiveNumber);
  app->add_option("--strength", o->strength, "From the statistics of the content (0) to those of the style (1)")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  app->add_option(
         "--flow", o->flow,
         "Warping error over a folder of frame_NNNN.png with optical flow frame_NNNN.flo from each to the next and, below folders "
         "named occlusions and invalid, masks that are black where the flow holds")
      ->type_name("DIR");
  app->add_option("--flow-style", o->flow_style, "Style picture for --flow, resized to --size")->type_name("FILE");
  app->add_option("--device", o->device, kDeviceHelp)->capture_default_str();
  app->add_option("--json", o->json, "Write the figures of all and of each pair here")->type_name("FILE");
  app->add_option("--grid", o->grid, "Write a picture of content, style and output of the first pairs here")->type_name("PNG");
  app->add_option("--grid-rows", o->grid_rows, "Pairs in the grid")->capture_default_str()->check(CLI::PositiveNumber);
  return [options] { run_evaluate(*options); };
}

}  // namespace adainstyle
