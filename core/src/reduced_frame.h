// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "adainstyle/image.h"

namespace adainstyle {

// Note [Reduced frames]
// A large frame is painted at a smaller size and the painting brought back up. Enlarged as it is, it would be blurred: the small
// painting knows nothing of the edges between its pixels. But the frame does. Around each small pixel the painting's colours s are
// taken as linear in the brightness L of the small frame (He, Sun & Tang 2010, "Guided image filtering", eq. 5), over 5x5 pixels:
//   a = cov(L, s) / (var(L) + eps),  b = s - a L
// and the large painting is a' L' + b', with L' the large frame's own brightness and a', b' enlarged linearly. Where the painting
// follows the frame its edges come back as sharp as they are in the frame; where it does not (strokes), or the frame is flat (noise),
// a is near 0 and what remains is linear enlargement. Unlike the guided filter, b keeps the small painting's own detail: it is not
// averaged over the window.
//
// The sizes of one stream's frames: buffers are made at the first frame of a size. All pictures are packed and lie in system memory.
class ReducedFrame {
 public:
  explicit ReducedFrame(int threads) : threads_(threads) {}

  // The frame at another size, smaller in both directions: each pixel the average of what it covers. RGB, valid until the next call.
  ImageView shrink(const ImageView& frame, int width, int height);

  // Where the small painting belongs.
  MutableImageView painting();

  // Enlarges the painting of the last frame to `output`, which may be the frame's own memory. Alpha is copied through.
  void enlarge(const ImageView& frame, const MutableImageView& output);

 private:
  // Output pixel i of a line lies between two input pixels: `at` and the one after it, with the share `fraction` of the latter.
  struct Places {
    std::vector<int> at;
    std::vector<float> fraction;
  };

  static Places enlarged_places(int from, int to);
  void resize(int frame_width, int frame_height, int width, int height);
  float* scratch_of_thread();
  void shrink_row(const ImageView& frame, int y, float* sums);
  void split_row(int y);
  void fit_row(int y, float* scratch);
  void expand_row(int y, float* expanded) const;
  void enlarge_rows(const ImageView& frame, const MutableImageView& output, int begin, int end, float* scratch) const;

  static constexpr int kScratchRows = 16;
  static constexpr int kPlanes = 4;        // brightness, red, green, blue
  static constexpr int kCoefficients = 6;  // a and b of red, green and blue

  const int threads_;
  int frame_width_ = 0;
  int frame_height_ = 0;
  int width_ = 0;
  int height_ = 0;
  std::vector<std::uint8_t> small_;     // RGB
  std::vector<std::uint8_t> painting_;  // RGB
  std::vector<float> planes_;           // [height][kPlanes][width], levels
  std::vector<float> coefficients_;     // [height][kCoefficients][width]
  std::vector<float> scratch_;          // [thread][kScratchRows][frame_width_]
  Places columns_;
  Places rows_;
};

}  // namespace adainstyle
