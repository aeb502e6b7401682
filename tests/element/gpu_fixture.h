// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include <dlfcn.h>

#include "fake_core_test.h"
#include "standin_cuda/standin_cuda.h"

namespace adainstyle::test {

// Tests over the fake core and the stand-in driver. Whatever a test does, at its end nothing of the GPU may be left, no context may
// be current anywhere and the driver may have nothing to complain of.
class GpuTest : public FakeCoreTest {
 protected:
  void SetUp() override {
    FakeCoreTest::SetUp();
    void* driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(driver, nullptr) << dlerror();
    const auto entry = reinterpret_cast<decltype(&adainstyle_standin_cuda_control)>(dlsym(driver, standin::kControlSymbol));
    ASSERT_NE(entry, nullptr) << "libcuda.so.1 is a real driver: run this through meson test";
    driver_ = entry();
    // Loading its plugin GStreamer 1.22 leaves contexts pushed that it has destroyed.
    GstPluginFeature* upload = gst_registry_lookup_feature(gst_registry_get(), "cudaupload");
    ASSERT_NE(upload, nullptr) << "the nvcodec plugin does not take the stand-in for a driver";
    gst_object_unref(gst_plugin_feature_load(upload));
    gst_object_unref(upload);
    driver_->reset(1);
  }

  void TearDown() override {
    if (driver_ == nullptr) return;
    const standin::Counters left = driver_->counters();
    EXPECT_EQ(left.contexts, 0);
    EXPECT_EQ(left.primary_retains, 0);
    EXPECT_EQ(left.device_blocks, 0);
    EXPECT_EQ(left.host_blocks, 0);
    EXPECT_EQ(left.streams, 0);
    EXPECT_EQ(left.pushed, 0);
    EXPECT_EQ(driver_->complaints(), std::vector<std::string>());
    EXPECT_EQ(fake_->stylizers_alive(), 0);
  }

  const standin::Control* driver_ = nullptr;
  const GstVideoInfo info_ = video_info(GST_VIDEO_FORMAT_RGBA, 33, 21);
};

// A pipeline in a harness: frames in system memory go in and come out.
class Line {
 public:
  explicit Line(const std::string& description) : bus_(gst_bus_new()) {
    GError* error = nullptr;
    GstElement* bin = gst_parse_bin_from_description(description.c_str(), TRUE, &error);
    EXPECT_EQ(error, nullptr) << error->message;
    bin_.reset(GST_ELEMENT(gst_object_ref_sink(bin)));
    gst_element_set_bus(bin_.get(), bus_.get());
  }
  ~Line() {
    harness_.reset();
    gst_element_set_state(bin_.get(), GST_STATE_NULL);
    gst_element_set_bus(bin_.get(), nullptr);
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  // The element of that name; valid as long as the line.
  GstElement* operator[](const char* name) const {
    GstElement* element = gst_bin_get_by_name(GST_BIN(bin_.get()), name);
    gst_object_unref(element);
    return element;
  }

  GstElement* bin() const { return bin_.get(); }
  GstBus* bus() const { return bus_.get(); }
  GstHarness* harness() const { return harness_.get(); }

  // feature: what the caps say of the memory; null for system memory.
  void play(const GstVideoInfo& info, const char* feature = nullptr) {
    if (!harness_) harness_.reset(gst_harness_new_with_element(bin_.get(), "sink", "src"));
    info_ = info;
    GstCaps* caps = caps_of(info).release();
    if (feature != nullptr) gst_caps_set_features(caps, 0, gst_caps_features_new(feature, nullptr));
    gst_harness_set_src_caps(harness_.get(), caps);
  }

  GstFlowReturn push(BufferPtr frame) { return gst_harness_push(harness_.get(), frame.release()); }
  GstFlowReturn push(const Pixels& picture) { return push(make_buffer(info_, picture)); }

  BufferPtr repaint(const Pixels& picture) {
    return push(picture) == GST_FLOW_OK ? BufferPtr(gst_harness_try_pull(harness_.get())) : nullptr;
  }

  // Sends a frame and reads what comes out; empty if nothing did.
  Pixels painted(const Pixels& picture) {
    const BufferPtr out = repaint(picture);
    return out ? read_pixels(info_, out.get()) : Pixels();
  }

 private:
  GstVideoInfo info_;
  BusPtr bus_;
  ElementPtr bin_;
  HarnessPtr harness_;
};

}  // namespace adainstyle::test
