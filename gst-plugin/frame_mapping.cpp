// SPDX-License-Identifier: MIT
#include "frame_mapping.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "adainstyle/error.h"

namespace adainstyle::gst {
namespace {

template <typename Byte>
BasicImageView<Byte> make_view(const GstVideoFrame& frame, const Device& device) {
  BasicImageView<Byte> view;
  view.format = pixel_format(GST_VIDEO_FRAME_FORMAT(&frame));
  view.width = GST_VIDEO_FRAME_WIDTH(&frame);
  view.height = GST_VIDEO_FRAME_HEIGHT(&frame);
  view.planes[0] = static_cast<Byte*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0));
  view.strides[0] = GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
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
  const std::int64_t stride = GST_VIDEO_FRAME_PLANE_STRIDE(&frame_, 0);
  const std::int64_t row_bytes =
      static_cast<std::int64_t>(GST_VIDEO_FRAME_WIDTH(&frame_)) * GST_VIDEO_FRAME_COMP_PSTRIDE(&frame_, 0);
  if (std::abs(stride) < row_bytes) return false;

  const auto* first_row = static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame_, 0));
  const std::int64_t start = first_row - frame_.map[0].data;
  const std::int64_t last_row = start + (GST_VIDEO_FRAME_HEIGHT(&frame_) - 1) * stride;
  return std::min(start, last_row) >= 0 && std::max(start, last_row) + row_bytes <= static_cast<std::int64_t>(frame_.map[0].size);
}

}  // namespace adainstyle::gst
