// SPDX-License-Identifier: MIT
#pragma once

// gst/cuda in the version that the plugin is built against, and all that differs between versions.
//
// 1.22: there are no streams. Whoever hands a buffer on has waited until its pixels are there.
// 1.24: a memory may have a stream, on which those who used it last may still be busy, and on which the next is queued without waiting.
// 1.26: pools can allocate and free in the stream's order, so that neither waits for the whole device.

#include <cuda.h>

#include <gst/cuda/gstcudabufferpool.h>
#include <gst/cuda/gstcudacontext.h>
#include <gst/cuda/gstcudaloader.h>
#include <gst/cuda/gstcudamemory.h>
#include <gst/cuda/gstcudautils.h>

#ifdef ADAINSTYLE_GST_CUDA_STREAMS
#include <gst/cuda/gstcudastream.h>
#endif

namespace adainstyle::gst {

#ifdef ADAINSTYLE_GST_CUDA_STREAMS

// The stream on which the pool's buffers are written and read, one for all pools of a GpuMemory.
class CudaStream {
 public:
  explicit CudaStream(GstCudaContext* context) : stream_(gst_cuda_stream_new(context)) {}
  ~CudaStream() {
    if (stream_ != nullptr) gst_cuda_stream_unref(stream_);
  }
  CudaStream(const CudaStream&) = delete;
  CudaStream& operator=(const CudaStream&) = delete;

  // For a pool that has no stream yet.
  void configure(GstStructure* pool_config) const {
    if (stream_ == nullptr || gst_buffer_pool_config_get_cuda_stream(pool_config) != nullptr) return;
    gst_buffer_pool_config_set_cuda_stream(pool_config, stream_);
#ifdef ADAINSTYLE_GST_CUDA_STREAM_ORDERED
    gst_buffer_pool_config_set_cuda_stream_ordered_alloc(pool_config, TRUE);
#endif
  }

  // Null: the context's default stream.
  CUstream handle() const { return stream_ == nullptr ? nullptr : gst_cuda_stream_get_handle(stream_); }

 private:
  GstCudaStream* stream_;
};

// The stream in whose order the memory is used; null where whoever hands it on has waited. Mapping it for writing on the GPU marks it as
// one whose stream is to be waited for.
inline CUstream queue_of(GstMemory* memory) {
  GstCudaStream* stream = gst_cuda_memory_get_stream(GST_CUDA_MEMORY_CAST(memory));
  return stream == nullptr ? nullptr : gst_cuda_stream_get_handle(stream);
}

// The same of a memory that is read.
inline CUstream input_queue_of(GstMemory* memory) { return queue_of(memory); }

// Returns when whoever used the memory before has finished with it: its writer, and readers whose work is still queued on its stream
// although they have given the buffer back to its pool. A context must be current.
inline void wait_for(GstMemory* memory) {
  gst_cuda_memory_sync(GST_CUDA_MEMORY_CAST(memory));
  if (const CUstream queue = queue_of(memory); queue != nullptr) CuStreamSynchronize(queue);
}

#else

class CudaStream {
 public:
  explicit CudaStream(GstCudaContext*) {}
  void configure(GstStructure*) const {}
  CUstream handle() const { return nullptr; }
};

inline CUstream queue_of(GstMemory*) { return nullptr; }

// But for a memory that was copied from another (gst_memory_copy()): that is asked of the default stream and not waited for, and
// LibTorch's streams do not follow the default one by themselves.
inline CUstream input_queue_of(GstMemory*) { return CU_STREAM_LEGACY; }

inline void wait_for(GstMemory*) {}

#endif

}  // namespace adainstyle::gst
