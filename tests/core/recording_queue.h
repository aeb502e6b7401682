// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "engine/gpu_model.h"

namespace adainstyle::test {

// What a RecordingQueue has seen; outlives it.
struct QueueLog {
  int allocations = 0;  // empty() and convolve()
  int uploads = 0;
  int downloads = 0;
  int launches = 0;  // kernels and convolutions that were asked for one by one, not by a graph
  int recordings = 0;
  int replays = 0;
  int graphs_alive = 0;
  int tuned = 0;       // convolutions that were tuned
  bool tunes = false;  // now
  int convolutions = 0;
  std::map<FeatureJob::Kind, int> jobs;
  std::vector<const void*> memory_read;  // where convolutions of the last frame or replay read from

  bool recording_fails = false;
  int allocations_left = -1;                  // until memory runs out; -1: it does not
  bool memory_returns_after_failure = false;  // as soon as it has run out once
};

// A DeviceQueue on the CPU, without a GPU: the same bodies in loops. What is recorded is kept as closures and done at each replay, on the
// memory that it was recorded with. Memory that nobody has written is NaN.
class RecordingQueue : public DeviceQueue {
 public:
  RecordingQueue(std::shared_ptr<QueueLog> log, at::ScalarType type) : log_(std::move(log)), type_(type) {}

  at::Tensor empty(at::IntArrayRef shape, at::ScalarType type) override;
  void upload(const void* from, std::size_t bytes, const at::Tensor& to) override;
  void download(const at::Tensor& from, void* to) override;
  void read_picture(const ImageView& picture, int block, const FeatureMap& features, Border border) override;
  void write_picture(const FeatureMap& features, const float* bias, int block, const ImageView& input,
                     const MutableImageView& output) override;
  void run(const FeatureJob& job) override;
  void run(const PointJob& job) override;
  void run(const CorrectionJob& job) override;
  at::Tensor convolve(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias, int stride, int padding,
                      bool relu) override;
  void tune(bool thoroughly) override { log_->tunes = thoroughly; }
  std::unique_ptr<DeviceGraph> record(const std::function<void()>& work) override;

 private:
  class Graph;

  void perform(std::function<void()> work);

  std::shared_ptr<QueueLog> log_;
  Graph* recording_ = nullptr;
  at::ScalarType type_;  // of the features
};

// A model for engines over such queues.
std::shared_ptr<const GpuModel> prepared_on(const std::shared_ptr<QueueLog>& log, const Model& model, Precision precision);

}  // namespace adainstyle::test
