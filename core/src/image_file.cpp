// SPDX-License-Identifier: MIT
#include "image_file.h"

#include <gdk-pixbuf/gdk-pixbuf.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "adainstyle/error.h"
#include "file_io.h"
#include "image_container.h"

namespace adainstyle {
namespace {

constexpr std::size_t kMaxImageFileBytes = std::size_t{512} << 20;
constexpr std::size_t kChunkBytes = 64 << 10;  // fed to the decoder at once
constexpr int kMaxAspect = 16;                 // long side / short side of a resized picture
constexpr int kChannels = 3;

struct ObjectDeleter {
  void operator()(gpointer object) const { g_object_unref(object); }
};
using PixbufPtr = std::unique_ptr<GdkPixbuf, ObjectDeleter>;
using LoaderPtr = std::unique_ptr<GdkPixbufLoader, ObjectDeleter>;

// Takes the message out of a GError and frees it.
std::string take_message(GError* error) {
  const std::unique_ptr<GError, decltype(&g_error_free)> owned(error, g_error_free);
  return owned ? owned->message : "unknown error";
}

[[noreturn]] void not_an_image(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::kNotAnImage,
              path + ": expected a picture (JPEG, PNG, WebP or another that gdk-pixbuf reads): " + why + ".");
}

PixbufPtr checked(GdkPixbuf* pixbuf, const std::string& path) {
  if (pixbuf == nullptr) throw Error(ErrorCode::kOutOfMemory, path + ": memory ran out while the picture was decoded.");
  return PixbufPtr(pixbuf);
}

std::int64_t pixel_count(int width, int height) { return static_cast<std::int64_t>(width) * height; }

// What the file's header declares.
struct DeclaredSize {
  int width = 0;
  int height = 0;
  bool refused = false;
};

// Called when the decoder has read the header and allocated nothing yet. Asking for a size of 0x0 is gdk-pixbuf's way of telling a
// decoder to stop there.
void on_size_prepared(GdkPixbufLoader* loader, gint width, gint height, gpointer user_data) {
  auto* declared = static_cast<DeclaredSize*>(user_data);
  declared->width = width;
  declared->height = height;
  declared->refused = pixel_count(width, height) > kMaxImagePixels;
  if (declared->refused) gdk_pixbuf_loader_set_size(loader, 0, 0);
}

// Feeds the file to the decoder. Returns what the decoder had to say against it; empty: nothing.
std::string feed(GdkPixbufLoader* loader, const std::vector<std::uint8_t>& bytes, const DeclaredSize& declared) {
  GError* error = nullptr;
  std::string complaint;
  for (std::size_t done = 0; done < bytes.size() && complaint.empty() && !declared.refused;) {
    const std::size_t chunk = std::min(kChunkBytes, bytes.size() - done);
    if (!gdk_pixbuf_loader_write(loader, bytes.data() + done, chunk, &error)) complaint = take_message(error);
    done += chunk;
  }
  // A loader must be closed in any case; after a complaint, another one tells nothing new.
  error = nullptr;
  if (!gdk_pixbuf_loader_close(loader, &error)) {
    const std::string last = take_message(error);
    if (complaint.empty()) complaint = last;
  }
  return complaint;
}

PixbufPtr decode(const std::string& path) {
  const std::vector<std::uint8_t> bytes = read_file(path, kMaxImageFileBytes);
  if (bytes.empty()) not_an_image(path, "the file is empty");
  const LoaderPtr loader(gdk_pixbuf_loader_new());
  DeclaredSize declared;
  g_signal_connect(loader.get(), "size-prepared", G_CALLBACK(on_size_prepared), &declared);
  const std::string complaint = feed(loader.get(), bytes, declared);
  if (declared.refused) {
    not_an_image(path, "it has " + std::to_string(declared.width) + "x" + std::to_string(declared.height) +
                           " pixels, more than the " + std::to_string(kMaxImagePixels) + " that are read");
  }
  if (!complaint.empty()) not_an_image(path, complaint);
  GdkPixbuf* pixbuf = gdk_pixbuf_loader_get_pixbuf(loader.get());
  if (pixbuf == nullptr || is_cut_off(bytes)) not_an_image(path, "the file is cut off");
  return checked(gdk_pixbuf_apply_embedded_orientation(pixbuf), path);
}

PixbufPtr resize(PixbufPtr pixbuf, int short_side, const std::string& path) {
  const int width = gdk_pixbuf_get_width(pixbuf.get());
  const int height = gdk_pixbuf_get_height(pixbuf.get());
  const double aspect = std::min<double>(static_cast<double>(std::max(width, height)) / std::min(width, height), kMaxAspect);
  const double long_side = std::round(short_side * aspect);
  if (long_side * short_side > static_cast<double>(kMaxImagePixels)) {
    throw Error(ErrorCode::kSettings, path + ": resized to a short side of " + std::to_string(short_side) +
                                          " pixels it would have more than " + std::to_string(kMaxImagePixels) +
                                          " pixels; choose a smaller size.");
  }
  const int wanted_width = width > height ? static_cast<int>(long_side) : short_side;
  const int wanted_height = width > height ? short_side : static_cast<int>(long_side);
  if (wanted_width == width && wanted_height == height) return pixbuf;
  return checked(gdk_pixbuf_scale_simple(pixbuf.get(), wanted_width, wanted_height, GDK_INTERP_BILINEAR), path);
}

// colour * alpha + white * (1 - alpha), rounded.
std::uint8_t over_white(std::uint8_t colour, std::uint8_t alpha) {
  return static_cast<std::uint8_t>((colour * alpha + 255 * (255 - alpha) + 127) / 255);
}

DecodedImage copy_over_white(GdkPixbuf* pixbuf) {
  DecodedImage image;
  image.width = gdk_pixbuf_get_width(pixbuf);
  image.height = gdk_pixbuf_get_height(pixbuf);
  image.rgb.resize(static_cast<std::size_t>(pixel_count(image.width, image.height)) * kChannels);
  const bool has_alpha = gdk_pixbuf_get_has_alpha(pixbuf) != FALSE;
  const int source_channels = gdk_pixbuf_get_n_channels(pixbuf);
  const std::uint8_t* row = gdk_pixbuf_read_pixels(pixbuf);
  std::uint8_t* target = image.rgb.data();
  for (int y = 0; y < image.height; ++y, row += gdk_pixbuf_get_rowstride(pixbuf)) {
    for (int x = 0; x < image.width; ++x, target += kChannels) {
      const std::uint8_t* source = row + static_cast<std::ptrdiff_t>(x) * source_channels;
      for (int c = 0; c < kChannels; ++c) target[c] = has_alpha ? over_white(source[c], source[3]) : source[c];
    }
  }
  return image;
}

}  // namespace

