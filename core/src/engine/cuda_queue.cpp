// SPDX-License-Identifier: MIT
#include <ATen/Context.h>
#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAGraph.h>
#include <ATen/ops/cudnn_convolution.h>
#include <ATen/ops/cudnn_convolution_relu.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>

#include <array>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/cuda_entry.h"
#include "engine/cuda_kernels.h"
#include "engine/cuda_staging.h"

namespace adainstyle {
namespace {

NumberFormat format_of(at::ScalarType type) {
  return type == at::kHalf ? NumberFormat::kFp16 : type == at::kBFloat16 ? NumberFormat::kBf16 : NumberFormat::kFp32;
}

// Small pieces of host memory on their way to the GPU: each goes through the next of a few pinned buffers, so that the host goes on
// while they travel.
class PinnedRing {
 public:
  void copy(const void* from, std::size_t bytes, void* to, cudaStream_t stream) {
    Slot& slot = slots_[next_];
    next_ = (next_ + 1) % slots_.size();
    slot.gone.wait();
    if (!slot.memory.defined() || slot.memory.nbytes() < bytes) {
      slot.memory = at::empty({static_cast<std::int64_t>(bytes)}, at::TensorOptions().dtype(at::kByte).pinned_memory(true));
    }
    std::memcpy(slot.memory.mutable_data_ptr(), from, bytes);
    cuda_check(cudaMemcpyAsync(to, slot.memory.const_data_ptr(), bytes, cudaMemcpyHostToDevice, stream), "copying numbers to it");
    slot.gone.record(stream);
  }

 private:
  struct Slot {
    at::Tensor memory;
    CudaEvent gone;
  };

  std::array<Slot, 4> slots_;
  std::size_t next_ = 0;
};

// Held by the one queue of the process that records, tries convolutions, or asks for one outside of these. LibTorch keeps its list of
// graphs without a lock; convolutions are tried waiting for the whole device, which spoils whatever is being recorded there; and whether
// one that adds a bias is tried is a setting of the process.
std::mutex& one_at_a_time() {
  static auto* const mutex = new std::mutex;  // outlives every queue
  return *mutex;
}

// A stream that no other queue has meanwhile. LibTorch's own come out of a pool of 32, in turn: what another thread asks of the same
// stream while a graph is recorded on it would become part of that graph. They are handed on, never destroyed, since LibTorch's
// allocator keeps free memory by stream.
class OwnStream {
 public:
  explicit OwnStream(int device) : device_(device) {
    const std::lock_guard guard(lock());
    std::vector<cudaStream_t>& idle = idle_on(device);
    if (idle.empty()) {
      cuda_check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream");
    } else {
      stream_ = idle.back();
      idle.pop_back();
    }
  }
  ~OwnStream() {
    const std::lock_guard guard(lock());
    idle_on(device_).push_back(stream_);
  }
  OwnStream(const OwnStream&) = delete;
  OwnStream& operator=(const OwnStream&) = delete;

  c10::cuda::CUDAStream get() const { return c10::cuda::getStreamFromExternal(stream_, static_cast<c10::DeviceIndex>(device_)); }

 private:
  static std::mutex& lock() {
    static auto* const mutex = new std::mutex;
    return *mutex;
  }
  static std::vector<cudaStream_t>& idle_on(int device) {
    static auto* const idle = new std::map<int, std::vector<cudaStream_t>>;
    return (*idle)[device];
  }

  int device_;
  cudaStream_t stream_ = nullptr;
};

class CudaGraph : public DeviceGraph {
 public:
  explicit CudaGraph(const c10::cuda::CUDAStream& stream)
      : stream_(stream), pool_(at::cuda::graph_pool_handle()), graph_(std::in_place) {}

  ~CudaGraph() override {
    cudaStreamSynchronize(stream_);  // its memory goes, and may be given to another stream
    const std::lock_guard alone(one_at_a_time());
    graph_.reset();
  }

