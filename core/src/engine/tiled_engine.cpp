// SPDX-License-Identifier: MIT
#include "engine/tiled_engine.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "adainstyle/error.h"
#include "engine/devices.h"

namespace adainstyle {
namespace {

// The sides of tiles are at least this long, the surroundings not counted: smaller ones would be all surroundings.
constexpr int kSmallestTile = 64;

// Width, height and place are even for YUV formats, but for what ends at the picture's right or lower edge.
template <typename Byte>
BasicImageView<Byte> part_of(BasicImageView<Byte> image, int x, int y, int width, int height) {
  image.width = width;
  image.height = height;
  for (int plane = 0; plane < plane_count(image.format); ++plane) {
    const PlaneSize left = plane_size(image.format, x, 1, plane);
    image.planes[plane] += left.row_bytes + image.strides[plane] * (is_yuv(image.format) && plane > 0 ? y / 2 : y);
  }
  return image;
}

template <typename Byte>
void copy_picture(const BasicImageView<Byte>& from, const MutableImageView& to) {
  for (int plane = 0; plane < plane_count(to.format); ++plane) {
    const PlaneSize size = plane_size(to.format, to.width, to.height, plane);
    for (int y = 0; y < size.rows; ++y) {
      std::memcpy(to.planes[plane] + y * to.strides[plane], from.planes[plane] + y * from.strides[plane], size.row_bytes);
    }
  }
}

// A picture like `like` of another size in `bytes`.
MutableImageView picture_in(std::vector<std::uint8_t>& bytes, MutableImageView like, int width, int height) {
  std::size_t offsets[kMaxPlanes] = {};
  std::size_t total = 0;
  like.width = width;
  like.height = height;
  for (int plane = 0; plane < plane_count(like.format); ++plane) {
    const PlaneSize size = plane_size(like.format, width, height, plane);
    offsets[plane] = total;
    total += size.row_bytes * size.rows;
    like.strides[plane] = size.row_bytes;
  }
  if (bytes.size() < total) bytes.resize(total);
  for (int plane = 0; plane < plane_count(like.format); ++plane) like.planes[plane] = bytes.data() + offsets[plane];
  return like;
}

}  // namespace

// One tile: the part that it paints, and the area that is computed for it.
struct TiledEngine::Tile {
  int x, y, width, height;
  int area_x, area_y, area_width, area_height;
};

struct TiledEngine::Scratch {
  std::vector<std::uint8_t> input;   // of a frame that is painted in place
  std::vector<std::uint8_t> output;  // of a tile with its surroundings
  std::vector<std::uint8_t> mask;    // of the part within the area
};

// Stands between the engine and the frame's own filter: gives it the frame's statistics at the points that are known, and adds up
// what the tiles measure at the next one.
class TiledEngine::Gatherer : public StatisticsFilter {
 public:
  Gatherer(const Plan& plan, StatisticsFilter* filter) : plan_(plan), filter_(filter) {}

  void begin_tile(double pixels) {
    pixels_ = pixels;
    next_ = 0;
    gathered_ = false;
  }

  void filter(std::size_t point, Statistics& content) override {
    if (next_ < known_.size()) {
      content = known_[next_++];
      return;
    }
    if (gathered_) return;  // nothing behind the point that is being gathered counts
    gathered_ = true;
    point_ = point;
    add(content);
  }

  bool takes_means() const override { return true; }
  bool done() const override { return gathered_; }

  // Whether the last tile came to a point that was not known.
  bool gathered() const { return gathered_; }

  void end_pass() {
    Statistics whole{std::move(mean_), {}};
    for (std::size_t c = 0; c < whole.mean.size(); ++c) {
      const double mean = sums_[c] / count_;
      whole.mean[c] = static_cast<float>(mean);
      whole.std.push_back(static_cast<float>(std::sqrt(std::max(squares_[c] / count_ - mean * mean, 0.0) + plan_.eps)));
    }
    const bool mean_only = point_ < plan_.adains.size() && plan_.adains[point_].tap < 0;
    if (filter_ && !mean_only) filter_->filter(point_, whole);
    known_.push_back(std::move(whole));
    sums_.clear();
    squares_.clear();
    mean_.clear();
    count_ = 0.0;
  }

