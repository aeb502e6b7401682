// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include <ATen/core/Tensor.h>

#include "adainstyle/image.h"
#include "engine/feature_jobs.h"

namespace adainstyle {

// Work that a DeviceQueue recorded: all of it once more, on the same memory.
class DeviceGraph {
 public:
  virtual ~DeviceGraph() = default;
  virtual void replay() = 0;
};

// A GPU as the GPU engine sees it: memory, kernels, convolutions, and graphs of these. What is asked for happens in that order, some
// time later; only what says so waits. cuda_queue.cpp is the one on CUDA; tests/core/recording_queue.h is a double on the CPU. One
// thread at a time. Throws c10::OutOfMemoryError where memory runs out, Error(kLibrary) where the GPU fails.
class DeviceQueue {
 public:
  virtual ~DeviceQueue() = default;

  // ---- Memory ----

  // Not initialised. While a graph is recorded the memory belongs to the graph.
  virtual at::Tensor empty(at::IntArrayRef shape, at::ScalarType type) = 0;

  // Copies the first bytes of a tensor; `from` may be changed once it returns. Not while a graph is recorded.
  virtual void upload(const void* from, std::size_t bytes, const at::Tensor& to) = 0;

  // Waits until the bytes are there. Not while a graph is recorded.
  virtual void download(const at::Tensor& from, void* to) = 0;

  // ---- Pictures ----

  // From a picture to features, integers 0..255 (read_pixel in feature_body.h), wherever it lies.
  virtual void read_picture(const ImageView& picture, int block, const FeatureMap& features, Border border) = 0;

  // From features 0..1 without their bias, cropped to the picture. `input`, the picture read last, gives alpha. Where the output lies
  // in system memory, and where its device has no queue of work of its own (Device::queue), waits until the pixels are there.
  virtual void write_picture(const FeatureMap& features, const float* bias, int block, const ImageView& input,
                             const MutableImageView& output) = 0;

  // ---- Features ----

  virtual void run(const FeatureJob& job) = 0;
  virtual void run(const PointJob& job) = 0;
  virtual void run(const CorrectionJob& job) = 0;

  // input: [1, inputs, H, W] channels-last, weight: [outputs, inputs, k, k] channels-last, both in the same format, as is `bias`;
  // undefined: none. padding: zeros on each side. Returns memory of its own, as empty() does.
  virtual at::Tensor convolve(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias, int stride, int padding,
                              bool relu) = 0;

  // From now on, whether a convolution that comes for the first time on this thread is tried in all ways the library knows, for the
  // fastest. Other queues wait meanwhile; it has to end on the thread on which it began.
  virtual void tune(bool thoroughly) = 0;

  // ---- Graphs ----

  // Records what `work` asks for instead of doing it. Throws what goes wrong; nothing is being recorded any more then.
  virtual std::unique_ptr<DeviceGraph> record(const std::function<void()>& work) = 0;
};

}  // namespace adainstyle
