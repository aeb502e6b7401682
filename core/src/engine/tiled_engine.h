// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/engine.h"

namespace adainstyle {

// Note [Tiles]
// A frame whose features do not fit into memory is painted in tiles, with the statistics of the whole frame, so that the picture is
// the one that would have come out in one piece. A tile is a part of the frame and as much around it as the network's results depend
// on; where it begins is a multiple of the network's stride. AdaIN needs the statistics of all tiles before any tile can go on, so
// the frame is gone through once for each point at which they are taken, every time from the beginning, up to that point; what the
// tiles measure inside their parts is put together; the last pass paints. Nothing but the statistics is kept from pass to pass. That
// costs time, and memory is what it saves.
class TiledEngine : public Engine {
 public:
  // radius: of what a pixel of the painting depends on, in picture pixels. limit: bytes of features, 0 for as many as there are.
  TiledEngine(std::shared_ptr<const PreparedModel> prepared, int threads, int radius, std::size_t limit);
  ~TiledEngine() override;

  StyleStatistics encode_style(const ImageView& picture) override;

  // Throws Error(kOutOfMemory) where not even the smallest tiles fit, and where frames that do not fit lie on a GPU or have a mask.
  void stylize(const ImageView& input, const MutableImageView& output, const StyleStatistics& style, float strength) override;

  std::size_t workspace_bytes() const override;
  std::string notice() const override;

  // Into how many tiles the last frame was cut; 1: none.
  int tiles() const { return tiles_; }

 private:
  class Gatherer;
  struct Tile;
  struct Scratch;

  std::vector<Tile> cut(int width, int height, int across, int down) const;
  void stylize_whole(const ImageView& input, const MutableImageView& output, const StyleStatistics& style, float strength);
  void stylize_tiles(const std::vector<Tile>& tiles, const ImageView& input, const MutableImageView& output,
                     const StyleStatistics& style, float strength);

  double pixels_of(const Tile& tile) const;

  std::shared_ptr<const PreparedModel> prepared_;
  std::unique_ptr<Engine> engine_;
  int threads_;
  int radius_;
  std::size_t limit_;
  int tiles_ = 1;
  // What the last frame's size and the memory there was came to, so that no frame tries in vain what the last one did.
  int width_ = 0;
  int height_ = 0;
  int across_ = 1;
  int down_ = 1;
  std::unique_ptr<Scratch> scratch_;
  std::uint64_t version_ = 0;  // of the last tile's mask
};

}  // namespace adainstyle
