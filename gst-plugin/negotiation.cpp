// SPDX-License-Identifier: MIT
#include "negotiation.h"

#include <gst/video/video.h>

#include "element_state.h"
#include "error_mapping.h"
#include "frame_mapping.h"
#include "gpu_memory.h"
#include "system_memory.h"

GST_DEBUG_CATEGORY_EXTERN(adainstyle_debug);
#define GST_CAT_DEFAULT adainstyle_debug

namespace adainstyle::gst {
namespace {

// Interlaced frames are refused: the two fields of a moving picture would be painted as one.
#define CAPS_OF(type, formats)                                                   \
  type ", format = (string) " formats                                            \
       ", width = (int) [ 16, 2147483647 ], height = (int) [ 16, 2147483647 ], " \
       "framerate = (fraction) [ 0/1, 2147483647/1 ], interlace-mode = (string) progressive"

#ifdef ADAINSTYLE_HAVE_GST_CUDA
#define ADAINSTYLE_CAPS \
  CAPS_OF("video/x-raw(memory:CUDAMemory)", ADAINSTYLE_GPU_VIDEO_FORMATS) "; " CAPS_OF("video/x-raw", ADAINSTYLE_VIDEO_FORMATS)
#else
#define ADAINSTYLE_CAPS CAPS_OF("video/x-raw", ADAINSTYLE_VIDEO_FORMATS)
#endif

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(ADAINSTYLE_CAPS));
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(ADAINSTYLE_CAPS));

// Frames stay where they are: what comes in GPU memory leaves in GPU memory. On a CPU only system memory is negotiated.
GstCaps* transform_caps(GstBaseTransform* transform, GstPadDirection, GstCaps* caps, GstCaps* filter) {
  GstCaps* other_caps = gst_caps_copy(caps);
  if (state_of(transform).gpu.only_system_memory()) {
    const auto keep = [](GstCapsFeatures* features, GstStructure*, gpointer) -> gboolean { return !is_gpu_features(features); };
    gst_caps_filter_and_map_in_place(other_caps, keep, nullptr);
  }
  if (filter == nullptr) return other_caps;
  GstCaps* filtered = gst_caps_intersect_full(filter, other_caps, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref(other_caps);
  return filtered;
}

// Both sides have the same caps to the letter: the base class alone would write out fields that the template has and the input
// leaves to their defaults.
GstCaps* fixate_caps(GstBaseTransform*, GstPadDirection, GstCaps* caps, GstCaps* other_caps) {
  gst_caps_unref(other_caps);
  return gst_caps_ref(caps);
}

gboolean set_caps(GstBaseTransform* transform, GstCaps* in_caps, GstCaps*) {
  ElementState& state = state_of(transform);
  if (!gst_video_info_from_caps(&state.info, in_caps)) {
    GST_ERROR_OBJECT(transform, "invalid caps %" GST_PTR_FORMAT, in_caps);
    return FALSE;
  }
  const bool on_gpu = is_gpu_features(gst_caps_get_features(in_caps, 0));
  state.gpu_frames = on_gpu ? state.gpu.memory() : nullptr;
  if (on_gpu && state.gpu_frames == nullptr) {
    GST_ERROR_OBJECT(transform, "frames in GPU memory, but the device is the CPU");
    return FALSE;
  }
  state.latency.restart();
  return TRUE;
}

// Whether an ALLOCATION query is about frames in GPU memory.
bool asks_for_gpu_memory(GstQuery* query) {
  GstCaps* caps = nullptr;
  gst_query_parse_allocation(query, &caps, nullptr);
  return caps != nullptr && gst_caps_get_size(caps) > 0 && is_gpu_features(gst_caps_get_features(caps, 0));
}

gboolean propose_allocation(GstBaseTransform* transform, GstQuery* decide_query, GstQuery* query) {
  if (!base_class()->propose_allocation(transform, decide_query, query)) return FALSE;
  gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
  const GpuMemory* gpu = state_of(transform).gpu_frames;
  if (gpu != nullptr && asks_for_gpu_memory(query)) gpu->propose(query);
  return TRUE;
}

gboolean decide_allocation(GstBaseTransform* transform, GstQuery* query) {
  GstElement* element = GST_ELEMENT(transform);
  const GpuMemory* gpu = state_of(transform).gpu_frames;
  const bool decided = guarded(element, Phase::kRunning, false, [&] {
    if (gpu == nullptr) return decide_system_pool(element, query);
    gpu->decide(query);
    return true;
  });
  return decided && base_class()->decide_allocation(transform, query);
}

// The base class tells nobody why it has no buffer.
GstFlowReturn prepare_output_buffer(GstBaseTransform* transform, GstBuffer* input, GstBuffer** output) {
  const GstFlowReturn result = base_class()->prepare_output_buffer(transform, input, output);
  if (result == GST_FLOW_ERROR && state_of(transform).gpu_frames != nullptr) {
    GST_ELEMENT_ERROR(
        transform, RESOURCE, NO_SPACE_LEFT,
        ("The GPU gave no memory for an output frame. Give the element smaller frames or free some of the GPU's memory; if "
         "the driver reports faults, the device is lost and the process has to start anew."),
        ("no buffer from the output pool"));
  }
  return result;
}

// Size, orientation and colour space stay as they are, so every meta stays true. The base class leaves out those about memory.
gboolean transform_meta(GstBaseTransform*, GstBuffer*, GstMeta*, GstBuffer*) { return TRUE; }
gboolean filter_meta(GstBaseTransform*, GstQuery*, GType, const GstStructure*) { return TRUE; }

}  // namespace

void install_negotiation(GstBaseTransformClass* transform_class) {
  gst_element_class_add_static_pad_template(GST_ELEMENT_CLASS(transform_class), &sink_template);
  gst_element_class_add_static_pad_template(GST_ELEMENT_CLASS(transform_class), &src_template);
  transform_class->transform_caps = transform_caps;
  transform_class->fixate_caps = fixate_caps;
  transform_class->set_caps = set_caps;
  transform_class->propose_allocation = propose_allocation;
  transform_class->decide_allocation = decide_allocation;
  transform_class->prepare_output_buffer = prepare_output_buffer;
  transform_class->transform_meta = transform_meta;
  transform_class->filter_meta = filter_meta;
}

}  // namespace adainstyle::gst
