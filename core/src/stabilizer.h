// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "adainstyle/image.h"
#include "region.h"

namespace adainstyle {

// Note [Stabilisation]
// A painting of a still scene flickers: the network turns sensor noise and every change elsewhere in the frame into other strokes.
// The stabilizer keeps the last painting and the brightness of the frame it belongs to, and looks in each tile of 8x8 pixels for
// where that brightness went (block matching, quarter pixels; no motion for a tile that differs by less than sensor noise). The new
// painting is blended into the old one at that place: slowly where nothing moves, so that it stands still, quickly where the tile
// moves, and not at all where the tile, or a pixel in it, was not found again, so that nothing is left behind. What is kept as the
// frame's brightness is blended by the same shares: a drift too slow to see from frame to frame adds up until it is seen.
//
// Where only parts of frames are painted, what stands still goes on to the last whole painting instead, as slowly: it was painted when
// other things were near, which the network sees, and would keep their shadow when they are gone. Not where something moved since.
// The brightness that is kept stays, so that a single frame's noise does not get into what tiles are compared with.
//
// All pictures lie in system memory, in packed formats. One thread at a time.
class Stabilizer {
 public:
  explicit Stabilizer(int threads) : threads_(threads) {}

  // Looks at a frame before it is painted. time_ns: when it is shown. fresh: nothing of what was painted before may stay (a scene
  // cut, another style). A change of size and a time that goes back mean the same. follow_noise: what counts as still is what the
  // frame's own noise explains (Note [Noise and motion]).
  void look_at(const ImageView& input, std::int64_t time_ns, bool fresh, bool follow_noise);

  // Whether there is a last painting to go on with.
  bool has_history() const { return ready_; }

  // Rectangles that together hold every tile that is not still, and the tiles beside them, which are blended with them. Pixels.
  std::vector<Region> moving_regions() const;

  // Blends the painting of the frame that was looked at with the last one, in place. amount: above 0, to 1. partial: of the painting
  // only what lies in moving_regions() is there.
  void blend(const MutableImageView& painting, float amount, bool partial);

 private:
  struct Tile {
    std::int16_t dx = 0;  // quarter pixels from here to the same place in the last frame
    std::int16_t dy = 0;
    bool still = false;
    float found = 0.0f;  // 0 (not found again) to 1
  };
  struct History {
    std::vector<std::uint16_t> painting;    // RGB, 1/256 of a level
    std::vector<std::uint16_t> brightness;  // 1/256 of a level
  };

  void resize(int width, int height);
  void read_brightness(const ImageView& input);
  void match_row(int row, float limit);
  int match_cost(int x, int y, int dx, int dy, int limit) const;
  void search(int x, int y, const Tile& left, Tile& tile) const;
  float mismatch(int tile_x, int tile_y, const Tile& tile) const;
  float still_mismatch(int tile_x, int tile_y) const;
  void line_weights(int y, float still_weight, float moving_weight, float* weights) const;
  void blend_line(int tile_x, int y, const float* weights, bool partial, float pull, const MutableImageView& painting);
  void keep_whole_line(int y, const MutableImageView& painting);
  void unsettle_moving_tiles();
  void begin_history(const MutableImageView& painting);

  const int threads_;
  int width_ = 0;
  int height_ = 0;
  int tiles_x_ = 0;
  int tiles_y_ = 0;
  bool follows_noise_ = false;
  bool ready_ = false;  // last_ holds a painting that may be used
  bool timed_ = false;  // last_time_ holds a time
  std::int64_t last_time_ = 0;
  std::int64_t elapsed_ns_ = 0;
  std::vector<std::uint8_t> brightness_;  // of the frame looked at
  std::vector<std::uint8_t> held_;        // last_.brightness in whole levels, what tiles are matched with
  std::vector<Tile> tiles_;
  std::vector<Tile> last_tiles_;
  std::vector<float> changes_;  // of each tile from where it lay in the last frame, mean absolute levels
  std::vector<float> sorted_;
  History last_;
  History next_;
  std::vector<std::uint8_t> whole_;    // RGB: the last whole painting, as it came, where parts are painted
  std::vector<std::uint8_t> settled_;  // by tile: nothing moved there since
};

}  // namespace adainstyle
