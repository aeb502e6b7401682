// SPDX-License-Identifier: MIT
#include "stabilizer.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <utility>

#include "temporal.h"
#include "tile_motion.h"

namespace adainstyle {
namespace {

constexpr int kTile = 8;
constexpr int kWindow = 16;  // pixels a side of what is compared in the search, around the tile

// Mean absolute differences of brightness, in levels of 255.
constexpr float kStill = 1.9f;      // below this a tile is still; noise of 2 levels in each colour makes 1.1 between two frames
constexpr float kFound = 3.5f;      // up to here a tile is certainly the same
constexpr float kNotFound = 12.0f;  // from here on it is certainly another

// The same for one pixel, which is noisier: beyond the first the old painting counts less, beyond the second not at all.
constexpr int kPixelSame = 9;
constexpr int kPixelOther = 24;

constexpr double kStillMs = 2000.0;    // time constant of the painting where nothing moves
constexpr float kMovingWeight = 0.6f;  // of the old painting where the tile moves
constexpr int kFarthest = 24;          // pixels of motion from one frame to the next

int luma_of(const std::uint8_t* pixel, const PixelLayout& layout) {
  return (77 * pixel[layout.red] + 150 * pixel[layout.green] + 29 * pixel[layout.blue] + 128) >> 8;
}

std::uint8_t level_of(int value) { return static_cast<std::uint8_t>((value + 128) >> 8); }

// A place in the last frame in quarter pixels, as the offset of the pixel at its upper left and the shares of the four around it.
struct Sample {
  std::ptrdiff_t offset;
  std::ptrdiff_t right;
  std::ptrdiff_t down;
  int share[4];  // of 16