 private:
  // std^2 - eps is the variance that was measured; double keeps what single precision has of it.
  void add(const Statistics& content) {
    if (sums_.empty()) {
      sums_.assign(content.mean.size(), 0.0);
      squares_.assign(content.mean.size(), 0.0);
      mean_.assign(content.mean.size(), 0.0f);
    }
    for (std::size_t c = 0; c < sums_.size(); ++c) {
      const double mean = content.mean[c];
      const double variance = static_cast<double>(content.std[c]) * content.std[c] - plan_.eps;
      sums_[c] += pixels_ * mean;
      squares_[c] += pixels_ * (variance + mean * mean);
    }
    count_ += pixels_;
  }

  const Plan& plan_;
  StatisticsFilter* filter_;
  std::vector<Statistics> known_;  // in the order in which the network comes to them
  std::size_t next_ = 0;
  std::size_t point_ = 0;
  bool gathered_ = false;
  double pixels_ = 0.0;
  std::vector<double> sums_;
  std::vector<double> squares_;
  std::vector<float> mean_;
  double count_ = 0.0;
};

TiledEngine::TiledEngine(std::shared_ptr<const PreparedModel> prepared, int threads, int radius, std::size_t limit)
    : prepared_(std::move(prepared)),
      engine_(prepared_->make_engine(threads)),
      threads_(threads),
      radius_(radius),
      limit_(limit),
      scratch_(std::make_unique<Scratch>()) {}

TiledEngine::~TiledEngine() = default;

StyleStatistics TiledEngine::encode_style(const ImageView& picture) { return engine_->encode_style(picture); }

std::size_t TiledEngine::workspace_bytes() const { return engine_->workspace_bytes(); }

std::string TiledEngine::notice() const { return engine_->notice(); }

std::vector<TiledEngine::Tile> TiledEngine::cut(int width, int height, int across, int down) const {
  const int stride = std::max(prepared_->lowered().overall_stride, 2);  // 2: chroma of YUV
  const int halo = (radius_ + 2 + stride - 1) / stride * stride;        // 2: chroma is interpolated
  const auto edge = [&](int i, int n, int side) { return i == n ? side : side * i / n / stride * stride; };
  std::vector<Tile> tiles;
  for (int j = 0; j < down; ++j) {
    for (int i = 0; i < across; ++i) {
      Tile tile{};
      tile.x = edge(i, across, width);
      tile.y = edge(j, down, height);
      tile.width = edge(i + 1, across, width) - tile.x;
      tile.height = edge(j + 1, down, height) - tile.y;
      tile.area_x = std::max(tile.x - halo, 0);
      tile.area_y = std::max(tile.y - halo, 0);
      tile.area_width = std::min(tile.x + tile.width + halo, width) - tile.area_x;
      tile.area_height = std::min(tile.y + tile.height + halo, height) - tile.area_y;
      tiles.push_back(tile);
    }
  }
  return tiles;
}

void TiledEngine::stylize(const ImageView& input, const MutableImageView& output, const StyleStatistics& style, float strength) {
  if (input.width != width_ || input.height != height_) {
    width_ = input.width;
    height_ = input.height;
    across_ = down_ = 1;
  }
  for (;;) {
    const std::vector<Tile> tiles = cut(width_, height_, across_, down_);
    const bool fits = limit_ == 0 || std::all_of(tiles.begin(), tiles.end(), [&](const Tile& tile) {
                        return prepared_->feature_bytes(tile.area_width, tile.area_height) <= limit_;
                      });
    std::string reason = "memory-limit allows " + std::to_string(limit_ >> 20) + " MiB";
    if (fits) {
      try {
        tiles.size() == 1 ? stylize_whole(input, output, style, strength) : stylize_tiles(tiles, input, output, style, strength);
        tiles_ = static_cast<int>(tiles.size());
        return;
      } catch (const std::exception& error) {
        const auto* own = dynamic_cast<const Error*>(&error);
        const bool no_memory = own ? own->code() == ErrorCode::kOutOfMemory
                                   : dynamic_cast<const std::bad_alloc*>(&error) != nullptr || is_out_of_memory(error);
        if (!no_memory) throw;
        reason = error.what();
      }
      // Its buffers are of no use to smaller tiles and in their way.
      engine_ = prepared_->make_engine(threads_);
    }
    const bool can_cut = input.device.type == DeviceType::kCpu && output.device.type == DeviceType::kCpu && !regions_.mask;
    int& longer = width_ / across_ >= height_ / down_ ? across_ : down_;
    const int side = &longer == &across_ ? width_ : height_;
    if (!can_cut || side / (longer + 1) < kSmallestTile) {
      throw Error(ErrorCode::kOutOfMemory,
                  "a frame of " + std::to_string(width_) + "x" + std::to_string(height_) + " does not fit into memory (" + reason +
                      (can_cut ? "), nor do its smallest tiles" : "), and with a mask or on a GPU no tiles are made") +
                      "; use smaller frames.");
    }
    ++longer;
  }
}

void TiledEngine::stylize_whole(const ImageView& input, const MutableImageView& output, const StyleStatistics& style,
                                float strength) {
  engine_->set_filter(filter_);
  engine_->set_regions(regions_);
  engine_->stylize(input, output, style, strength);
  times_ = engine_->times();
}

void TiledEngine::stylize_tiles(const std::vector<Tile>& tiles, const ImageView& frame, const MutableImageView& output,
                                const StyleStatistics& style, float strength) {
  ImageView input = frame;
  if (frame.planes[0] == output.planes[0]) {  // a tile is read after its neighbours were painted
    const MutableImageView copy = picture_in(scratch_->input, output, frame.width, frame.height);
    copy_picture(frame, copy);
    std::copy(std::begin(copy.planes), std::end(copy.planes), input.planes);
    std::copy(std::begin(copy.strides), std::end(copy.strides), input.strides);
  }
  Gatherer gatherer(prepared_->lowered(), filter_);
  engine_->set_filter(&gatherer);
  times_ = {};
  for (bool painted = false; !painted;) {
    for (const Tile& tile : tiles) {
      const int x = tile.x - tile.area_x;
      const int y = tile.y - tile.area_y;
      // Only what lies in the part is measured. Beyond the frame the mask is reflected with the picture.
      scratch_->mask.assign(static_cast<std::size_t>(tile.area_width) * tile.area_height, 0);
      for (int line = y; line < y + tile.height; ++line) {
        std::fill_n(scratch_->mask.begin() + static_cast<std::ptrdiff_t>(line) * tile.area_width + x, tile.width,
                    std::uint8_t{255});
      }
      FrameRegions regions;
      regions.mask = scratch_->mask.data();
      regions.width = tile.area_width;
      regions.height = tile.area_height;
      regions.version = ++version_;
      engine_->set_regions(regions);
      gatherer.begin_tile(pixels_of(tile));
      const MutableImageView scratch = picture_in(scratch_->output, output, tile.area_width, tile.area_height);
      engine_->stylize(part_of(input, tile.area_x, tile.area_y, tile.area_width, tile.area_height), scratch, style, strength);
      times_.convert += engine_->times().convert;
      times_.encode += engine_->times().encode;
      times_.adain += engine_->times().adain;
      times_.decode += engine_->times().decode;
      if (gatherer.gathered()) continue;
      copy_picture(part_of(scratch, x, y, tile.width, tile.height), part_of(output, tile.x, tile.y, tile.width, tile.height));
      painted = true;
    }
    if (!painted) gatherer.end_pass();
  }
}

// Those beyond the frame that are painted with it count too; at every scale the shares stay the same.
double TiledEngine::pixels_of(const Tile& tile) const {
  const Plan& plan = prepared_->lowered();
  const auto side = [&](int at, int length, int frame) { return at + length == frame ? extended_side(plan, frame) - at : length; };
  return static_cast<double>(side(tile.x, tile.width, width_)) * side(tile.y, tile.height, height_);
}

}  // namespace adainstyle
