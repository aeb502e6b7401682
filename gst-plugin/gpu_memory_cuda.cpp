// SPDX-License-Identifier: MIT
#include "gpu_memory.h"

#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include <dlfcn.h>

#include "adainstyle/error.h"
#include "cuda_compat.h"
#include "frame_mapping.h"

namespace adainstyle::gst {
namespace {

struct Unref {
  void operator()(GstCudaContext* context) const { gst_object_unref(context); }
  void operator()(GstBufferPool* pool) const { gst_object_unref(pool); }
  void operator()(GstBuffer* buffer) const { gst_buffer_unref(buffer); }
  void operator()(GstContext* context) const { gst_context_unref(context); }
  void operator()(GstQuery* query) const { gst_query_unref(query); }
};
using CudaContextPtr = std::unique_ptr<GstCudaContext, Unref>;
using PoolPtr = std::unique_ptr<GstBufferPool, Unref>;
using BufferPtr = std::unique_ptr<GstBuffer, Unref>;
using ContextPtr = std::unique_ptr<GstContext, Unref>;
using QueryPtr = std::unique_ptr<GstQuery, Unref>;

constexpr char kNoMemory[] =
    "The GPU has no memory for a frame of this size. Give the element smaller frames or free some of the GPU's memory.";

void check(CUresult result, const char* what) {
  if (result == CUDA_SUCCESS) return;
  const char* name = nullptr;
  CuGetErrorName(result, &name);
  const bool memory = result == CUDA_ERROR_OUT_OF_MEMORY;
  throw Error(memory ? ErrorCode::kOutOfMemory : ErrorCode::kLibrary,
              std::string("The GPU failed while ") + what + ": " + (name != nullptr ? name : std::to_string(result)) + ".");
}

// ---- The primary context ----

// What gst/cuda does not wrap of the driver.
struct PrimaryContexts {
  CUresult (*retain)(CUcontext*, CUdevice) = nullptr;
  CUresult (*release)(CUdevice) = nullptr;
};

const PrimaryContexts& primary_contexts() {
  static const PrimaryContexts functions = [] {
    PrimaryContexts found;
    if (void* driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL)) {
      found.retain = reinterpret_cast<decltype(found.retain)>(dlsym(driver, "cuDevicePrimaryCtxRetain"));
      found.release = reinterpret_cast<decltype(found.release)>(dlsym(driver, "cuDevicePrimaryCtxRelease_v2"));
    }
    return found;
  }();
  return functions;
}

// A primary context that is retained for as long as the object lives.
class RetainedPrimary {
 public:
  RetainedPrimary(const PrimaryContexts& functions, CUdevice device) : release_(functions.release), device_(device) {
    check(functions.retain(&handle_, device), "opening the device's context");
  }
  ~RetainedPrimary() { release_(device_); }
  RetainedPrimary(const RetainedPrimary&) = delete;
  RetainedPrimary& operator=(const RetainedPrimary&) = delete;

  CUcontext handle() const { return handle_; }