  template <typename Value>
  int of(const std::vector<Value>& plane, int channels, int channel) const {
    const Value* at = plane.data() + offset * channels + channel;
    return (share[0] * at[0] + share[1] * at[right * channels] + share[2] * at[down * channels] +
            share[3] * at[(down + right) * channels] + 8) >>
           4;
  }
};

Sample sample_at(int x4, int y4, int width, int height) {
  x4 = std::clamp(x4, 0, (width - 1) * 4);
  y4 = std::clamp(y4, 0, (height - 1) * 4);
  const int fx = x4 & 3;
  const int fy = y4 & 3;
  return {static_cast<std::ptrdiff_t>(y4 >> 2) * width + (x4 >> 2),
          fx > 0 ? 1 : 0,
          fy > 0 ? width : 0,
          {(4 - fx) * (4 - fy), fx * (4 - fy), (4 - fx) * fy, fx * fy}};
}

// Where the parabola through three costs has its minimum, in quarter pixels from the middle one.
int quarter_minimum(int before, int middle, int after) {
  const int curvature = before - 2 * middle + after;
  if (curvature <= 0) return 0;
  return std::clamp(static_cast<int>(std::lround(2.0 * (before - after) / curvature)), -2, 2);
}

}  // namespace

void Stabilizer::look_at(const ImageView& input, std::int64_t time_ns, bool fresh, bool follow_noise) {
  if (input.width != width_ || input.height != height_) resize(input.width, input.height);
  if (fresh || (timed_ && time_ns < last_time_)) ready_ = false;
  elapsed_ns_ = timed_ ? std::max<std::int64_t>(time_ns - last_time_, 0) : 0;
  last_time_ = time_ns;
  timed_ = true;
  follows_noise_ = follow_noise;
  read_brightness(input);
  std::swap(tiles_, last_tiles_);
  if (!ready_) {
    std::fill(tiles_.begin(), tiles_.end(), Tile{});
    return;
  }
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (int row = 0; row < tiles_y_; ++row) {
    for (int tx = 0; tx < tiles_x_; ++tx) changes_[static_cast<std::size_t>(row) * tiles_x_ + tx] = mismatch(tx, row, {});
  }
  float limit = kStill;
  if (follow_noise) {
    limit = still_limit(changes_, sorted_);
    forget_noise(changes_, tiles_x_, limit);
  }
#pragma omp parallel for num_threads(threads_) schedule(dynamic, 1)
  for (int row = 0; row < tiles_y_; ++row) match_row(row, limit);
}

std::vector<Region> Stabilizer::moving_regions() const {
  std::vector<std::uint8_t> moves(tiles_.size());
  std::transform(tiles_.begin(), tiles_.end(), moves.begin(), [](const Tile& tile) { return tile.still ? 0 : 1; });
  std::vector<Region> regions = moving_boxes(moves, tiles_x_);
  for (Region& region : regions) {
    region =
        intersection({region.x * kTile, region.y * kTile, region.width * kTile, region.height * kTile}, {0, 0, width_, height_});
  }
  return regions;
}

void Stabilizer::blend(const MutableImageView& painting, float amount, bool partial) {
  if (follows_noise_ && !partial) {
    settled_.assign(tiles_.size(), 1);
    whole_.resize(last_.painting.size());
#pragma omp parallel for num_threads(threads_) schedule(static)
    for (int y = 0; y < height_; ++y) keep_whole_line(y, painting);
  }
  if (!ready_) {
    begin_history(painting);
    ready_ = true;
    return;
  }
  const float still_share = average_share(elapsed_ns_, kStillMs * amount);
  if (partial) unsettle_moving_tiles();
#pragma omp parallel num_threads(threads_)
  {
    std::vector<float> weights(width_);
#pragma omp for schedule(dynamic, 8)
    for (int y = 0; y < height_; ++y) {
      line_weights(y, partial ? 1.0f : 1.0f - still_share, kMovingWeight * amount, weights.data());
      for (int tx = 0; tx < tiles_x_; ++tx) blend_line(tx, y, weights.data(), partial, still_share, painting);
    }
  }
  std::swap(last_, next_);
}

void Stabilizer::keep_whole_line(int y, const MutableImageView& painting) {
  const PixelLayout layout = pixel_layout(painting.format);
  const std::uint8_t* pixel = painting.planes[0] + y * painting.strides[0];
  std::uint8_t* kept = whole_.data() + static_cast<std::size_t>(y) * width_ * 3;
  for (int x = 0; x < width_; ++x, pixel += layout.bytes, kept += 3) {
    kept[0] = pixel[layout.red];
    kept[1] = pixel[layout.green];
    kept[2] = pixel[layout.blue];
  }
}

// With those beside them, which are blended with them.
void Stabilizer::unsettle_moving_tiles() {
  for (int ty = 0; ty < tiles_y_; ++ty) {
    for (int tx = 0; tx < tiles_x_; ++tx) {
      if (tiles_[static_cast<std::size_t>(ty) * tiles_x_ + tx].still) continue;
      for (int v = std::max(ty - 1, 0); v <= std::min(ty + 1, tiles_y_ - 1); ++v) {
        for (int u = std::max(tx - 1, 0); u <= std::min(tx + 1, tiles_x_ - 1); ++u) {
          settled_[static_cast<std::size_t>(v) * tiles_x_ + u] = 0;
        }
      }
    }
  }
}

void Stabilizer::resize(int width, int height) {
  const std::size_t pixels = static_cast<std::size_t>(width) * height;
  width_ = width;
  height_ = height;
  tiles_x_ = (width + kTile - 1) / kTile;
  tiles_y_ = (height + kTile - 1) / kTile;
  brightness_.assign(pixels, 0);
  held_.assign(pixels, 0);
  tiles_.assign(static_cast<std::size_t>(tiles_x_) * tiles_y_, {});
  last_tiles_ = tiles_;
  changes_.assign(tiles_.size(), 0.0f);
  for (History* history : {&last_, &next_}) {
    history->painting.assign(pixels * 3, 0);
    history->brightness.assign(pixels, 0);
  }
  ready_ = false;
}

void Stabilizer::read_brightness(const ImageView& input) {
  const PixelLayout layout = pixel_layout(input.format);
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (int y = 0; y < height_; ++y) {
    const std::uint8_t* pixel = input.planes[0] + y * input.strides[0];
    const std::size_t row = static_cast<std::size_t>(y) * width_;
    for (int x = 0; x < width_; ++x, pixel += layout.bytes)
      brightness_[row + x] = static_cast<std::uint8_t>(luma_of(pixel, layout));
    for (int x = 0; x < width_; ++x) held_[row + x] = level_of(last_.brightness[row + x]);
  }
}

void Stabilizer::match_row(int row, float limit) {
  Tile left;
  for (int tx = 0; tx < tiles_x_; ++tx) {
    Tile tile;
    const float difference = changes_[static_cast<std::size_t>(row) * tiles_x_ + tx];
    tile.still = difference < limit;
    tile.found = 1.0f;
    if (!tile.still) {
      search(tx, row, left, tile);
      const bool moved = tile.dx != 0 || tile.dy != 0;
      const float rest = moved ? mismatch(tx, row, tile) : difference;
      tile.found = std::clamp((kNotFound - rest) / (kNotFound - kFound), 0.0f, 1.0f);
    }
    left = tile;
    tiles_[static_cast<std::size_t>(row) * tiles_x_ + tx] = tile;
  }
}

// Sum of absolute differences of the window around a tile, displaced by whole pixels; stops counting beyond `limit`.
int Stabilizer::match_cost(int x, int y, int dx, int dy, int limit) const {
  const int side_x = std::min(kWindow, width_);
  const int side_y = std::min(kWindow, height_);
  if (std::abs(dx) > kFarthest || std::abs(dy) > kFarthest || x + dx < 0 || y + dy < 0 || x + dx + side_x > width_ ||
      y + dy + side_y > height_) {
    return std::numeric_limits<int>::max();
  }
  int sum = 0;
  for (int line = 0; line < side_y && sum < limit; ++line) {
    const std::uint8_t* here = brightness_.data() + static_cast<std::ptrdiff_t>(y + line) * width_ + x;
    const std::uint8_t* there = held_.data() + static_cast<std::ptrdiff_t>(y + dy + line) * width_ + x + dx;
    for (int i = 0; i < side_x; ++i) sum += std::abs(here[i] - there[i]);
  }
  return sum;
}

// From the best of what the neighbours did, downhill in steps of 4, 2 and 1 pixels.
void Stabilizer::search(int tile_x, int tile_y, const Tile& left, Tile& tile) const {
  const int x = std::clamp(tile_x * kTile - (kWindow - kTile) / 2, 0, std::max(width_ - kWindow, 0));
  const int y = std::clamp(tile_y * kTile - (kWindow - kTile) / 2, 0, std::max(height_ - kWindow, 0));
  constexpr int kNone = std::numeric_limits<int>::max();
  int best_x = 0;
  int best_y = 0;
  int best = match_cost(x, y, 0, 0, kNone);
  const auto attempt = [&](int dx, int dy) {
    const int cost = match_cost(x, y, dx, dy, best);
    if (cost >= best) return;
    best = cost;
    best_x = dx;
    best_y = dy;
  };
  const auto attempt_tile = [&](const Tile& other) { attempt((other.dx + 2) >> 2, (other.dy + 2) >> 2); };
  attempt_tile(left);
  for (int ty = std::max(tile_y - 1, 0); ty <= std::min(tile_y + 1, tiles_y_ - 1); ++ty) {
    attempt_tile(last_tiles_[static_cast<std::size_t>(ty) * tiles_x_ + tile_x]);
  }
  for (int step = 4; step > 0; step /= 2) {
    for (int tries = 0; tries < 8; ++tries) {
      const int from_x = best_x;
      const int from_y = best_y;
      attempt(from_x - step, from_y);
      attempt(from_x + step, from_y);
      attempt(from_x, from_y - step);
      attempt(from_x, from_y + step);
      if (best_x == from_x && best_y == from_y) break;
    }
  }
  const auto cost_at = [&](int dx, int dy) { return match_cost(x, y, best_x + dx, best_y + dy, kNone); };
  const auto refined = [&](int before, int after) {
    return before == kNone || after == kNone ? 0 : quarter_minimum(before, best, after);
  };
  tile.dx = static_cast<std::int16_t>(best_x * 4 + refined(cost_at(-1, 0), cost_at(1, 0)));
  tile.dy = static_cast<std::int16_t>(best_y * 4 + refined(cost_at(0, -1), cost_at(0, 1)));
}

// Mean absolute difference of a tile's brightness from where it was: the worst of its four quarters, so that something small that
// moves is not lost in a large tile.
float Stabilizer::mismatch(int tile_x, int tile_y, const Tile& tile) const {
  if (tile.dx == 0 && tile.dy == 0 && (tile_x + 1) * kTile <= width_ && (tile_y + 1) * kTile <= height_) {
    return still_mismatch(tile_x, tile_y);
  }
  int sums[4] = {};
  int counts[4] = {};
  for (int y = tile_y * kTile; y < std::min((tile_y + 1) * kTile, height_); ++y) {
    for (int x = tile_x * kTile; x < std::min((tile_x + 1) * kTile, width_); ++x) {
      const Sample sample = sample_at(x * 4 + tile.dx, y * 4 + tile.dy, width_, height_);
      const int quarter = (y / (kTile / 2) % 2) * 2 + x / (kTile / 2) % 2;
      const int here = brightness_[static_cast<std::size_t>(y) * width_ + x] << 8;
      sums[quarter] += std::abs(here - sample.of(last_.brightness, 1, 0));
      ++counts[quarter];
    }
  }
  float worst = 0.0f;
  for (int q = 0; q < 4; ++q) {
    if (counts[q] > 0) worst = std::max(worst, static_cast<float>(sums[q]) / static_cast<float>(counts[q] * 256));
  }
  return worst;
}

// The same for a whole tile that has not moved, which most tiles of most frames are.
float Stabilizer::still_mismatch(int tile_x, int tile_y) const {
  constexpr int kHalf = kTile / 2;
  int worst = 0;
  for (int quarter = 0; quarter < 4; ++quarter) {
    int sum = 0;
    for (int y = 0; y < kHalf; ++y) {
      const std::size_t at =
          static_cast<std::size_t>(tile_y * kTile + quarter / 2 * kHalf + y) * width_ + tile_x * kTile + quarter % 2 * kHalf;
      for (int x = 0; x < kHalf; ++x) sum += std::abs((brightness_[at + x] << 8) - last_.brightness[at + x]);
    }
    worst = std::max(worst, sum);
  }
  return static_cast<float>(worst) / (kHalf * kHalf * 256.0f);
}

// The weights of the old painting for one line, interpolated between the middles of the tiles so that no tile shows.
void Stabilizer::line_weights(int y, float still_weight, float moving_weight, float* weights) const {
  const float fy = std::clamp((static_cast<float>(y) + 0.5f) / kTile - 0.5f, 0.0f, static_cast<float>(tiles_y_ - 1));
  const int y0 = static_cast<int>(fy);
  const int y1 = std::min(y0 + 1, tiles_y_ - 1);
  const float sy = fy - static_cast<float>(y0);
  const auto weight = [&](int tx) {
    const auto of = [&](int ty) {
      const Tile& tile = tiles_[static_cast<std::size_t>(ty) * tiles_x_ + tx];
      return tile.still ? still_weight : moving_weight * tile.found;
    };
    return of(y0) + sy * (of(y1) - of(y0));
  };
  float left = weight(0);
  float right = left;
  for (int x = 0; x < width_; ++x) {
    const int step = (x + kTile / 2) % kTile;  // from the middle of the tile at the left
    if (step == 0) {
      left = right;
      right = weight(std::min(x / kTile + 1, tiles_x_ - 1));
    }
    weights[x] = left + (static_cast<float>(step) + 0.5f) / kTile * (right - left);
  }
}

// pull: how far what is settled goes to the last whole painting.
void Stabilizer::blend_line(int tile_x, int y, const float* weights, bool partial, float pull, const MutableImageView& painting) {
  const std::size_t tile_at = static_cast<std::size_t>(y / kTile) * tiles_x_ + tile_x;
  const Tile& tile = tiles_[tile_at];
  const bool held = partial && tile.still;
  const bool pulled = held && settled_[tile_at];
  const PixelLayout layout = pixel_layout(painting.format);
  const int offsets[3] = {layout.red, layout.green, layout.blue};
  std::uint8_t* row = painting.planes[0] + y * painting.strides[0];
  for (int x = tile_x * kTile; x < std::min((tile_x + 1) * kTile, width_); ++x) {
    const std::size_t at = static_cast<std::size_t>(y) * width_ + x;
    std::uint8_t* pixel = row + static_cast<std::ptrdiff_t>(x) * layout.bytes;
    const Sample sample = sample_at(x * 4 + tile.dx, y * 4 + tile.dy, width_, height_);
    const int here = brightness_[at] << 8;
    const int old_brightness = sample.of(last_.brightness, 1, 0);
    const int difference = std::abs(here - old_brightness) >> 8;
    const float same =
        held ? 1.0f : std::clamp(static_cast<float>(kPixelOther - difference) / (kPixelOther - kPixelSame), 0.0f, 1.0f);
    const float share = 1.0f - weights[x] * same;  // of the new painting
    const auto blended = [share](float old_value, int new_value) {
      return static_cast<std::uint16_t>(old_value + (static_cast<float>(new_value) - old_value) * share + 0.5f);
    };
    next_.brightness[at] = blended(static_cast<float>(old_brightness), here);
    for (int c = 0; c < 3; ++c) {
      auto old_value = static_cast<float>(sample.of(last_.painting, 3, c));
      if (pulled) old_value += (static_cast<float>(whole_[at * 3 + c] << 8) - old_value) * pull;
      const std::uint16_t value = blended(old_value, pixel[offsets[c]] << 8);
      next_.painting[at * 3 + c] = value;
      pixel[offsets[c]] = level_of(value);
    }
  }
}

void Stabilizer::begin_history(const MutableImageView& painting) {
  const PixelLayout layout = pixel_layout(painting.format);
  for (int y = 0; y < height_; ++y) {
    const std::uint8_t* pixel = painting.planes[0] + y * painting.strides[0];
    for (std::size_t at = static_cast<std::size_t>(y) * width_; at < static_cast<std::size_t>(y + 1) * width_;
         ++at, pixel += layout.bytes) {
      last_.brightness[at] = static_cast<std::uint16_t>(brightness_[at] << 8);
      last_.painting[at * 3] = static_cast<std::uint16_t>(pixel[layout.red] << 8);
      last_.painting[at * 3 + 1] = static_cast<std::uint16_t>(pixel[layout.green] << 8);
      last_.painting[at * 3 + 2] = static_cast<std::uint16_t>(pixel[layout.blue] << 8);
    }
  }
}

}  // namespace adainstyle
