// SPDX-License-Identifier: MIT
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "adainstyle/error.h"
#include "commands.h"
#include "model_file.h"
#include "network_source.h"

namespace adainstyle {
namespace {

struct ImportOptions {
  std::string raw, network, output, dtype = "fp32";
};

// Raw safetensors: the network comes from --network or from the file's own metadata.
Model import_raw(const ImportOptions& options) {
  SafetensorsFile file = read_safetensors(options.raw);
  Model model;
  if (!options.network.empty()) {
    model.network = network_from(options.network);
  } else {
    const auto description = file.metadata.find("network");
    if (description == file.metadata.end()) {
      throw Error(ErrorCode::kSettings, options.raw + " does not say which network it is for; name it with --network.");
    }
    model.network = network_from_text(description->second, options.raw);
  }
  model.weights = std::move(file.tensors);
  return model;
}

void run_import(const ImportOptions& options) {
  const Model model = import_raw(options);
  write_model(options.output, model, options.dtype == "bf16" ? DataType::kBF16 : DataType::kF32);
}

}  // namespace

Command add_import_command(CLI::App* app) {
  auto options = std::make_shared<ImportOptions>();
  app->add_option("--raw", options->raw, "Safetensors file with the tensors of --network")->required()->type_name("FILE");
  app->add_option("--network", options->network,
                  "Preset (small, wide, vgg19) or JSON file with the list of operations; "
                  "default: the network that the raw file's metadata describes");
  app->add_option("--output", options->output, "Model file to write")->required()->type_name("MODEL");
  app->add_option("--dtype", options->dtype, "How weights are stored")
      ->check(CLI::IsMember({"fp32", "bf16"}))
      ->capture_default_str();
  return [options] { run_import(*options); };
}

}  // namespace adainstyle
