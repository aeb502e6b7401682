// SPDX-License-Identifier: MIT
#include "frame_checks.h"

#include <algorithm>
#include <string>

#include "engine/devices.h"

namespace adainstyle {
namespace {

template <typename Byte>
bool has_planes(const BasicImageView<Byte>& image) {
  return std::none_of(image.planes, image.planes + plane_count(image.format), [](const Byte* plane) { return plane == nullptr; });
}

// Where the frame's bytes are must be known before any is touched.
void check_devices(const Device& input, const Device& output, const Device& computes) {
  const bool same = input.type == output.type && (input.type == DeviceType::kCpu || input.index == output.index);
  const bool reachable = input.type == DeviceType::kCpu || (computes.type == DeviceType::kCuda && input.index == computes.index);
  if (same && reachable) return;
  throw Error(ErrorCode::kSettings, "input and output lie on " + device_name(input) + " and " + device_name(output) +
                                        ", and the stylizer computes on " + device_name(computes) +
                                        "; both must lie there or both in system memory.");
}

}  // namespace

void check_picture(const ImageView& picture, const char* what) {
  if (picture.width >= kMinimumSide && picture.height >= kMinimumSide && has_planes(picture)) return;
  throw Error(ErrorCode::kSettings, std::string("the ") + what + " is " + std::to_string(picture.width) + "x" +
                                        std::to_string(picture.height) + " pixels; at least 16x16 are needed.");
}

void check_frame(const ImageView& input, const MutableImageView& output, const FrameParameters& parameters,
                 const Device& computes) {
  check_picture(input, "frame");
  check_devices(input.device, output.device, computes);
  if (input.width != output.width || input.height != output.height || !has_planes(output)) {
    throw Error(ErrorCode::kSettings, "input and output differ in size: " + std::to_string(input.width) + "x" +
                                          std::to_string(input.height) + " and " + std::to_string(output.width) + "x" +
                                          std::to_string(output.height));
  }
  if (!(parameters.strength >= 0.0f && parameters.strength <= 1.0f)) {
    throw Error(ErrorCode::kSettings, "strength is " + std::to_string(parameters.strength) + "; it must be 0 to 1.");
  }
  if (!(parameters.stabilization >= 0.0f && parameters.stabilization <= 1.0f)) {
    throw Error(ErrorCode::kSettings, "stabilization is " + std::to_string(parameters.stabilization) + "; it must be 0 to 1.");
  }
  if (!(parameters.mask_feather >= 0.0f && parameters.mask_feather <= 1.0f)) {
    throw Error(ErrorCode::kSettings, "mask-feather is " + std::to_string(parameters.mask_feather) + "; it must be 0 to 1.");
  }
  const bool reads_pixels = parameters.preserve_color != PreserveColor::kNone || parameters.stabilization > 0.0f ||
                            parameters.processing_height > 0 || (parameters.mask && !parameters.outside_style);
  if (reads_pixels && input.device.type != DeviceType::kCpu) {
    throw Error(ErrorCode::kSettings,
                "preserve-color, stabilization, processing-height and a mask without mask-style need frames in system memory; "
                "download the frames first or switch them off.");
  }
}

}  // namespace adainstyle
