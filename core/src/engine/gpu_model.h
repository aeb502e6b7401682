// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/device_queue.h"
#include "engine/engine.h"

namespace adainstyle {

// A step's weights on the device, channels filled up to what is stored.
struct GpuStep {
  at::Tensor weight;        // features' format, channels-last
  at::Tensor bias;          // float32 [outputs]
  at::Tensor rounded_bias;  // features' format
  at::Tensor rounding;      // float32 [outputs][inputs], of a phase convolution in 16 bits: see CorrectionJob
  int side = 0;             // of the kernel
  int outputs = 0;          // stored; of a phase convolution all four phases
};

// Makes a queue for features of a type.
using QueueMaker = std::function<std::unique_ptr<DeviceQueue>(at::ScalarType)>;

// A plan on a device, for GpuEngine.
class GpuModel : public PreparedModel, public std::enable_shared_from_this<GpuModel> {
 public:
  GpuModel(const Model& model, const at::Device& where, Precision precision, QueueMaker make_queue);

  std::unique_ptr<Engine> make_engine(int threads) const override;
  const Plan& lowered() const override { return plan; }
  std::size_t feature_bytes(int width, int height) const override;
  std::size_t weight_bytes() const override;

  Plan plan;  // without weights
  std::vector<GpuStep> steps;
  at::ScalarType type;

  // By tensor: whether the convolution that reads it wants a border, and of what.
  struct BorderWanted {
    int pixels = 0;
    Border of = Border::kReflected;
  };
  std::vector<BorderWanted> borders;

 private:
  GpuStep prepare(const Step& step, const at::Device& where) const;

  QueueMaker make_queue_;
};

}  // namespace adainstyle
