// SPDX-License-Identifier: MIT
#include "fixture.h"

#include <cstdlib>
#include <cstring>
#include <utility>

#include "fake_core/fake_core.h"

namespace adainstyle::test {
namespace {

int pixel_bytes(const GstVideoInfo& info) { return GST_VIDEO_INFO_COMP_PSTRIDE(&info, 0); }

// One plane among the bytes of Pixels.
struct Plane {
  std::size_t begin;
  int row_bytes;
  int rows;
};

std::vector<Plane> planes_of(const GstVideoInfo& info) {
  std::vector<Plane> planes(GST_VIDEO_INFO_N_PLANES(&info));
  for (guint component = 0; component < GST_VIDEO_INFO_N_COMPONENTS(&info); ++component) {
    const int width = GST_VIDEO_INFO_COMP_WIDTH(&info, component) * GST_VIDEO_INFO_COMP_PSTRIDE(&info, component);
    planes[GST_VIDEO_INFO_COMP_PLANE(&info, component)] = {0, width, GST_VIDEO_INFO_COMP_HEIGHT(&info, component)};
  }
  std::size_t begin = 0;
  for (Plane& plane : planes) {
    plane.begin = begin;
    begin += static_cast<std::size_t>(plane.row_bytes) * plane.rows;
  }
  return planes;
}

std::size_t byte_count(const GstVideoInfo& info) {
  const Plane last = planes_of(info).back();
  return last.begin + static_cast<std::size_t>(last.row_bytes) * last.rows;
}

// `pixels` in memory that is laid out so.
GstBuffer* lay_out(const GstVideoInfo& info, const Pixels& pixels, std::size_t size, const gsize* offsets, const gint* strides) {
  const std::vector<Plane> planes = planes_of(info);
  Pixels memory(size, 0xee);
  for (std::size_t i = 0; i < planes.size(); ++i) {
    for (int y = 0; y < planes[i].rows; ++y) {
      std::memcpy(&memory[offsets[i] + static_cast<std::size_t>(y) * strides[i]],
                  &pixels[planes[i].begin + static_cast<std::size_t>(y) * planes[i].row_bytes], planes[i].row_bytes);
    }
  }
  return gst_buffer_new_memdup(memory.data(), memory.size());
}

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
  Pixels pixels(byte_count(info));
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>((i + seed) * 2654435761u >> 13);
  return pixels;
}

BufferPtr make_padded_buffer(const GstVideoInfo& info, const Pixels& pixels, std::size_t offset, int gap) {
  const std::vector<Plane> planes = planes_of(info);
  gint strides[GST_VIDEO_MAX_PLANES] = {};
  gsize offsets[GST_VIDEO_MAX_PLANES] = {};
  std::size_t size = 0;
  for (std::size_t i = 0; i < planes.size(); ++i) {
    strides[i] = planes[i].row_bytes + gap;
    offsets[i] = size + offset;
    size = offsets[i] + static_cast<std::size_t>(strides[i]) * planes[i].rows;
  }
  GstBuffer* buffer = lay_out(info, pixels, size, offsets, strides);
  gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT(&info), GST_VIDEO_INFO_WIDTH(&info),
                                 GST_VIDEO_INFO_HEIGHT(&info), GST_VIDEO_INFO_N_PLANES(&info), offsets, strides);
  return BufferPtr(buffer);
}

BufferPtr make_buffer(const GstVideoInfo& info, const Pixels& pixels) {
  return BufferPtr(lay_out(info, pixels, GST_VIDEO_INFO_SIZE(&info), info.offset, info.stride));
}

Pixels read_pixels(const GstVideoInfo& info, GstBuffer* buffer) {
  GstVideoFrame frame;
  if (!gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ)) return {};
  Pixels pixels;
  const std::vector<Plane> planes = planes_of(info);
  for (std::size_t i = 0; i < planes.size(); ++i) {
    for (int y = 0; y < planes[i].rows; ++y) {
      const auto* row = static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, i)) +
                        static_cast<std::ptrdiff_t>(y) * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, i);
      pixels.insert(pixels.end(), row, row + planes[i].row_bytes);
    }
  }
  gst_video_frame_unmap(&frame);
  return pixels;
}

Pixels meaningful(const GstVideoInfo& info, Pixels pixels) {
  if (!GST_VIDEO_INFO_IS_RGB(&info) || pixel_bytes(info) != 4 || GST_VIDEO_INFO_HAS_ALPHA(&info)) return pixels;
  // The three colours lie at 0+1+2+3 minus the offset of the byte between or beside them.
  const int colours =
      GST_VIDEO_INFO_COMP_POFFSET(&info, 0) + GST_VIDEO_INFO_COMP_POFFSET(&info, 1) + GST_VIDEO_INFO_COMP_POFFSET(&info, 2);
  for (std::size_t i = 6 - colours; i < pixels.size(); i += 4) pixels[i] = 0;
  return pixels;
}

Pixels painted_picture(const GstVideoInfo& info, Pixels pixels, int style_value, float strength) {
  const std::vector<Plane> planes = planes_of(info);
  for (int component = 0; component < 3; ++component) {
    const Plane& plane = planes[GST_VIDEO_INFO_COMP_PLANE(&info, component)];
    const std::size_t end = plane.begin + static_cast<std::size_t>(plane.row_bytes) * plane.rows;
    const int step = GST_VIDEO_INFO_COMP_PSTRIDE(&info, component);
    for (std::size_t i = plane.begin + GST_VIDEO_INFO_COMP_POFFSET(&info, component); i < end; i += step) {
      pixels[i] = fake::painted(pixels[i], component, style_value, strength);
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
