// SPDX-License-Identifier: MIT
#include "dataset.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numeric>

#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/from_blob.h>

#include "adainstyle/error.h"
#include "image_file.h"

namespace adainstyle {
namespace {

namespace fs = std::filesystem;

bool is_picture(const fs::path& path) {
  static const std::set<std::string> kExtensions = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"};
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](unsigned char c) { return std::tolower(c); });
  return kExtensions.count(extension) != 0;
}

}  // namespace

at::Tensor load_pixels(const std::string& path, int short_side) {
  DecodedImage image = read_image(path, 0);
  const at::Tensor pixels =
      at::from_blob(image.rgb.data(), {image.height, image.width, 3}, at::kByte).permute({2, 0, 1}).contiguous();
  const int shorter = std::min(image.width, image.height);
  if (short_side == 0 || shorter == short_side) return pixels;
  const double scale = static_cast<double>(short_side) / shorter;
  const auto scaled = [&](int extent) { return std::max<std::int64_t>(short_side, std::lround(extent * scale)); };
  const at::Tensor resized =
      at::_upsample_bicubic2d_aa(pixels.unsqueeze(0).to(at::kFloat), {scaled(image.height), scaled(image.width)},
                                 /*align_corners=*/false);
  return resized[0].round_().clamp_(0.0, 255.0).to(at::kByte);
}

std::vector<std::string> find_pictures(const std::string& folder) {
  std::error_code error;
  fs::recursive_directory_iterator files(folder, fs::directory_options::follow_directory_symlink, error);
  if (error) throw Error(ErrorCode::kNotFound, "Cannot read the folder " + folder + ": " + error.message() + ".");
  std::vector<std::string> paths;
  for (const fs::directory_entry& file : files) {
    if (file.is_regular_file(error) && is_picture(file.path())) paths.push_back(file.path().string());
  }
  if (paths.empty()) {
    throw Error(ErrorCode::kNotFound, "The folder " + folder + " holds no pictures (JPEG, PNG, WebP, BMP, TIFF or GIF).");
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

Dataset::Dataset(const std::string& folder, const CropOptions& options, std::uint64_t seed, Purpose order, Purpose crop,
                 TensorCache* cache)
    : paths_(find_pictures(folder)), options_(options), seed_(seed), order_purpose_(order), crop_purpose_(crop), cache_(cache) {}

CropChoice Dataset::choose(std::uint64_t n) {
  const std::uint64_t epoch = n / paths_.size();
  CropChoice choice;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (epoch != epoch_) {
      order_.resize(paths_.size());
      std::iota(order_.begin(), order_.end(), 0u);
      Random random({seed_, static_cast<std::uint64_t>(order_purpose_), epoch});
      for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random.below(i)]);
      epoch_ = epoch;
    }
    choice.picture = order_[n % paths_.size()];
  }
  Random random({seed_, static_cast<std::uint64_t>(crop_purpose_), n});
  choice.variant = options_.crops_per_picture > 0 ? random.below(options_.crops_per_picture) : random.next();
  return choice;
}

at::Tensor Dataset::picture(std::size_t index) {
  const std::uint64_t key = mix({static_cast<std::uint64_t>(crop_purpose_), index, 0x70696374});
  TensorCache::Value cached = cache_->find(key);
  if (!cached.empty()) return cached.front();
  for (std::size_t tried = 0; tried < paths_.size(); ++tried) {
    const std::size_t candidate = (index + tried) % paths_.size();
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (bad_.count(candidate) != 0) continue;
    }
    try {
      const at::Tensor pixels = load_pixels(paths_[candidate], std::max(options_.resize, options_.crop));
      cache_->insert(key, {pixels});
      return pixels;
    } catch (const Error& error) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (bad_.insert(candidate).second) std::fprintf(stderr, "Skipped: %s\n", error.what());
    }
  }
  throw Error(ErrorCode::kNotAnImage,
              "None of the " + std::to_string(paths_.size()) + " pictures beside " + paths_.front() + " could be decoded.");
}

at::Tensor Dataset::crop(const CropChoice& choice) {
  const at::Tensor pixels = picture(choice.picture);
  const bool fixed = options_.crops_per_picture > 0;
  Random random({seed_, static_cast<std::uint64_t>(crop_purpose_), choice.picture, choice.variant});
  const std::int64_t top = random.below(pixels.size(1) - options_.crop + 1);
  const std::int64_t left = random.below(pixels.size(2) - options_.crop + 1);
  const bool mirrored = fixed ? choice.variant % 2 == 1 : random.below(2) == 1;
  const at::Tensor part = pixels.narrow(1, top, options_.crop).narrow(2, left, options_.crop);
  return (mirrored ? part.flip({2}) : part).contiguous();
}

std::size_t Dataset::skipped() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return bad_.size();
}

}  // namespace adainstyle