  // thread_local: other threads, which load styles or run other elements, may go on allocating meanwhile. With one_at_a_time() held.
  void record(const std::function<void()>& work) {
    const c10::cuda::CUDAStreamGuard guard(stream_);
    std::exception_ptr failure;
    try {
      graph_->capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
      work();
    } catch (...) {
      failure = std::current_exception();
    }
    try {
      graph_->capture_end();
    } catch (...) {
      if (!failure) failure = std::current_exception();
      leave_pools();
    }
    if (!failure) return;
    cudaGetLastError();
    std::rethrow_exception(failure);
  }

  void replay() override {
    const c10::cuda::CUDAStreamGuard guard(stream_);
    graph_->replay();
  }

 private:
  // What CUDAGraph leaves undone where a capture ends badly: the allocators would go on asking it, even when it is gone, which memory is
  // the graph's.
  void leave_pools() noexcept {
    const auto attempt = [](const auto& leave) {
      try {
        leave();
      } catch (const std::exception&) {
        // Then it has been done.
      }
    };
    attempt([&] {
      c10::cuda::CUDACachingAllocator::endAllocateToPool(stream_.device_index(), pool_);
      c10::cuda::CUDACachingAllocator::releasePool(stream_.device_index(), pool_);
    });
    attempt([&] {
      at::getHostAllocator(at::kCUDA)->end_allocate_to_pool(pool_);
      at::getHostAllocator(at::kCUDA)->release_pool(pool_);
    });
  }

  c10::cuda::CUDAStream stream_;
  c10::MempoolId_t pool_;
  std::optional<at::cuda::CUDAGraph> graph_;
};

class CudaQueue : public DeviceQueue {
 public:
  CudaQueue(int index, at::ScalarType type)
      : device_(at::kCUDA, static_cast<at::DeviceIndex>(index)),
        format_(format_of(type)),
        own_stream_(index),
        stream_(own_stream_.get()),
        staging_(index) {}

  ~CudaQueue() override { cudaStreamSynchronize(stream_); }

  at::Tensor empty(at::IntArrayRef shape, at::ScalarType type) override {
    const c10::cuda::CUDAStreamGuard guard(stream_);
    return at::empty(shape, at::TensorOptions(device_).dtype(type));
  }

  void upload(const void* from, std::size_t bytes, const at::Tensor& to) override {
    const c10::cuda::CUDAStreamGuard guard(stream_);
    ring_.copy(from, bytes, to.data_ptr(), stream_);
  }

  void download(const at::Tensor& from, void* to) override {
    const c10::cuda::CUDAStreamGuard guard(stream_);
    cuda_check(cudaMemcpyAsync(to, from.const_data_ptr(), from.nbytes(), cudaMemcpyDeviceToHost, stream_),
               "copying numbers from it");
    wait();
  }

  void read_picture(const ImageView& picture, int block, const FeatureMap& features, Border border) override {
    const c10::cuda::CUDAStreamGuard guard(stream_);
    input_ = picture;
    if (picture.device.type == DeviceType::kCpu) {
      input_ = staging_.upload(picture, stream_);
    } else if (picture.device.queue != nullptr) {
      follow(static_cast<cudaStream_t>(picture.device.queue), stream_);
    }
    cuda_check(cuda_read_picture(input_, block, features, border, format_, stream_.stream()), "reading a frame");
  }

  void write_picture(const FeatureMap& features, const float* bias, int block, const ImageView& input,
                     const MutableImageView& output) override {
    const c10::cuda::CUDAStreamGuard guard(stream_);
    const bool in_system_memory = output.device.type == DeviceType::kCpu;
    const MutableImageView target = in_system_memory ? staging_.room_for(output) : output;
    auto* queue = static_cast<cudaStream_t>(output.device.queue);
    if (!in_system_memory && queue != nullptr) follow(queue, stream_);  // whose readers may still be busy with it
    cuda_check(cuda_write_picture(features, bias, block, format_, input_, target, stream_.stream()), "writing a frame");
    if (in_system_memory) {
      staging_.download(output, stream_);
    } else if (queue == nullptr) {
      wait();
    } else {
      follow(stream_, queue);
      if (input.device.queue != nullptr) {
        follow(stream_, static_cast<cudaStream_t>(input.device.queue));  // whose memory was read
      } else {
        wait();  // or the input is written again while it is still being read
      }
    }
  }