ImageView DecodedImage::view() const {
  ImageView view;
  view.format = PixelFormat::kRGB;
  view.width = width;
  view.height = height;
  view.planes[0] = rgb.data();
  view.strides[0] = static_cast<std::ptrdiff_t>(width) * kChannels;
  return view;
}

DecodedImage read_image(const std::string& path, int short_side) {
  if (short_side < 0) {
    throw Error(ErrorCode::kSettings,
                path + ": expected a short side of 0 or more pixels, found " + std::to_string(short_side) + ".");
  }
  PixbufPtr pixbuf = decode(path);
  if (short_side > 0) pixbuf = resize(std::move(pixbuf), short_side, path);
  return copy_over_white(pixbuf.get());
}

void write_png(const std::string& path, const DecodedImage& image) {
  const std::size_t expected = static_cast<std::size_t>(pixel_count(image.width, image.height)) * kChannels;
  if (image.width <= 0 || image.height <= 0 || image.rgb.size() != expected) {
    throw Error(ErrorCode::kUnwritable, path + ": expected a picture whose bytes fill its size.");
  }
  const PixbufPtr pixbuf(gdk_pixbuf_new_from_data(image.rgb.data(), GDK_COLORSPACE_RGB, FALSE, 8, image.width, image.height,
                                                  image.width * kChannels, nullptr, nullptr));
  gchar* buffer = nullptr;
  gsize size = 0;
  GError* error = nullptr;
  if (!gdk_pixbuf_save_to_buffer(pixbuf.get(), &buffer, &size, "png", &error, nullptr)) {
    throw Error(ErrorCode::kUnwritable, path + ": cannot be encoded as PNG: " + take_message(error) + ".");
  }
  const std::unique_ptr<gchar, decltype(&g_free)> owned(buffer, g_free);
  write_file_atomically(path, std::vector<std::uint8_t>(buffer, buffer + size));
}

}  // namespace adainstyle
