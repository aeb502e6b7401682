// SPDX-License-Identifier: MIT
#include "support/pictures.h"

#include <gdk-pixbuf/gdk-pixbuf.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace adainstyle::test {
namespace {

void append(Bytes* bytes, const Bytes& more) { bytes->insert(bytes->end(), more.begin(), more.end()); }

void append_big_endian(Bytes* bytes, std::uint32_t value, int count) {
  for (int i = count - 1; i >= 0; --i) bytes->push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

std::uint32_t crc32(const Bytes& bytes) {
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

void append_chunk(Bytes* png, const std::string& type, const Bytes& content) {
  Bytes checked(type.begin(), type.end());
  append(&checked, content);
  append_big_endian(png, static_cast<std::uint32_t>(content.size()), 4);
  append(png, checked);
  append_big_endian(png, crc32(checked), 4);
}

// A zlib stream of stored blocks.
Bytes stored_zlib(const Bytes& content) {
  constexpr std::size_t kLargestBlock = 65535;
  Bytes result = {0x78, 0x01};
  std::size_t done = 0;
  do {
    const std::size_t size = std::min(kLargestBlock, content.size() - done);
    result.push_back(done + size == content.size() ? 1 : 0);
    for (const std::size_t length : {size, ~size}) {
      result.push_back(static_cast<std::uint8_t>(length));
      result.push_back(static_cast<std::uint8_t>(length >> 8));
    }
    result.insert(result.end(), content.begin() + static_cast<std::ptrdiff_t>(done),
                  content.begin() + static_cast<std::ptrdiff_t>(done + size));
    done += size;
  } while (done < content.size());
  std::uint32_t a = 1, b = 0;
  for (const std::uint8_t byte : content) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  append_big_endian(&result, b << 16 | a, 4);
  return result;
}

// Gathers bits, most significant first, and escapes 0xFF as JPEG's entropy-coded data must.
class BitWriter {
 public:
  void put(unsigned bits, int count) {
    for (int i = count - 1; i >= 0; --i) {
      current_ = static_cast<std::uint8_t>(current_ << 1 | ((bits >> i) & 1));
      if (++filled_ == 8) flush();
    }
  }

  Bytes finish() {
    while (filled_ != 0) put(1, 1);
    return bytes_;
  }

 private:
  void flush() {
    bytes_.push_back(current_);
    if (current_ == 0xFF) bytes_.push_back(0);
    filled_ = 0;
  }

  Bytes bytes_;
  std::uint8_t current_ = 0;
  int filled_ = 0;
};

void append_segment(Bytes* jpeg, std::uint8_t marker, const Bytes& content) {
  append(jpeg, {0xFF, marker});
  append_big_endian(jpeg, static_cast<std::uint32_t>(content.size() + 2), 2);
  append(jpeg, content);
}

// The scan of flat blocks: the category of the DC value in four bits, its bits, and one bit for "no AC values".
Bytes flat_scan(const std::vector<int>& component_values) {
  BitWriter bits;
  for (const int value : component_values) {
    const int dc = value - 128;
    int category = 0;
    while (std::abs(dc) >> category != 0) ++category;
    bits.put(static_cast<unsigned>(category), 4);
    bits.put(static_cast<unsigned>(dc < 0 ? dc + (1 << category) - 1 : dc), category);
    bits.put(0, 1);
  }
  return bits.finish();
}

}  // namespace

Bytes make_png(int width, int height, int bit_depth, int colour_type, const Bytes& rows, const Bytes& palette,
               const Bytes& palette_alpha) {
  Bytes png = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  Bytes header;
  append_big_endian(&header, static_cast<std::uint32_t>(width), 4);
  append_big_endian(&header, static_cast<std::uint32_t>(height), 4);
  append(&header, {static_cast<std::uint8_t>(bit_depth), static_cast<std::uint8_t>(colour_type), 0, 0, 0});
  append_chunk(&png, "IHDR", header);
  if (!palette.empty()) append_chunk(&png, "PLTE", palette);
  if (!palette_alpha.empty()) append_chunk(&png, "tRNS", palette_alpha);
  Bytes filtered;
  // A picture that lies about its height may bring fewer bytes than rows.
  const std::size_t row_bytes = std::max<std::size_t>(1, rows.size() / static_cast<std::size_t>(height));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i % row_bytes == 0) filtered.push_back(0);
    filtered.push_back(rows[i]);
  }
  append_chunk(&png, "IDAT", stored_zlib(filtered));
  append_chunk(&png, "IEND", {});
  return png;
}

Bytes make_flat_jpeg(const std::vector<int>& component_values) {
  const auto count = static_cast<std::uint8_t>(component_values.size());
  Bytes jpeg = {0xFF, 0xD8};
  if (count == 4) append_segment(&jpeg, 0xEE, {'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0});
  Bytes quantisation(65, 8);  // a DC step of 8 is one level of a flat block
  quantisation[0] = 0;
  append_segment(&jpeg, 0xDB, quantisation);
  Bytes frame = {8, 0, 8, 0, 8, count};
  for (std::uint8_t i = 1; i <= count; ++i) append(&frame, {i, 0x11, 0});
  append_segment(&jpeg, 0xC0, frame);
  Bytes dc_table = {0x00, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};  // nine codes of four bits: categories 0..8
  for (std::uint8_t category = 0; category < 9; ++category) dc_table.push_back(category);
  append_segment(&jpeg, 0xC4, dc_table);
  append_segment(&jpeg, 0xC4, {0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});  // one code: end of block
  Bytes scan = {count};
  for (std::uint8_t i = 1; i <= count; ++i) append(&scan, {i, 0x00});
  append(&scan, {0, 63, 0});
  append_segment(&jpeg, 0xDA, scan);
  append(&jpeg, flat_scan(component_values));
  append(&jpeg, {0xFF, 0xD9});
  return jpeg;
}

Bytes with_exif_orientation(const Bytes& jpeg, int orientation) {
  Bytes exif = {'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8};
  append(&exif, {0, 1});                                                         // one entry:
  append(&exif, {0x01, 0x12, 0, 3, 0, 0, 0, 1});                                 // orientation, one 16-bit number
  append(&exif, {0, static_cast<std::uint8_t>(orientation), 0, 0, 0, 0, 0, 0});  // its value; no further directory
  Bytes result(jpeg.begin(), jpeg.begin() + 2);
  append_segment(&result, 0xE1, exif);
  result.insert(result.end(), jpeg.begin() + 2, jpeg.end());
  return result;
}

Bytes encode(const std::string& format, int width, int height, const Bytes& rgb) {
  if (rgb.size() != static_cast<std::size_t>(width) * height * 3) throw std::invalid_argument("pixels do not fill the picture");
  const std::unique_ptr<GdkPixbuf, decltype(&g_object_unref)> pixbuf(
      gdk_pixbuf_new_from_data(rgb.data(), GDK_COLORSPACE_RGB, FALSE, 8, width, height, width * 3, nullptr, nullptr),
      g_object_unref);
  gchar* buffer = nullptr;
  gsize size = 0;
  GError* error = nullptr;
  const char* option = format == "jpeg" ? "quality" : nullptr;
  if (!gdk_pixbuf_save_to_buffer(pixbuf.get(), &buffer, &size, format.c_str(), &error, option, "100", nullptr)) {
    g_error_free(error);
    return {};
  }
  Bytes bytes(buffer, buffer + size);
  g_free(buffer);
  return bytes;
}

}  // namespace adainstyle::test
