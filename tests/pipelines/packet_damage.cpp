// SPDX-License-Identifier: MIT
#include "packet_damage.h"

namespace {

constexpr unsigned kEveryPacket = 50;
constexpr unsigned kEveryPicture = 10;
constexpr gsize kRtpHeader = 12;  // bytes

// The header of RFC 2435 behind RTP's: a byte, three bytes of offset, which is 0 in a picture's first packet, two bytes, then width
// and height in units of eight pixels.
constexpr std::size_t kJpegOffset = 1;
constexpr std::size_t kJpegSize = 6;

// The payload's memory is the encoder's, and may be shared.
GstBuffer* with_own_memory(GstBuffer* packet) {
  GstBuffer* copy = gst_buffer_copy_deep(packet);
  gst_buffer_unref(packet);
  return copy;
}

GstPadProbeReturn on_packet(GstPad*, GstPadProbeInfo* info, gpointer damager) {
  const auto pass = [](GstBuffer** packet, guint, gpointer data) -> gboolean {
    *packet = static_cast<Damager*>(data)->pass(*packet);
    return TRUE;
  };
  if ((info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST) != 0) {
    GstBufferList* list = gst_buffer_list_make_writable(GST_PAD_PROBE_INFO_BUFFER_LIST(info));
    gst_buffer_list_foreach(list, pass, damager);
    info->data = list;
  } else {
    info->data = static_cast<Damager*>(damager)->pass(GST_PAD_PROBE_INFO_BUFFER(info));
  }
  return GST_PAD_PROBE_OK;
}

}  // namespace

Damage damage_called(const std::string& name) {
  return name == "flip" ? Damage::kFlip : name == "cut" ? Damage::kCut : name == "resize" ? Damage::kResize : Damage::kNone;
}

void Damager::add_to(GstPad* pad) {
  const auto packets = static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST);
  gst_pad_add_probe(pad, packets, on_packet, this, nullptr);
}

GstBuffer* Damager::pass(GstBuffer* packet) {
  ++packets_;
  if (damage_ == Damage::kNone) return packet;
  if (damage_ == Damage::kResize) return resize(packet);
  return packets_ % kEveryPacket == 0 ? damage_one(packet) : packet;
}

GstBuffer* Damager::damage_one(GstBuffer* packet) {
  const gsize size = gst_buffer_get_size(packet);
  if (size <= kRtpHeader + 2) return packet;
  packet = with_own_memory(packet);
  if (damage_ == Damage::kCut) {
    gst_buffer_set_size(packet, static_cast<gssize>(kRtpHeader + (size - kRtpHeader) / 2));
    return packet;
  }
  const gsize at = kRtpHeader + random_() % (size - kRtpHeader);
  guint8 byte = 0;
  gst_buffer_extract(packet, at, &byte, 1);
  byte ^= static_cast<guint8>(1u << random_() % 8);
  gst_buffer_fill(packet, at, &byte, 1);
  return packet;
}

GstBuffer* Damager::resize(GstBuffer* packet) {
  guint8 header[kJpegSize + 2] = {};
  if (gst_buffer_extract(packet, kRtpHeader, header, sizeof header) != sizeof header) return packet;
  if (header[kJpegOffset] == 0 && header[kJpegOffset + 1] == 0 && header[kJpegOffset + 2] == 0) ++pictures_;
  if (pictures_ % kEveryPicture != 0) return packet;
  const guint8 size[2] = {static_cast<guint8>(random_() % 256), static_cast<guint8>(random_() % 256)};
  packet = with_own_memory(packet);
  gst_buffer_fill(packet, kRtpHeader + kJpegSize, size, sizeof size);
  return packet;
}
