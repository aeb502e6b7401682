// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "network.h"
#include "plain_network.h"

namespace adainstyle {

// Where a convolution's weights [O, I, h, w] lie in the flat vector, as O rows of I * h * w.
struct MatrixView {
  std::int64_t offset, rows, columns;
};

// The trainable tensors of a network in one flat vector: one gradient, one norm, one step of the optimiser, one message between
// machines, whatever the number of layers.
class Parameters {
 public:
  // All zero, on `device`.
  explicit Parameters(std::vector<TensorSpec> specs, at::Device device = at::kCPU);

  const std::vector<TensorSpec>& specs() const { return specs_; }
  std::int64_t count() const { return count_; }
  std::vector<MatrixView> matrices() const;  // of every convolution

  // float32 [count()].
  at::Tensor& master() { return master_; }
  const at::Tensor& master() const { return master_; }

  // He-initialised weights (fan-in), zero biases; a residual block's second convolution begins small, so that the block begins
  // near identity.
  void initialise(std::uint64_t seed);

  // Begins with a trained model of the same or a narrower network: a tensor of the same name fills the first output and input
  // channels; further inputs of those outputs are zero, further outputs random; a residual block that the trained network lacks is
  // the identity. So the grown network computes at first what the trained one did, and the new channels have gradients from the
  // first step on (the idea of Net2Net, Chen et al. 2016).
  // Throws Error(kSettings) where nothing fits.
  void initialise_from(const std::map<std::string, TensorData>& weights, std::uint64_t seed);

  // The tensors in `dtype`, convolution weights channels-last, as views through which gradients flow back to `flat` (master()
  // or another vector of the same layout).
  TensorMap unpack(const at::Tensor& flat, at::ScalarType dtype) const;

 private:
  at::Tensor random_values(std::uint64_t seed) const;  // float32 [count()], on the CPU

  std::vector<TensorSpec> specs_;
  std::vector<std::int64_t> sizes_;
  std::int64_t count_ = 0;
  at::Tensor master_;
};

}  // namespace adainstyle
