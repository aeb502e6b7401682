// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adainstyle/stylizer.h"

namespace adainstyle::fake {

// A core library without LibTorch: it lets the tests reach every way in which the element meets the real one, in milliseconds.
// It keeps the interface of core_entry.h and reads no files. Its GPUs are those of tests/standin_cuda, where that is the driver; real
// ones do not count. Paths are instructions, words separated by commas:
//
//   style-image   value=N       the style's value, see painted()
//                 gate          loading waits until the gate is open
//                 throw=WORD    loading fails
//   mask          value=N       the mask's value, only seen in SeenParameters; gate and throw=WORD as for a style
//   model         throw=WORD    opening the model fails
//                 process-throw=WORD  every frame fails
//                 tiles=N       with a memory-limit, frames count as painted in so many tiles
//                 notice=WORD   the stylizer has that to say
//                 sleep-ms=N    every frame takes this long at the least
//
// WORD is settings, not-found, unreadable, not-an-image, malformed-model, device-absent, library or out-of-memory for an Error of
// that code with the message kMessage, or bad-alloc, runtime-error, or int for what is thrown by accident.
constexpr char kMessage[] = "The fake core was told to fail.";

// What the fake makes of one colour (0 red, 1 green, 2 blue): the content "decoded" is distinct from the content itself, and the
// three colours are treated differently, so that neither a frame that was passed through nor two swapped colours go unnoticed.
inline std::uint8_t painted(std::uint8_t content, int colour, int style_value, float strength) {
  const float decoded = static_cast<float>(content ^ 0x55);
  const float styled = static_cast<float>((content ^ ((style_value + colour) & 0xff)));
  return static_cast<std::uint8_t>(decoded + strength * (styled - decoded) + 0.5f);
}

// Added to the value of a style that was loaded with colours to match.
constexpr int kMatchedOffset = 100;

// What the last frame was asked to be, of FrameParameters.
struct SeenParameters {
  std::int64_t time_ns = 0;
  std::int64_t transition_ns = 0;
  float smoothing_ms = 0.0f;
  PreserveColor preserve_color = PreserveColor::kNone;
  float stabilization = 0.0f;
  bool static_skip = false;
  float mask_feather = 0.0f;
  int processing_height = 0;
  int mask_value = -1;     // of the mask; -1: none
  int outside_value = -1;  // of the style outside of it; -1: none
  const void* input_queue = nullptr;
};

// What the tests reach by dlsym: the library must not be linked, since when it is loaded is itself tested.
struct Control {
  void (*set_gate)(bool open);
  std::vector<std::string> (*style_loads)();  // paths and sizes, "PATH@SIZE", of all style loads begun since the last reset
  SeenParameters (*last_parameters)();
  int (*stylizers_alive)();
  void (*reset)();  // opens the gate, forgets the loads
};

constexpr char kControlSymbol[] = "adainstyle_fake_core_control";

}  // namespace adainstyle::fake

extern "C" const adainstyle::fake::Control* adainstyle_fake_core_control();
