// SPDX-License-Identifier: MIT
// memory:CUDAMemory through the element, over a driver without a device: what is negotiated, allocated, mapped, copied and shared.
#include "cuda_compat.h"
#include "gpu_fixture.h"

namespace adainstyle::test {
namespace {

constexpr char kOnGpu[] =
    "cudaupload name=up ! video/x-raw(memory:CUDAMemory) ! adainstyle name=paint style-image=value=7 ! "
    "video/x-raw(memory:CUDAMemory) ! cudadownload name=down ! capsfilter caps=video/x-raw";

bool is_on_gpu(const GstCaps* caps, guint index) {
  return gst_caps_features_contains(gst_caps_get_features(caps, index), GST_CAPS_FEATURE_MEMORY_CUDA_MEMORY) != FALSE;
}

bool offers_gpu_memory(GstElement* element) {
  GstPad* pad = gst_element_get_static_pad(element, "sink");
  const CapsPtr caps(gst_pad_query_caps(pad, nullptr));
  gst_object_unref(pad);
  for (guint i = 0; i < gst_caps_get_size(caps.get()); ++i) {
    if (is_on_gpu(caps.get(), i)) return true;
  }
  return false;
}

bool current_caps_are_on_gpu(GstElement* element) {
  GstPad* pad = gst_element_get_static_pad(element, "src");
  const CapsPtr caps(gst_pad_get_current_caps(pad));
  gst_object_unref(pad);
  return caps && is_on_gpu(caps.get(), 0);
}

// The context that the element gives to whoever asks, as a number; 0 if it gives none.
std::uintptr_t context_of(GstElement* element) {
  GstPad* pad = gst_element_get_static_pad(element, "src");
  const QueryPtr query(gst_query_new_context(GST_CUDA_CONTEXT_TYPE));
  std::uintptr_t handle = 0;
  if (gst_pad_query(pad, query.get()) != FALSE) {
    GstContext* context = nullptr;
    gst_query_parse_context(query.get(), &context);
    GstCudaContext* cuda = nullptr;
    gst_structure_get(gst_context_get_structure(context), GST_CUDA_CONTEXT_TYPE, GST_TYPE_CUDA_CONTEXT, &cuda, nullptr);
    handle = reinterpret_cast<std::uintptr_t>(gst_cuda_context_get_handle(cuda));
    gst_object_unref(cuda);
  }
  gst_object_unref(pad);
  return handle;
}

// A buffer of the same memory.
BufferPtr without_meta(const BufferPtr& buffer) {
  BufferPtr bare(gst_buffer_new());
  gst_buffer_append_memory(bare.get(), gst_buffer_get_memory(buffer.get(), 0));
  return bare;
}

// Whether nobody has the buffer's memory mapped for the opposite.
bool can_be_mapped(const BufferPtr& buffer, GstMapFlags access) {
  GstMapInfo map;
  GstMemory* memory = gst_buffer_peek_memory(buffer.get(), 0);
  if (gst_memory_map(memory, &map, static_cast<GstMapFlags>(access | GST_MAP_CUDA)) == FALSE) return false;
  gst_memory_unmap(memory, &map);
  return true;
}

// ---- Frames ----

TEST_F(GpuTest, PaintsEveryFormatAtOddSizesAndCopiesNothing) {
  Line line(kOnGpu);
  std::uint64_t planes = 0;
  for (const GstVideoFormat format : {GST_VIDEO_FORMAT_RGBA, GST_VIDEO_FORMAT_BGRA, GST_VIDEO_FORMAT_RGBx, GST_VIDEO_FORMAT_BGRx,
                                      GST_VIDEO_FORMAT_ARGB, GST_VIDEO_FORMAT_ABGR, GST_VIDEO_FORMAT_RGB, GST_VIDEO_FORMAT_BGR,
                                      GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_RGBP}) {
    for (const auto& [width, height] : {std::pair{16, 16}, std::pair{33, 21}, std::pair{641, 17}}) {
      const GstVideoInfo info = video_info(format, width, height);
      line.play(info);
      for (int seed = 0; seed < 3; ++seed, planes += GST_VIDEO_INFO_N_PLANES(&info)) {
        const Pixels picture = test_picture(info, seed);
        ASSERT_EQ(meaningful(info, line.painted(picture)), meaningful(info, painted_picture(info, picture, 7)))
            << gst_video_format_to_string(format) << " " << width << "x" << height;
      }
    }
  }
  // Up by cudaupload, down by cudadownload, plane by plane: whatever is more was copied by the element.
  const standin::Counters counters = driver_->counters();
  EXPECT_EQ(counters.host_to_device, planes);
  EXPECT_EQ(counters.device_to_host, planes);
  EXPECT_EQ(counters.device_to_device, 0u);
}

// Whoever wrote a frame may still be busy with it: from GStreamer 1.24 on in its memory's stream, before in the default one.
TEST_F(GpuTest, TellsInWhoseOrderAFrameIsRead) {
  Line line(kOnGpu);
  line.play(info_);
  const Pixels picture = test_picture(info_);
  EXPECT_EQ(line.painted(picture), painted_picture(info_, picture, 7));
  EXPECT_NE(fake_->last_parameters().input_queue, nullptr);
}

TEST_F(GpuTest, ListsGpuMemoryFirst) {
  Line line("adainstyle name=paint");
  for (const char* name : {"sink", "src"}) {
    const CapsPtr caps(gst_pad_template_get_caps(gst_element_get_pad_template(line["paint"], name)));
    ASSERT_EQ(gst_caps_get_size(caps.get()), 2u);
    EXPECT_TRUE(is_on_gpu(caps.get(), 0)) << name;
    EXPECT_FALSE(is_on_gpu(caps.get(), 1)) << name;
  }
}

TEST_F(GpuTest, AllocatesNothingForFramesOnceTheFirstHavePassed) {
  Line line(kOnGpu);
  line.play(info_);
  const Pixels picture = test_picture(info_);
  for (int frame = 0; frame < 5; ++frame) ASSERT_EQ(line.painted(picture), painted_picture(info_, picture, 7));
  const standin::Counters before = driver_->counters();
  for (int frame = 0; frame < 200; ++frame) ASSERT_EQ(line.painted(picture), painted_picture(info_, picture, 7));
  EXPECT_EQ(driver_->counters().allocations, before.allocations);
  EXPECT_EQ(driver_->counters().host_blocks, before.host_blocks);
}

TEST_F(GpuTest, PaintsSystemMemoryTooWhereTheDeviceIsAGpu) {
  Line line("adainstyle name=paint style-image=value=3");
  line.play(info_);
  const Pixels picture = test_picture(info_);
  EXPECT_EQ(line.painted(picture), painted_picture(info_, picture, 3));
  EXPECT_FALSE(current_caps_are_on_gpu(line["paint"]));
  EXPECT_EQ(driver_->counters().allocations, 0u);
}

TEST_F(GpuTest, RefusesSystemMemoryUnderTheCapsOfGpuMemory) {
  Line line("adainstyle name=paint style-image=value=3");
  line.play(info_, "memory:CUDAMemory");
  EXPECT_EQ(line.push(test_picture(info_)), GST_FLOW_ERROR);
  const MessagePtr message = next_message(line.bus(), GST_MESSAGE_ERROR);
  ASSERT_TRUE(message);
  EXPECT_EQ(report_of(message.get()).code, GST_STREAM_ERROR_FORMAT);
}

// Whoever makes the buffer may leave out the GstVideoMeta: the memory itself says where its rows lie.
TEST_F(GpuTest, FindsTheRowsOfABufferWithoutAMeta) {
  Line source("cudaupload ! capsfilter caps=video/x-raw(memory:CUDAMemory)");
  source.play(info_);
  Line line("adainstyle name=paint style-image=value=3 ! cudadownload ! capsfilter caps=video/x-raw");
  line.play(info_, GST_CAPS_FEATURE_MEMORY_CUDA_MEMORY);
  const Pixels picture = test_picture(info_);
  ASSERT_EQ(line.push(without_meta(source.repaint(picture))), GST_FLOW_OK);
  const BufferPtr out(gst_harness_try_pull(line.harness()));
  ASSERT_TRUE(out);
  EXPECT_EQ(read_pixels(info_, out.get()), painted_picture(info_, picture, 3));
}

TEST_F(GpuTest, RefusesMemoryThatIsTooSmallForTheCaps) {
  Line source("cudaupload ! capsfilter caps=video/x-raw(memory:CUDAMemory)");
  source.play(info_);
  Line line("adainstyle name=paint style-image=value=3");
  line.play(video_info(GST_VIDEO_FORMAT_RGBA, 640, 480), GST_CAPS_FEATURE_MEMORY_CUDA_MEMORY);
  EXPECT_EQ(line.push(without_meta(source.repaint(test_picture(info_)))), GST_FLOW_ERROR);
  const MessagePtr message = next_message(line.bus(), GST_MESSAGE_ERROR);
  ASSERT_TRUE(message);
  EXPECT_EQ(report_of(message.get()).code, GST_STREAM_ERROR_FORMAT);
}

TEST_F(GpuTest, TakesAnotherSizeFormatAndMemoryWhilePlaying) {
  Line line(
      "cudaupload ! capsfilter name=filter ! adainstyle name=paint style-image=value=9 ! cudadownload ! capsfilter "
      "caps=video/x-raw");
  const struct {
    const char* memory;
    GstVideoInfo info;
  } changes[] = {
      {"video/x-raw(memory:CUDAMemory)", info_},
      {"video/x-raw(memory:CUDAMemory)", video_info(GST_VIDEO_FORMAT_BGRx, 160, 90)},
      {"video/x-raw", video_info(GST_VIDEO_FORMAT_BGRx, 160, 90)},
      {"video/x-raw", info_},
      {"video/x-raw(memory:CUDAMemory)", info_},
  };
  for (const auto& change : changes) {
    const CapsPtr caps(gst_caps_from_string(change.memory));
    g_object_set(line["filter"], "caps", caps.get(), nullptr);
    line.play(change.info);
    for (int seed = 0; seed < 2; ++seed) {
      const Pixels picture = test_picture(change.info, seed);
      EXPECT_EQ(meaningful(change.info, line.painted(picture)), meaningful(change.info, painted_picture(change.info, picture, 9)));
    }
    EXPECT_EQ(current_caps_are_on_gpu(line["paint"]), std::string(change.memory).find("CUDA") != std::string::npos);
  }
}

TEST_F(GpuTest, LeavesNoMappingOpen) {
  Line source("cudaupload ! capsfilter caps=video/x-raw(memory:CUDAMemory)");
  source.play(info_);
  for (const char* model : {"model=whole", "model=process-throw=runtime-error"}) {
    Line line(std::string("adainstyle name=paint style-image=value=7 ") + model);
    line.play(info_, GST_CAPS_FEATURE_MEMORY_CUDA_MEMORY);
    BufferPtr frame = source.repaint(test_picture(info_));
    ASSERT_TRUE(frame);
    const BufferPtr kept(gst_buffer_ref(frame.get()));
    const GstFlowReturn result = line.push(std::move(frame));
    EXPECT_EQ(result == GST_FLOW_OK, std::string(model) == "model=whole");
    EXPECT_TRUE(can_be_mapped(kept, GST_MAP_WRITE)) << model;
    const BufferPtr out(result == GST_FLOW_OK ? gst_harness_try_pull(line.harness()) : nullptr);
    if (out) {
      EXPECT_TRUE(can_be_mapped(out, GST_MAP_READ));
    }
  }
}

TEST_F(GpuTest, BuffersMayOutliveTheElement) {
  BufferPtr kept;
  const Pixels picture = test_picture(info_);
  {
    Line line("cudaupload ! video/x-raw(memory:CUDAMemory) ! adainstyle name=paint style-image=value=5");
    line.play(info_);
    kept = line.repaint(picture);
    ASSERT_TRUE(kept);
  }
  EXPECT_EQ(driver_->counters().primary_retains, 1);
  EXPECT_EQ(read_pixels(info_, kept.get()), painted_picture(info_, picture, 5));
}

TEST_F(GpuTest, MayGoUpAndDownManyTimes) {
  Line line(kOnGpu);
  for (const GstState top : {GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING}) {
    for (int cycle = 0; cycle < 10; ++cycle) {
      ASSERT_NE(gst_element_set_state(line.bin(), top), GST_STATE_CHANGE_FAILURE);
      ASSERT_EQ(gst_element_set_state(line.bin(), GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    }
  }
}

// ---- Contexts ----

TEST_F(GpuTest, EverybodyWorksInThePrimaryContext) {
  Line line(kOnGpu);
  line.play(info_);
  ASSERT_TRUE(line.repaint(test_picture(info_)));
  EXPECT_EQ(driver_->counters().contexts, 0) << "somebody made a context of its own";
  EXPECT_EQ(driver_->counters().primary_retains, 1);
}

TEST_F(GpuTest, TellsTheBinOfTheContextBeforeOthersAsk) {
  Line line("adainstyle name=paint");
  ASSERT_EQ(gst_element_set_state(line["paint"], GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  EXPECT_TRUE(next_message(line.bus(), GST_MESSAGE_NEED_CONTEXT));
  const MessagePtr have = next_message(line.bus(), GST_MESSAGE_HAVE_CONTEXT);
  ASSERT_TRUE(have);
  GstContext* context = nullptr;
  gst_message_parse_have_context(have.get(), &context);
  EXPECT_STREQ(gst_context_get_context_type(context), GST_CUDA_CONTEXT_TYPE);
  gst_context_unref(context);
}

TEST_F(GpuTest, AnswersWhoeverOpensBeforeIt) {
  Line line("adainstyle name=paint");
  EXPECT_NE(context_of(line["paint"]), 0u);  // still in NULL
  ASSERT_EQ(gst_element_set_state(line["paint"], GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  EXPECT_NE(context_of(line["paint"]), 0u);
  g_object_set(line["paint"], "device", "cpu", nullptr);
  ASSERT_EQ(gst_element_set_state(line["paint"], GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(context_of(line["paint"]), 0u);
}

TEST_F(GpuTest, TwoElementsHandFramesOnWithoutACopy) {
  Line line(
      "cudaupload ! video/x-raw(memory:CUDAMemory) ! adainstyle style-image=value=1 ! "
      "adainstyle style-image=value=2 ! cudadownload ! capsfilter caps=video/x-raw");
  line.play(info_);
  const Pixels picture = test_picture(info_);
  EXPECT_EQ(line.painted(picture), painted_picture(info_, painted_picture(info_, picture, 1), 2));
  EXPECT_EQ(driver_->counters().contexts, 0);
  EXPECT_EQ(driver_->counters().host_to_device, 1u);
  EXPECT_EQ(driver_->counters().device_to_host, 1u);
  EXPECT_EQ(driver_->counters().device_to_device, 0u);
}

TEST_F(GpuTest, UsesTheApplicationsWrapperOfThePrimaryContext) {
  Line line("cudaupload ! video/x-raw(memory:CUDAMemory) ! adainstyle name=paint style-image=value=7");
  const std::uintptr_t primary = context_of(line["paint"]);
  GstCudaContext* wrapper = gst_cuda_context_new_wrapped(reinterpret_cast<CUcontext>(primary), 0);
  GstContext* context = gst_context_new_cuda_context(wrapper);
  gst_element_set_context(line.bin(), context);
  line.play(info_);
  const BufferPtr out = line.repaint(test_picture(info_));
  ASSERT_TRUE(out);
  EXPECT_EQ(GST_CUDA_MEMORY_CAST(gst_buffer_peek_memory(out.get(), 0))->context, wrapper);
  gst_context_unref(context);
  gst_object_unref(wrapper);
}

// What the application gave the neighbours cannot be followed by LibTorch: one copy on the GPU on each side, none through the CPU.
TEST_F(GpuTest, CopiesOnTheGpuFromAndToAForeignContext) {
  Line line(kOnGpu);
  GstCudaContext* foreign = gst_cuda_context_new(0);
  ASSERT_NE(foreign, nullptr);
  GstContext* context = gst_context_new_cuda_context(foreign);
  gst_element_set_context(line["up"], context);
  gst_element_set_context(line["down"], context);
  for (const GstVideoInfo& info : {info_, video_info(GST_VIDEO_FORMAT_BGR, 161, 90)}) {
    line.play(info);
    for (int seed = 0; seed < 4; ++seed) {
      const Pixels picture = test_picture(info, seed);
      EXPECT_EQ(line.painted(picture), painted_picture(info, picture, 7));
    }
  }
  EXPECT_EQ(driver_->counters().contexts, 1);
  EXPECT_EQ(driver_->counters().host_to_device, 8u);
  EXPECT_EQ(driver_->counters().device_to_host, 8u);
  EXPECT_EQ(driver_->counters().device_to_device, 16u);
  gst_context_unref(context);
  gst_object_unref(foreign);
}

TEST_F(GpuTest, WorksOnTheDeviceThatIsSet) {
  driver_->reset(2);
  Line line(kOnGpu);
  g_object_set(line["paint"], "device", "cuda:1", nullptr);
  line.play(info_);
  const Pixels picture = test_picture(info_);
  EXPECT_EQ(line.painted(picture), painted_picture(info_, picture, 7));
  EXPECT_EQ(driver_->counters().device_to_device, 0u);
}

TEST_F(GpuTest, FollowsAChangeOfTheDeviceInReady) {
  driver_->reset(2);
  Line line("adainstyle name=paint style-image=value=1");
  ASSERT_EQ(gst_element_set_state(line["paint"], GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  const std::uintptr_t first = context_of(line["paint"]);
  g_object_set(line["paint"], "device", "cuda:1", nullptr);
  ASSERT_NE(gst_element_set_state(line["paint"], GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  EXPECT_NE(context_of(line["paint"]), first);
  EXPECT_NE(context_of(line["paint"]), 0u);
}

// ---- On a CPU ----

TEST_F(GpuTest, NegotiatesSystemMemoryOnACpu) {
  Line line("cudaupload ! adainstyle name=paint device=cpu style-image=value=7 ! cudadownload ! capsfilter caps=video/x-raw");
  EXPECT_TRUE(offers_gpu_memory(line["paint"])) << "before the device is known";
  line.play(info_);
  const Pixels picture = test_picture(info_);
  EXPECT_EQ(line.painted(picture), painted_picture(info_, picture, 7));
  EXPECT_FALSE(offers_gpu_memory(line["paint"]));
  EXPECT_EQ(driver_->counters().host_to_device, 0u);
}

TEST_F(GpuTest, AutoFallsBackToTheCpuWhereThereIsNoDevice) {
  driver_->reset(0);
  Line line("adainstyle name=paint style-image=value=7");
  line.play(info_);
  const Pixels picture = test_picture(info_);
  EXPECT_EQ(line.painted(picture), painted_picture(info_, picture, 7));
  EXPECT_FALSE(offers_gpu_memory(line["paint"]));
}

// ---- Faults ----

class GpuFaultTest : public GpuTest {
 protected:
  // The error that the element posts once frames flow.
  Report error_of(Line& line) {
    for (int frame = 0; frame < 3; ++frame) line.push(test_picture(info_));
    const MessagePtr message = next_message(line.bus(), GST_MESSAGE_ERROR);
    if (!message) return {};
    EXPECT_EQ(GST_MESSAGE_SRC(message.get()), GST_OBJECT(line["paint"]));
    return report_of(message.get());
  }
};

TEST_F(GpuFaultTest, AGpuThatIsNotThereIsAnErrorAtOnce) {
  Line line("adainstyle name=paint style-image=value=7 device=cuda:3");
  EXPECT_EQ(gst_element_set_state(line["paint"], GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  const MessagePtr message = next_message(line.bus(), GST_MESSAGE_ERROR);
  ASSERT_TRUE(message);
  EXPECT_EQ(report_of(message.get()).code, GST_RESOURCE_ERROR_NOT_FOUND);
}

TEST_F(GpuFaultTest, WithoutTheDevicesContextSystemMemoryIsLeft) {
  driver_->fail("cuDevicePrimaryCtxRetain", 0, CUDA_ERROR_OUT_OF_MEMORY);
  Line line("adainstyle name=paint style-image=value=7");
  ASSERT_EQ(gst_element_set_state(line["paint"], GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  EXPECT_FALSE(offers_gpu_memory(line["paint"]));
}

// The first allocations are those of the pools of cudadownload, the element and cudaupload, in turn for trying and for use.
TEST_F(GpuFaultTest, OutOfMemoryIsAnErrorOrDoesNoHarm) {
  int told = 0;
  for (int skipped = 0; skipped < 8; ++skipped) {
    driver_->reset(1);
    Line line(kOnGpu);
    driver_->fail("cuMemAllocPitch", skipped, CUDA_ERROR_OUT_OF_MEMORY);
    line.play(info_);
    const Pixels picture = test_picture(info_);
    const Pixels painted = line.painted(picture);
    const MessagePtr message(gst_bus_pop_filtered(line.bus(), GST_MESSAGE_ERROR));
    if (!painted.empty()) {
      EXPECT_EQ(painted, painted_picture(info_, picture, 7)) << skipped;
      EXPECT_FALSE(message) << skipped << ": " << report_of(message.get()).text;
    } else if (message) {
      EXPECT_EQ(GST_MESSAGE_SRC(message.get()), GST_OBJECT(line["paint"])) << skipped;
      EXPECT_EQ(report_of(message.get()).code, GST_RESOURCE_ERROR_NO_SPACE_LEFT) << skipped;
      ++told;
    }
  }
  EXPECT_GT(told, 0) << "no allocation of the element's own failed";
}

TEST_F(GpuFaultTest, ALostDeviceIsAnError) {
  Line source("cudaupload ! capsfilter caps=video/x-raw(memory:CUDAMemory)");
  source.play(info_);
  Line line("adainstyle name=paint style-image=value=7");
  line.play(info_, GST_CAPS_FEATURE_MEMORY_CUDA_MEMORY);
  ASSERT_EQ(line.push(source.repaint(test_picture(info_))), GST_FLOW_OK);
  BufferPtr(gst_harness_try_pull(line.harness())).reset();  // the pool has it back and need not allocate
  BufferPtr frame = source.repaint(test_picture(info_));
  driver_->lose_device();
  EXPECT_EQ(line.push(std::move(frame)), GST_FLOW_ERROR);
  const MessagePtr message = next_message(line.bus(), GST_MESSAGE_ERROR);
  ASSERT_TRUE(message);
  EXPECT_EQ(report_of(message.get()).code, GST_LIBRARY_ERROR_FAILED);
  EXPECT_NE(report_of(message.get()).text.find("CUDA_ERROR_LAUNCH_FAILED"), std::string::npos);
  driver_->reset(1);  // memory can be freed again
}

TEST_F(GpuFaultTest, ACopyFromAForeignContextFails) {
  Line line(kOnGpu);
  GstCudaContext* foreign = gst_cuda_context_new(0);
  GstContext* context = gst_context_new_cuda_context(foreign);
  gst_element_set_context(line["up"], context);
  line.play(info_);
  ASSERT_TRUE(line.repaint(test_picture(info_)));
  driver_->fail("cuMemcpy2DAsync", 1, CUDA_ERROR_LAUNCH_FAILED);  // the first one is cudaupload's
  const Report report = error_of(line);
  EXPECT_EQ(report.code, GST_LIBRARY_ERROR_FAILED);
  EXPECT_NE(report.text.find("CUDA_ERROR_LAUNCH_FAILED"), std::string::npos) << report.text;
  gst_context_unref(context);
  gst_object_unref(foreign);
}

TEST_F(GpuFaultTest, AFailedFrameIsAnError) {
  Line line(
      "cudaupload ! adainstyle name=paint style-image=value=7 model=process-throw=out-of-memory ! cudadownload ! capsfilter "
      "caps=video/x-raw");
  line.play(info_);
  EXPECT_EQ(error_of(line).code, GST_RESOURCE_ERROR_NO_SPACE_LEFT);
}

}  // namespace
}  // namespace adainstyle::test