 private:
  CUresult (*release_)(CUdevice);
  CUdevice device_;
  CUcontext handle_ = nullptr;
};

void delete_retained(gpointer retained) { delete static_cast<RetainedPrimary*>(retained); }

// The wrapper gives the context back when it goes, which may be long after the element: buffers hold it too.
CudaContextPtr wrap_primary(int index) {
  if (gst_cuda_load_library() == FALSE || primary_contexts().retain == nullptr || primary_contexts().release == nullptr) {
    throw Error(ErrorCode::kLibrary, "The NVIDIA driver (libcuda.so.1) lacks what GStreamer needs; install a newer driver.");
  }
  gst_cuda_memory_init_once();
  check(CuInit(0), "starting the driver");
  CUdevice device = 0;
  check(CuDeviceGet(&device, index), "looking for the device");
  auto primary = std::make_unique<RetainedPrimary>(primary_contexts(), device);
  CudaContextPtr context(gst_cuda_context_new_wrapped(primary->handle(), device));
  if (!context) throw Error(ErrorCode::kLibrary, "GStreamer cannot use the context of GPU " + std::to_string(index) + ".");
  g_object_set_data_full(G_OBJECT(context.get()), "adainstyle-primary-context", primary.release(), delete_retained);
  return context;
}

// One wrapper a device for the whole process, for as long as somebody holds it: elements that compare wrappers, not what they wrap,
// take the frames of all others for their own.
CudaContextPtr shared_primary(int index) {
  static std::mutex lock;
  static std::map<int, GWeakRef> wrappers;  // never erased: a GWeakRef may not move
  const std::lock_guard guard(lock);
  const auto [entry, is_new] = wrappers.try_emplace(index);
  if (is_new) g_weak_ref_init(&entry->second, nullptr);
  CudaContextPtr context(GST_CUDA_CONTEXT_CAST(g_weak_ref_get(&entry->second)));
  if (!context) {
    context = wrap_primary(index);
    g_weak_ref_set(&entry->second, context.get());
  }
  return context;
}

bool same_context(GstCudaContext* one, GstCudaContext* other) {
  return one == other || gst_cuda_context_get_handle(one) == gst_cuda_context_get_handle(other);
}

// The CUDA context in a GstContext, null if there is none.
CudaContextPtr unpack(GstContext* context) {
  GstCudaContext* cuda = nullptr;
  if (context != nullptr) {
    gst_structure_get(gst_context_get_structure(context), GST_CUDA_CONTEXT_TYPE, GST_TYPE_CUDA_CONTEXT, &cuda, nullptr);
  }
  return CudaContextPtr(cuda);
}

// Makes a context current for as long as the object lives.
class CurrentContext {
 public:
  explicit CurrentContext(GstCudaContext* context) {
    check(CuCtxPushCurrent(static_cast<CUcontext>(gst_cuda_context_get_handle(context))), "switching to its context");
  }
  ~CurrentContext() { CuCtxPopCurrent(nullptr); }
  CurrentContext(const CurrentContext&) = delete;
  CurrentContext& operator=(const CurrentContext&) = delete;
};

// ---- Frames ----

bool is_gpu_buffer(GstBuffer* buffer) {
  return gst_buffer_n_memory(buffer) == 1 && gst_is_cuda_memory(gst_buffer_peek_memory(buffer, 0)) != FALSE;
}

GstCudaMemory* memory_of(GstBuffer* buffer) { return GST_CUDA_MEMORY_CAST(gst_buffer_peek_memory(buffer, 0)); }

// How the frame lies in the buffer: the buffer's GstVideoMeta says so when it is mapped; the memory knows for a buffer without.
const GstVideoInfo& layout_of(const GstVideoInfo& info, GstBuffer* buffer) {
  const GstVideoInfo& memory = memory_of(buffer)->info;
  const bool fits = GST_VIDEO_INFO_FORMAT(&memory) == GST_VIDEO_INFO_FORMAT(&info) &&
                    GST_VIDEO_INFO_WIDTH(&memory) == GST_VIDEO_INFO_WIDTH(&info) &&
                    GST_VIDEO_INFO_HEIGHT(&memory) == GST_VIDEO_INFO_HEIGHT(&info);
  return gst_buffer_get_video_meta(buffer) == nullptr && fits ? memory : info;
}

class MappedGpuFrame : public MappedFrame {
 public:
  MappedGpuFrame(const GstVideoInfo& info, GstBuffer* buffer, GstMapFlags access, const Device& device)
      : MappedFrame(layout_of(info, buffer), buffer, static_cast<GstMapFlags>(access | GST_MAP_CUDA), device) {}
};

// Copies on the GPU, between two contexts or devices: unified addresses tell the driver which ones.
void copy_frame(const GstVideoFrame& from, const GstVideoFrame& to, CUstream stream) {
  for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES(&from); ++plane) {
    gint components[GST_VIDEO_MAX_COMPONENTS];
    gst_video_format_info_component(from.info.finfo, plane, components);
    CUDA_MEMCPY2D job = {};
    job.srcMemoryType = job.dstMemoryType = CU_MEMORYTYPE_UNIFIED;
    job.srcDevice = reinterpret_cast<CUdeviceptr>(GST_VIDEO_FRAME_PLANE_DATA(&from, plane));
    job.dstDevice = reinterpret_cast<CUdeviceptr>(GST_VIDEO_FRAME_PLANE_DATA(&to, plane));
    job.srcPitch = static_cast<std::size_t>(GST_VIDEO_FRAME_PLANE_STRIDE(&from, plane));
    job.dstPitch = static_cast<std::size_t>(GST_VIDEO_FRAME_PLANE_STRIDE(&to, plane));
    job.WidthInBytes = static_cast<std::size_t>(GST_VIDEO_FRAME_COMP_WIDTH(&from, components[0])) *
                       static_cast<std::size_t>(GST_VIDEO_FRAME_COMP_PSTRIDE(&from, components[0]));
    job.Height = static_cast<std::size_t>(GST_VIDEO_FRAME_COMP_HEIGHT(&from, components[0]));
    check(CuMemcpy2DAsync(&job, stream), "copying a frame from or to another context");
  }
  check(CuStreamSynchronize(stream), "copying a frame from or to another context");
}

class CudaGpuMemory : public GpuMemory {
 public:
  explicit CudaGpuMemory(int device) : device_(device), context_(shared_primary(device)), stream_(context_.get()) {}

  ~CudaGpuMemory() override {
    if (staging_) gst_buffer_pool_set_active(staging_.get(), FALSE);
  }

  int device() const override { return device_; }

