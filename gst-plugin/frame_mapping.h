// SPDX-License-Identifier: MIT
#pragma once

#include <gst/video/video.h>

#include "adainstyle/image.h"

// The formats that pixel_format() knows, as a caps value.
#define ADAINSTYLE_VIDEO_FORMATS "{ RGB, BGR, RGBA, BGRA, ARGB, ABGR, RGBx, BGRx, xRGB, xBGR, I420, NV12, RGBP }"

namespace adainstyle::gst {

// The core's name of one of ADAINSTYLE_VIDEO_FORMATS. Throws Error (kSettings) for any other format.
PixelFormat pixel_format(GstVideoFormat format);

// A buffer mapped as a frame, with the strides and offsets that its GstVideoMeta gives (or that the caps imply) for as long as the
// object lives. The buffer must outlive it. `flags` say where the memory is mapped, and the views that it is on `device`.
class MappedFrame {
 public:
  MappedFrame(const GstVideoInfo& info, GstBuffer* buffer, GstMapFlags flags, const Device& device = {});
  ~MappedFrame();
  MappedFrame(const MappedFrame&) = delete;
  MappedFrame& operator=(const MappedFrame&) = delete;

  // Whether the buffer could be mapped and holds every row of a frame of the negotiated format and size. The views below may be
  // asked for only then.
  bool valid() const { return valid_; }

  ImageView view() const;
  MutableImageView mutable_view();
  const GstVideoFrame& frame() const { return frame_; }

 private:
  bool holds_whole_frame(const GstVideoInfo& info) const;
  bool holds_whole_plane(guint plane) const;

  GstVideoFrame frame_;
  Device device_;
  bool mapped_ = false;
  bool valid_ = false;
};

}  // namespace adainstyle::gst
