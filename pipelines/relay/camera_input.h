// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

#include "frames.h"
#include "settings.h"

namespace relay {

// Counts of what a camera has sent, over all connections.
struct InputCounts {
  std::atomic<std::uint64_t> decoded{0};
  std::atomic<std::uint64_t> dropped{0};  // of those, because converting could not keep up
};

// One connection to a camera: a pipeline from its URL to frames of the size to be painted (RGBx), stamped with the moment of
// their decoding. Where this or the handler is too slow for the camera, the newest decoded frame waits and older ones are dropped,
// so that delay does not grow. Packets are never dropped, since what cannot be decoded harms many frames.
//
// counts and decoded_frame (called for each decoded frame) must outlive the pipeline.
ObjectPtr<GstElement> build_camera_input(const CameraSettings& settings, InputCounts& counts, std::function<void()> decoded_frame,
                                         SampleHandler handler);

}  // namespace relay
