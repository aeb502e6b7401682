// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "adainstyle/image.h"
#include "region.h"

namespace adainstyle {

// A mask as its file holds it: 255 inside, 0 outside.
struct GreyPicture {
  int width = 0;   // pixels
  int height = 0;  // pixels
  std::vector<std::uint8_t> levels;
};

// The brightness of a picture in system memory.
GreyPicture grey_picture(const ImageView& picture);

// A mask at the size of the frames, with soft edges. Made anew when the mask, the size or the softness changes.
class FrameMask {
 public:
  enum class Cover { kNothing, kPart, kEverything };

  // id: of the mask, not 0. feather: width of the soft edge in shares of the frame's height, 0 to 1, half of it on either side of
  // the mask's edge. Returns whether the mask is another one now.
  bool fit(const GreyPicture& mask, std::uint64_t id, int width, int height, float feather);

  // Forgets the mask. Returns whether there was one.
  bool reset();

  Cover cover() const { return cover_; }
  const Region& bounds() const { return bounds_; }               // of all pixels that are not 0
  const std::uint8_t* levels() const { return levels_.data(); }  // rows packed
  std::uint64_t version() const { return version_; }             // another one for each mask that fit() made

  // Writes `original` where the mask is 0 and mixes it in where it is less than 255. All of the mask's size; alpha is left alone.
  void lay_under(const ImageView& original, const MutableImageView& painting, int threads) const;

 private:
  void blur(int radius);
  void look();

  std::uint64_t id_ = 0;
  std::uint64_t version_ = 0;
  int width_ = 0;
  int height_ = 0;
  float feather_ = 0.0f;
  std::vector<std::uint8_t> levels_;
  Cover cover_ = Cover::kEverything;
  Region bounds_;
};

}  // namespace adainstyle
