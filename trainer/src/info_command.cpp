// SPDX-License-Identifier: MIT
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "commands.h"
#include "model_file.h"

namespace adainstyle {
namespace {

const char* type_name(OpType type) {
  switch (type) {
    case OpType::kConv3x3: return "conv3x3";
    case OpType::kConv1x1: return "conv1x1";
    case OpType::kMaxPool: return "max_pool";
    case OpType::kUpsampleNearest: return "upsample_nearest";
    case OpType::kPixelUnshuffle: return "pixel_unshuffle";
    case OpType::kPixelShuffle: return "pixel_shuffle";
    case OpType::kResidual: return "residual";
    case OpType::kTap: return "tap";
    case OpType::kAdaIN: return "adain";
  }
  return "";
}

void print_operations(const char* title, const std::vector<Operation>& operations) {
  std::printf("%s\n", title);
  for (const Operation& operation : operations) {
    std::printf("  %-17s", type_name(operation.type));
    if (operation.inputs > 0) std::printf(" %4d -> %-4d", operation.inputs, operation.outputs);
    if (operation.tap >= 0) std::printf(" %d", operation.tap);
    if (operation.stride > 1) std::printf(" stride %d", operation.stride);
    if (operation.relu) std::printf(" relu");
    std::printf(operation.name.empty() ? "\n" : "  (%s)\n", operation.name.c_str());
  }
}

void run_info(const std::string& path) {
  const Model model = read_model(path);
  std::size_t parameters = 0;
  for (const auto& [name, tensor] : model.weights) parameters += tensor.values.size();
  std::printf("%s\n", path.c_str());
  std::printf("parameters %zu, multiply-adds a pixel %.0f, stride %d, eps %g\n", parameters, multiply_adds_per_pixel(model.network),
              overall_stride(model.network), static_cast<double>(model.network.eps));
  print_operations("encoder", model.network.encoder);
  print_operations("decoder", model.network.decoder);
  std::printf("training %s\nvalidation %s\n", model.training.dump(1).c_str(), model.validation.dump(1).c_str());
}

}  // namespace

Command add_info_command(CLI::App* app) {
  auto path = std::make_shared<std::string>();
  app->add_option("model", *path, "Model file")->required()->type_name("MODEL");
  return [path] { run_info(*path); };
}

}  // namespace adainstyle
