// SPDX-License-Identifier: MIT
#include "fixture.h"

#include <cstdlib>
#include <cstring>
#include <utility>

#include "fake_core/fake_core.h"

namespace adainstyle::test {
namespace {

int pixel_bytes(const GstVideoInfo& info) { return GST_VIDEO_INFO_COMP_PSTRIDE(&info, 0); }
int row_bytes(const GstVideoInfo& info) { return GST_VIDEO_INFO_WIDTH(&info) * pixel_bytes(info); }

}  // namespace

GstVideoInfo video_info(GstVideoFormat format, int width, int height) {
  GstVideoInfo info;
  gst_video_info_set_format(&info, format, width, height);
  GST_VIDEO_INFO_FPS_N(&info) = 30;
  GST_VIDEO_INFO_FPS_D(&info) = 1;
  return info;
}

CapsPtr caps_of(const GstVideoInfo& info) { return CapsPtr(gst_video_info_to_caps(&info)); }

Pixels test_picture(const GstVideoInfo& info, int seed) {
  Pixels pixels(static_cast<std::size_t>(row_bytes(info)) * GST_VIDEO_INFO_HEIGHT(&info));
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>((i + seed) * 2654435761u >> 13);
  return pixels;
}

BufferPtr make_padded_buffer(const GstVideoInfo& info, const Pixels& pixels, std::size_t offset, int stride) {
  const int height = GST_VIDEO_INFO_HEIGHT(&info);
  Pixels memory(offset + static_cast<std::size_t>(stride) * height, 0xee);
  for (int y = 0; y < height; ++y) {
    std::memcpy(&memory[offset + static_cast<std::size_t>(y) * stride], &pixels[static_cast<std::size_t>(y) * row_bytes(info)],
                row_bytes(info));
  }
  GstBuffer* buffer = gst_buffer_new_memdup(memory.data(), memory.size());
  gsize offsets[GST_VIDEO_MAX_PLANES] = {offset};
  gint strides[GST_VIDEO_MAX_PLANES] = {stride};
  gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT(&info), GST_VIDEO_INFO_WIDTH(&info),
                                 height, 1, offsets, strides);
  return BufferPtr(buffer);
}

BufferPtr make_buffer(const GstVideoInfo& info, const Pixels& pixels) {
  BufferPtr buffer = make_padded_buffer(info, pixels, 0, GST_VIDEO_INFO_PLANE_STRIDE(&info, 0));
  gst_buffer_remove_meta(buffer.get(), gst_buffer_get_meta(buffer.get(), GST_VIDEO_META_API_TYPE));
  return buffer;
}

Pixels read_pixels(const GstVideoInfo& info, GstBuffer* buffer) {
  GstVideoFrame frame;
  if (!gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ)) return {};
  Pixels pixels;
  for (int y = 0; y < GST_VIDEO_FRAME_HEIGHT(&frame); ++y) {
    const auto* row =
        static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0)) + y * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
    pixels.insert(pixels.end(), row, row + row_bytes(info));
  }
  gst_video_frame_unmap(&frame);
  return pixels;
}

Pixels meaningful(const GstVideoInfo& info, Pixels pixels) {
  if (pixel_bytes(info) == 3 || GST_VIDEO_INFO_HAS_ALPHA(&info)) return pixels;
  // The three colours lie at 0+1+2+3 minus the offset of the byte between or beside them.
  const int colours =
      GST_VIDEO_INFO_COMP_POFFSET(&info, 0) + GST_VIDEO_INFO_COMP_POFFSET(&info, 1) + GST_VIDEO_INFO_COMP_POFFSET(&info, 2);
  for (std::size_t i = 6 - colours; i < pixels.size(); i += 4) pixels[i] = 0;
  return pixels;
}

Pixels painted_picture(const GstVideoInfo& info, Pixels pixels, int style_value, float strength) {
  for (std::size_t i = 0; i < pixels.size(); i += pixel_bytes(info)) {
    for (int colour = 0; colour < 3; ++colour) {
      std::uint8_t& byte = pixels[i + GST_VIDEO_INFO_COMP_POFFSET(&info, colour)];
      byte = fake::painted(byte, colour, style_value, strength);
    }
  }
  return pixels;
}

Report report_of(GstMessage* message) {
  GError* error = nullptr;
  gchar* debug = nullptr;
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING) {
    gst_message_parse_warning(message, &error, &debug);
  } else {
    gst_message_parse_error(message, &error, &debug);
  }
  Report report = {g_quark_to_string(error->domain), error->code, error->message};
  g_error_free(error);
  g_free(debug);
  return report;
}

MessagePtr next_message(GstBus* bus, GstMessageType types) {
  MessagePtr message(gst_bus_timed_pop_filtered(bus, kPatience, types));
  EXPECT_TRUE(message) << "no message came";
  return message;
}

Player::Player()
    : bus_(gst_bus_new()), element_(GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make("adainstyle", nullptr)))) {
  gst_element_set_bus(element_.get(), bus_.get());
}

Player::~Player() {
  leave_harness();
  gst_element_set_state(element_.get(), GST_STATE_NULL);
  gst_element_set_bus(element_.get(), nullptr);
}

void Player::play(const GstVideoInfo& info) {
  leave_harness();
  harness_.reset(gst_harness_new_with_element(element_.get(), "sink", "src"));
  change_caps(info);
}

// The harness keeps the pads of its element linked when it goes, which would be in the way of the next harness.
void Player::leave_harness() {
  if (!harness_) return;
  gst_element_set_state(element_.get(), GST_STATE_NULL);
  for (const char* name : {"sink", "src"}) {
    GstPad* pad = gst_element_get_static_pad(element_.get(), name);
    GstPad* peer = gst_pad_get_peer(pad);
    if (peer != nullptr) {
      GST_PAD_IS_SRC(pad) ? gst_pad_unlink(pad, peer) : gst_pad_unlink(peer, pad);
      gst_object_unref(peer);
    }
    gst_object_unref(pad);
  }
  harness_.reset();
}

void Player::change_caps(const GstVideoInfo& info) {
  info_ = info;
  gst_harness_set_src_caps(harness_.get(), caps_of(info).release());
}

BufferPtr Player::repaint(BufferPtr frame) {
  if (gst_harness_push(harness_.get(), frame.release()) != GST_FLOW_OK) return nullptr;
  return BufferPtr(gst_harness_try_pull(harness_.get()));
}

Pixels Player::repaint(const Pixels& pixels) {
  const BufferPtr out = repaint(make_buffer(info_, pixels));
  return out ? read_pixels(info_, out.get()) : Pixels();
}

bool Player::becomes_painted_with(int style_value) {
  const Pixels picture = test_picture(info_);
  const Pixels wanted = painted_picture(info_, picture, style_value);
  const gint64 deadline = g_get_monotonic_time() + static_cast<gint64>(kPatience / GST_USECOND);
  while (repaint(picture) != wanted) {
    if (g_get_monotonic_time() > deadline) return false;
    g_usleep(1000);
  }
  return true;
}

void use_core(const char* path) { setenv("ADAINSTYLE_CORE_LIBRARY", path, 1); }

}  // namespace adainstyle::test