  void share(GstElement* element) override {
    if (adopt(ContextPtr(gst_element_get_context(element, GST_CUDA_CONTEXT_TYPE)).get())) return;
    const QueryPtr query(gst_query_new_context(GST_CUDA_CONTEXT_TYPE));
    for (const char* pad_name : {"src", "sink"}) {
      GstPad* pad = gst_element_get_static_pad(element, pad_name);
      GstContext* found = nullptr;
      if (gst_pad_peer_query(pad, query.get()) != FALSE) gst_query_parse_context(query.get(), &found);
      gst_object_unref(pad);
      if (adopt(found)) break;
    }
    // Bins and the application answer with gst_element_set_context(), which keeps what it is given.
    gst_element_post_message(element, gst_message_new_need_context(GST_OBJECT(element), GST_CUDA_CONTEXT_TYPE));
    if (adopt(ContextPtr(gst_element_get_context(element, GST_CUDA_CONTEXT_TYPE)).get())) return;

    GstContext* own = gst_context_new_cuda_context(context_.get());
    gst_element_set_context(element, own);
    gst_element_post_message(element, gst_message_new_have_context(GST_OBJECT(element), own));
  }

  void answer(GstElement* element, GstQuery* query) const override {
    const CudaContextPtr context = current();
    gst_cuda_handle_context_query(element, query, context.get());
  }

  void propose(GstQuery* allocation) const override {
    GstCaps* caps = nullptr;
    gst_query_parse_allocation(allocation, &caps, nullptr);
    GstVideoInfo info;
    if (caps == nullptr || gst_video_info_from_caps(&info, caps) == FALSE) return;
    guint size = static_cast<guint>(GST_VIDEO_INFO_SIZE(&info));
    const PoolPtr pool = new_pool(caps, &size, 0, 0);
    if (pool) gst_query_add_allocation_pool(allocation, pool.get(), size, 0, 0);
  }

  void decide(GstQuery* allocation) const override {
    GstCaps* caps = nullptr;
    gst_query_parse_allocation(allocation, &caps, nullptr);
    GstVideoInfo info;
    if (caps == nullptr || gst_video_info_from_caps(&info, caps) == FALSE) return;

    GstBufferPool* offered = nullptr;
    guint size = static_cast<guint>(GST_VIDEO_INFO_SIZE(&info));
    guint min = 0, max = 0;
    const bool has_pool = gst_query_get_n_allocation_pools(allocation) > 0;
    if (has_pool) gst_query_parse_nth_allocation_pool(allocation, 0, &offered, &size, &min, &max);
    PoolPtr pool(offered);
    // Whichever context it has: writing into another one is a copy on the GPU, while downstream would copy through system memory.
    const bool usable = pool && GST_IS_CUDA_BUFFER_POOL(pool.get()) && configure(pool.get(), caps, &size, min, max);
    if (!usable) pool = new_pool(caps, &size, min, max);
    if (!pool) throw Error(ErrorCode::kOutOfMemory, kNoMemory);
    if (has_pool) {
      gst_query_set_nth_allocation_pool(allocation, 0, pool.get(), size, min, max);
    } else {
      gst_query_add_allocation_pool(allocation, pool.get(), size, min, max);
    }
  }

  GstBuffer* paint(const GstVideoInfo& info, GstBuffer* input, GstBuffer* output, const Painter& painter) override {
    for (GstBuffer* buffer : {input, output}) {
      if (!is_gpu_buffer(buffer)) return buffer;
    }
    const CurrentContext scope(context_.get());
    if (!is_foreign(input) && !is_foreign(output)) {
      return paint_mapped(info, input, on_device(input_queue_of(gst_buffer_peek_memory(input, 0))), output,
                          on_device(queue_of(gst_buffer_peek_memory(output, 0))), painter);
    }
    wait_for(gst_buffer_peek_memory(input, 0));
    wait_for(gst_buffer_peek_memory(output, 0));
    const BufferPtr copied_input = is_foreign(input) ? stage(info) : nullptr;
    const BufferPtr copied_output = is_foreign(output) ? stage(info) : nullptr;
    if (copied_input) {
      if (GstBuffer* faulty = copy(info, input, copied_input.get())) return faulty;
    }
    GstBuffer* const from = copied_input ? copied_input.get() : input;
    GstBuffer* const to = copied_output ? copied_output.get() : output;
    if (GstBuffer* faulty = paint_mapped(info, from, on_device(nullptr), to, on_device(nullptr), painter)) {
      return faulty == from ? input : output;
    }
    return copied_output ? copy(info, copied_output.get(), output) : nullptr;
  }

 private:
  // The device, with the stream on which a frame's memory is used.
  Device on_device(CUstream queue) const { return {DeviceType::kCuda, device_, queue}; }

