// SPDX-License-Identifier: MIT
#include "frame_mapping.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "adainstyle/error.h"

namespace adainstyle::gst {
namespace {

// What the caps say, or what GStreamer takes for granted where they say nothing.
YuvEncoding yuv_encoding(const GstVideoInfo& info) {
  YuvEncoding encoding;
  const GstVideoColorimetry& colorimetry = GST_VIDEO_INFO_COLORIMETRY(&info);
  switch (colorimetry.matrix) {
    case GST_VIDEO_COLOR_MATRIX_BT709: encoding.matrix = YuvMatrix::kBt709; break;
    case GST_VIDEO_COLOR_MATRIX_BT2020: encoding.matrix = YuvMatrix::kBt2020; break;
    case GST_VIDEO_COLOR_MATRIX_FCC: encoding.matrix = YuvMatrix::kFcc; break;
    case GST_VIDEO_COLOR_MATRIX_SMPTE240M: encoding.matrix = YuvMatrix::kSmpte240m; break;
    default: encoding.matrix = YuvMatrix::kBt601; break;
  }
  encoding.full_range = colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255;
  encoding.cosited = (GST_VIDEO_INFO_CHROMA_SITE(&info) & GST_VIDEO_CHROMA_SITE_H_COSITED) != 0;
  return encoding;
}

template <typename Byte>
BasicImageView<Byte> make_view(const GstVideoFrame& frame, const Device& device) {
  BasicImageView<Byte> view;
  view.format = pixel_format(GST_VIDEO_FRAME_FORMAT(&frame));
  view.width = GST_VIDEO_FRAME_WIDTH(&frame);
  view.height = GST_VIDEO_FRAME_HEIGHT(&frame);
  for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES(&frame); ++plane) {
    view.planes[plane] = static_cast<Byte*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, plane));
    view.strides[plane] = GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane);
  }
  view.yuv = yuv_encoding(frame.info);
  view.device = device;
  return view;
}

}  // namespace

PixelFormat pixel_format(GstVideoFormat format) {
  switch (format) {
    case GST_VIDEO_FORMAT_RGB: return PixelFormat::kRGB;
    case GST_VIDEO_FORMAT_BGR: return PixelFormat::kBGR;
    case GST_VIDEO_FORMAT_RGBA: return PixelFormat::kRGBA;
    case GST_VIDEO_FORMAT_BGRA: return PixelFormat::kBGRA;
    case GST_VIDEO_FORMAT_ARGB: return PixelFormat::kARGB;
    case GST_VIDEO_FORMAT_ABGR: return PixelFormat::kABGR;
    case GST_VIDEO_FORMAT_RGBx: return PixelFormat::kRGBx;
    case GST_VIDEO_FORMAT_BGRx: return PixelFormat::kBGRx;
    case GST_VIDEO_FORMAT_xRGB: return PixelFormat::kxRGB;
    case GST_VIDEO_FORMAT_xBGR: return PixelFormat::kxBGR;
    case GST_VIDEO_FORMAT_I420: return PixelFormat::kI420;
    case GST_VIDEO_FORMAT_NV12: return PixelFormat::kNV12;
    case GST_VIDEO_FORMAT_RGBP: return PixelFormat::kRGBP;
    default:
      throw Error(ErrorCode::kSettings, std::string("The video format ") + gst_video_format_to_string(format) +
                                            " is not handled. Put a videoconvert in front of adainstyle.");
  }
}

MappedFrame::MappedFrame(const GstVideoInfo& info, GstBuffer* buffer, GstMapFlags flags, const Device& device) : device_(device) {
  // Without NO_REF the reference that the frame takes would make an output buffer read-only.
  const auto all_flags = static_cast<GstMapFlags>(flags | GST_VIDEO_FRAME_MAP_FLAG_NO_REF);
  mapped_ = gst_video_frame_map(&frame_, &info, buffer, all_flags) != FALSE;
  valid_ = mapped_ && holds_whole_frame(info);
}

MappedFrame::~MappedFrame() {
  if (mapped_) gst_video_frame_unmap(&frame_);
}

ImageView MappedFrame::view() const { return make_view<const std::uint8_t>(frame_, device_); }

MutableImageView MappedFrame::mutable_view() { return make_view<std::uint8_t>(frame_, device_); }

// A GstVideoMeta is written by another element: its format and size override those of the caps when a buffer is mapped, and
// nothing compares its strides and offsets with the memory that is there.
bool MappedFrame::holds_whole_frame(const GstVideoInfo& info) const {
  if (GST_VIDEO_FRAME_FORMAT(&frame_) != GST_VIDEO_INFO_FORMAT(&info) ||
      GST_VIDEO_FRAME_WIDTH(&frame_) != GST_VIDEO_INFO_WIDTH(&info) ||
      GST_VIDEO_FRAME_HEIGHT(&frame_) != GST_VIDEO_INFO_HEIGHT(&info)) {
    return false;
  }
  for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES(&frame_); ++plane) {
    if (!holds_whole_plane(plane)) return false;
  }
  return true;
}

bool MappedFrame::holds_whole_plane(guint plane) const {
  const PlaneSize size = plane_size(pixel_format(GST_VIDEO_FRAME_FORMAT(&frame_)), GST_VIDEO_FRAME_WIDTH(&frame_),
                                    GST_VIDEO_FRAME_HEIGHT(&frame_), static_cast<int>(plane));
  const std::int64_t stride = GST_VIDEO_FRAME_PLANE_STRIDE(&frame_, plane);
  if (std::abs(stride) < size.row_bytes) return false;

  // Without a GstVideoMeta the whole buffer is mapped once, with one each plane's memory for itself.
  const GstMapInfo& map = frame_.map[frame_.meta != nullptr ? plane : 0];
  const auto* first_row = static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame_, plane));
  const std::int64_t start = first_row - map.data;
  const std::int64_t last_row = start + (size.rows - 1) * stride;
  return std::min(start, last_row) >= 0 && std::max(start, last_row) + size.row_bytes <= static_cast<std::int64_t>(map.size);
}

}  // namespace adainstyle::gst
