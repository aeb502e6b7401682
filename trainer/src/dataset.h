// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "random.h"
#include "tensor_cache.h"

namespace adainstyle {

// Every file below `folder` with a picture's extension, sorted by path. Throws Error(kNotFound) where the folder is not there or
// holds none.
std::vector<std::string> find_pictures(const std::string& folder);

// A picture file as uint8 [3, H, W]. short_side > 0: resized to that short side, bicubic with antialiasing (what PIL's
// Image.resize does, with which the project's reference figures were made). Throws as read_image does.
at::Tensor load_pixels(const std::string& path, int short_side);

struct CropOptions {
  int resize = 256;           // short side of the resized picture, pixels
  int crop = 192;             // side of the square crop, pixels
  int crops_per_picture = 2;  // fixed crops of each picture, every second mirrored; 0: a new random one each time
};

// One crop of one picture. Equal crops have equal keys.
struct CropChoice {
  std::size_t picture = 0;
  std::uint64_t variant = 0;  // number of the fixed crop, or random bits

  std::uint64_t key(Purpose purpose) const { return mix({static_cast<std::uint64_t>(purpose), picture, variant}); }
};

// A folder of pictures from which training crops are taken: which crop the n-th sample is, and its pixels. Thread-safe.
class Dataset {
 public:
  // `order` and `crop` label the random choices; decoded pictures are kept in `cache`, which must outlive the data set.
  Dataset(const std::string& folder, const CropOptions& options, std::uint64_t seed, Purpose order, Purpose crop,
          TensorCache* cache);

  std::size_t size() const { return paths_.size(); }

  // Sample number n (from 0) of the whole training: each epoch goes once through all pictures in an order of its own.
  CropChoice choose(std::uint64_t n);

  // uint8 [3, crop, crop]. A file that cannot be decoded is named once on standard error and the next one stands in for it.
  // Throws Error(kNotAnImage) if none can be decoded.
  at::Tensor crop(const CropChoice& choice);

  // How many files could not be decoded so far.
  std::size_t skipped() const;

 private:
  at::Tensor picture(std::size_t index);

  std::vector<std::string> paths_;
  CropOptions options_;
  std::uint64_t seed_;
  Purpose order_purpose_, crop_purpose_;
  TensorCache* cache_;

  mutable std::mutex mutex_;
  std::uint64_t epoch_ = ~0ull;  // which epoch order_ is of
  std::vector<std::uint32_t> order_;
  std::set<std::size_t> bad_;  // pictures that could not be decoded
};

}  // namespace adainstyle