  static GstBuffer* paint_mapped(const GstVideoInfo& info, GstBuffer* input, const Device& input_device, GstBuffer* output,
                                 const Device& output_device, const Painter& painter) {
    const MappedGpuFrame from(info, input, GST_MAP_READ, input_device);
    if (!from.valid()) return input;
    MappedGpuFrame to(info, output, GST_MAP_WRITE, output_device);
    if (!to.valid()) return output;
    painter(from.view(), to.mutable_view());
    return nullptr;
  }

  // Whether the context is the primary one; its wrapper is used from now on.
  bool adopt(GstContext* context) {
    CudaContextPtr other = unpack(context);
    if (!other || !same_context(other.get(), context_.get())) return false;
    const std::lock_guard guard(lock_);
    context_ = std::move(other);
    return true;
  }

  CudaContextPtr current() const {
    const std::lock_guard guard(lock_);
    return CudaContextPtr(GST_CUDA_CONTEXT_CAST(gst_object_ref(context_.get())));
  }

  bool is_foreign(GstBuffer* buffer) const { return !same_context(memory_of(buffer)->context, context_.get()); }

  // Null where the GPU has no memory for such frames.
  PoolPtr new_pool(GstCaps* caps, guint* size, guint min, guint max) const {
    const CudaContextPtr context = current();
    PoolPtr pool(gst_cuda_buffer_pool_new(context.get()));
    return configure(pool.get(), caps, size, min, max) ? std::move(pool) : nullptr;
  }

  // size: the pool may make it larger. Returns whether the pool can allocate such frames.
  bool configure(GstBufferPool* pool, GstCaps* caps, guint* size, guint min, guint max) const {
    GstStructure* config = gst_buffer_pool_get_config(pool);
    gst_buffer_pool_config_set_params(config, caps, *size, min, max);
    gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
    stream_.configure(config);
    if (gst_buffer_pool_set_config(pool, config) == FALSE) return false;
    config = gst_buffer_pool_get_config(pool);
    gst_buffer_pool_config_get_params(config, nullptr, size, nullptr, nullptr);
    gst_structure_free(config);
    return true;
  }

  // A buffer in the primary context for a frame that lies in another one; made once and used again for all frames of a size.
  BufferPtr stage(const GstVideoInfo& info) {
    if (!staging_ || gst_video_info_is_equal(&staging_info_, &info) == FALSE) {
      if (staging_) gst_buffer_pool_set_active(staging_.get(), FALSE);
      staging_.reset();
      GstCaps* caps = gst_video_info_to_caps(&info);
      gst_caps_set_features(caps, 0, gst_caps_features_new(GST_CAPS_FEATURE_MEMORY_CUDA_MEMORY, nullptr));
      guint size = static_cast<guint>(GST_VIDEO_INFO_SIZE(&info));
      PoolPtr pool = new_pool(caps, &size, 0, 0);
      gst_caps_unref(caps);
      if (pool && gst_buffer_pool_set_active(pool.get(), TRUE) != FALSE) staging_ = std::move(pool);
      staging_info_ = info;
    }
    GstBuffer* buffer = nullptr;
    if (!staging_ || gst_buffer_pool_acquire_buffer(staging_.get(), &buffer, nullptr) != GST_FLOW_OK) {
      throw Error(ErrorCode::kOutOfMemory, kNoMemory);
    }
    return BufferPtr(buffer);
  }

  // Returns what is no frame, or null.
  GstBuffer* copy(const GstVideoInfo& info, GstBuffer* from, GstBuffer* to) const {
    const MappedGpuFrame source(info, from, GST_MAP_READ, {DeviceType::kCuda, device_});
    if (!source.valid()) return from;
    const MappedGpuFrame target(info, to, GST_MAP_WRITE, {DeviceType::kCuda, device_});
    if (!target.valid()) return to;
    copy_frame(source.frame(), target.frame(), stream_.handle());
    return nullptr;
  }

  const int device_;
  mutable std::mutex lock_;  // guards context_ against those who ask for it while share() changes it
  CudaContextPtr context_;
  CudaStream stream_;

  // Streaming thread only.
  PoolPtr staging_;
  GstVideoInfo staging_info_ = {};
};

}  // namespace

std::shared_ptr<GpuMemory> open_gpu_memory(int device) { return std::make_shared<CudaGpuMemory>(device); }

bool is_gpu_features(const GstCapsFeatures* features) {
  return gst_caps_features_contains(features, GST_CAPS_FEATURE_MEMORY_CUDA_MEMORY) != FALSE;
}

bool is_gpu_context_query(GstQuery* query) {
  const gchar* type = nullptr;
  return GST_QUERY_TYPE(query) == GST_QUERY_CONTEXT && gst_query_parse_context_type(query, &type) != FALSE &&
         std::strcmp(type, GST_CUDA_CONTEXT_TYPE) == 0;
}

}  // namespace adainstyle::gst
