// SPDX-License-Identifier: MIT
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "adainstyle/error.h"
#include "commands.h"
#include "file_io.h"
#include "model_file.h"
#include "network_presets.h"
#include "network_source.h"
#include "torch_file.h"
#include "vgg_import.h"

namespace adainstyle {
namespace {

struct ImportOptions {
  std::string raw, network, encoder, decoder, torchvision, normalise_with, output, dtype = "fp32";
  std::size_t normalise_pictures = 200;

  DataType data_type() const { return dtype == "bf16" ? DataType::kBF16 : DataType::kF32; }
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

Weights import_encoder(const ImportOptions& options) {
  const std::string& source = options.encoder.empty() ? options.torchvision : options.encoder;
  const Weights tensors = read_torch_file(source);
  Weights encoder = options.encoder.empty() ? encoder_from_torchvision(tensors, source) : encoder_from_sequential(tensors, source);
  if (!options.normalise_with.empty()) normalise_activations(&encoder, source, options.normalise_with, options.normalise_pictures);
  return encoder;
}

void run_import(const ImportOptions& options) {
  const int sources = !options.raw.empty() + !options.encoder.empty() + !options.torchvision.empty();
  if (sources != 1) throw Error(ErrorCode::kSettings, "Name one source: --raw, --encoder or --torchvision.");
  if (!options.raw.empty()) {
    if (!options.decoder.empty()) throw Error(ErrorCode::kSettings, "--decoder goes with --encoder or --torchvision.");
    write_model(options.output, import_raw(options), options.data_type());
    return;
  }
  Weights weights = import_encoder(options);
  if (options.decoder.empty()) {
    SafetensorsFile file;
    file.tensors = std::move(weights);
    write_file_atomically(options.output, serialize_safetensors(file, options.data_type()));
    return;
  }
  Model model;
  model.network = preset_network("vgg19");
  model.weights = std::move(weights);
  model.weights.merge(decoder_from_sequential(read_torch_file(options.decoder), options.decoder));
  write_model(options.output, model, options.data_type());
}

}  // namespace

Command add_import_command(CLI::App* app) {
  auto options = std::make_shared<ImportOptions>();
  ImportOptions* o = options.get();
  app->add_option("--raw", o->raw, "Safetensors file with the tensors of --network")->type_name("FILE");
  app->add_option("--network", o->network,
                  "Preset (small, wide, vgg19) or JSON file with the list of operations; default: the network that the raw file's "
                  "metadata describes");
  app->add_option("--encoder", o->encoder, "vgg_normalised.pth of the public AdaIN scripts")->type_name("PTH");
  app->add_option("--torchvision", o->torchvision, "torchvision's VGG-19 as the encoder")->type_name("PTH");
  app->add_option("--normalise-with", o->normalise_with,
                  "Scale the encoder's channels to a mean activation of 1 over these pictures")
      ->type_name("DIR");
  app->add_option("--normalise-pictures", o->normalise_pictures, "Pictures used for that, at most")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app->add_option("--decoder", o->decoder,
                  "decoder.pth of the public AdaIN scripts; without it only the encoder's weights are written, for --vgg")
      ->type_name("PTH");
  app->add_option("--output", o->output, "File to write")->required()->type_name("FILE");
  app->add_option("--dtype", o->dtype, "How weights are stored")->check(CLI::IsMember({"fp32", "bf16"}))->capture_default_str();
  return [options] { run_import(*options); };
}

}  // namespace adainstyle