  void run(const FeatureJob& job) override {
    const c10::cuda::CUDAGuard guard(device_);
    cuda_check(cuda_run(job, format_, stream_.stream()), "working on features");
  }

  void run(const PointJob& job) override {
    const c10::cuda::CUDAGuard guard(device_);
    cuda_check(cuda_run(job, stream_.stream()), "computing statistics");
  }

  void run(const CorrectionJob& job) override {
    const c10::cuda::CUDAGuard guard(device_);
    cuda_check(cuda_run(job, stream_.stream()), "correcting a bias");
  }

  at::Tensor convolve(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias, int stride, int padding,
                      bool relu) override {
    const c10::cuda::CUDAStreamGuard guard(stream_);
    std::unique_lock alone(one_at_a_time(), std::defer_lock);
    if (!alone_.owns_lock()) alone.lock();
    const std::array<std::int64_t, 2> strides{stride, stride};
    const std::array<std::int64_t, 2> paddings{padding, padding};
    if (relu && fuses_) {
      try {
        return at::cudnn_convolution_relu(input, weight, bias, strides, paddings, {1, 1}, 1);
      } catch (const c10::Error& error) {
        // cuDNN promises an engine for every convolution, but not for every one with bias and ReLU.
        if (std::strstr(error.what(), "unable to find an engine") == nullptr) throw;
        fuses_ = false;
      }
    }
    const at::Tensor output = at::cudnn_convolution(input, weight, paddings, strides, {1, 1}, 1, tuned_before_.has_value(), false,
                                                    at::globalContext().allowTF32CuDNN(at::Float32Op::CONV));
    return relu ? output.add_(bias.view({1, -1, 1, 1})).relu_() : output;
  }

  // LibTorch remembers the way that it found, or that it took untuned, for a convolution and for the thread that asked.
  void tune(bool thoroughly) override {
    if (thoroughly == tuned_before_.has_value()) return;
    if (thoroughly) {
      alone_.lock();
      tuned_before_ = at::globalContext().benchmarkCuDNN();
      at::globalContext().setBenchmarkCuDNN(true);
    } else {
      at::globalContext().setBenchmarkCuDNN(*tuned_before_);
      tuned_before_.reset();
      alone_.unlock();
    }
  }

  std::unique_ptr<DeviceGraph> record(const std::function<void()>& work) override {
    auto graph = std::make_unique<CudaGraph>(stream_);
    const std::lock_guard alone(alone_);  // given back before the graph goes, if that fails
    // The graph has memory of its own: what was needed until now is of no more use, and may be all there is.
    c10::cuda::CUDACachingAllocator::emptyCache();
    graph->record(work);
    return graph;
  }

 private:
  void wait() { cuda_check(cudaStreamSynchronize(stream_), "repainting a frame"); }

  // What is asked of `after` from now on happens after what was asked of `first`.
  void follow(cudaStream_t first, cudaStream_t after) {
    if (first == after) return;
    order_.record(first);
    order_.let_wait(after);
  }

  at::Device device_;
  NumberFormat format_;
  OwnStream own_stream_;
  c10::cuda::CUDAStream stream_;
  CudaStaging staging_;
  PinnedRing ring_;
  CudaEvent order_;
  bool fuses_ = true;                 // whether the library takes bias and ReLU with a convolution
  ImageView input_;                   // as read_picture() found it, on the GPU
  std::optional<bool> tuned_before_;  // while convolutions are tuned: LibTorch's setting before
  std::unique_lock<std::mutex> alone_{one_at_a_time(), std::defer_lock};  // while it records or tunes
};

}  // namespace
}  // namespace adainstyle

adainstyle::DeviceQueue* adainstyle_make_cuda_queue(int device_index, c10::ScalarType type) {
  const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device_index));
  return new adainstyle::CudaQueue(device_index, type);
}
