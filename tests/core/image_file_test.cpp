// SPDX-License-Identifier: MIT
#include "image_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>

#include "support/expect_error.h"
#include "support/pictures.h"
#include "support/shared_files.h"
#include "support/temporary_folder.h"

namespace adainstyle {
namespace {

using test::Bytes;
using test::expect_error;
using test::TemporaryFolder;
using Colour = std::array<int, 3>;

constexpr Colour kWhite = {255, 255, 255};
constexpr Colour kRed = {255, 0, 0};
constexpr Colour kGreen = {0, 255, 0};
constexpr Colour kBlue = {0, 0, 255};

DecodedImage read_bytes_as_image(const Bytes& bytes, int short_side = 0) {
  const TemporaryFolder folder;
  test::write_bytes(folder.path("picture"), bytes);
  return read_image(folder.path("picture"), short_side);
}

Colour pixel(const DecodedImage& image, int x, int y) {
  const std::uint8_t* at = image.rgb.data() + (static_cast<std::size_t>(y) * image.width + x) * 3;
  return {at[0], at[1], at[2]};
}

void expect_near(const Colour& actual, const Colour& expected, int tolerance) {
  for (std::size_t c = 0; c < actual.size(); ++c) EXPECT_NEAR(actual[c], expected[c], tolerance) << "colour " << c;
}

void expect_not_an_image(const Bytes& bytes, std::vector<std::string> parts = {}) {
  const TemporaryFolder folder;
  const std::string path = folder.path("picture");
  test::write_bytes(path, bytes);
  parts.push_back(path);
  expect_error(ErrorCode::kNotAnImage, parts, [&] { read_image(path, 0); });
}

// 32x16: the left half red over green, the right half blue over white.
Bytes quadrants() {
  Bytes rgb;
  for (int y = 0; y < 16; ++y) {
    for (int x = 0; x < 32; ++x) {
      const Colour colour = x < 16 ? (y < 8 ? kRed : kGreen) : (y < 8 ? kBlue : kWhite);
      rgb.insert(rgb.end(), colour.begin(), colour.end());
    }
  }
  return rgb;
}

Bytes noise(int width, int height) {
  Bytes rgb(static_cast<std::size_t>(width) * height * 3);
  std::mt19937 generator(3);
  for (std::uint8_t& value : rgb) value = static_cast<std::uint8_t>(generator());
  return rgb;
}

// The largest size the process's memory ever had, in bytes; counts memory that was asked for and never touched.
std::size_t peak_address_space() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmPeak:", 0) == 0) return std::strtoull(line.c_str() + 7, nullptr, 10) * 1024;
  }
  return 0;
}

TEST(ImageFile, ReadsLosslessFormatsExactly) {
  const Bytes rgb = noise(7, 5);
  for (const std::string format : {"png", "bmp", "tiff"}) {
    SCOPED_TRACE(format);
    const Bytes bytes = test::encode(format, 7, 5, rgb);
    if (bytes.empty()) continue;  // gdk-pixbuf writes PNG everywhere, the others where they were built in
    const DecodedImage image = read_bytes_as_image(bytes);
    EXPECT_EQ(image.width, 7);
    EXPECT_EQ(image.height, 5);
    EXPECT_EQ(image.rgb, rgb);
  }
}

TEST(ImageFile, ViewDescribesThePackedRows) {
  const DecodedImage image = read_bytes_as_image(test::encode("png", 7, 5, noise(7, 5)));
  const ImageView view = image.view();
  EXPECT_EQ(view.format, PixelFormat::kRGB);
  EXPECT_EQ(view.width, 7);
  EXPECT_EQ(view.height, 5);
  EXPECT_EQ(view.planes[0], image.rgb.data());
  EXPECT_EQ(view.strides[0], 21);
  EXPECT_EQ(view.device.type, DeviceType::kCpu);
}

TEST(ImageFile, AppliesEveryExifOrientation) {
  const Bytes jpeg = test::encode("jpeg", 32, 16, quadrants());
  // Top left, top right, bottom left, bottom right, by the EXIF standard's meaning of "row 0 is ..., column 0 is ...".
  const std::vector<std::array<Colour, 4>> expected = {
      {kRed, kBlue, kGreen, kWhite},  // 1: as it is
      {kBlue, kRed, kWhite, kGreen},  // 2: mirrored left to right
      {kWhite, kGreen, kBlue, kRed},  // 3: turned by 180 degrees
      {kGreen, kWhite, kRed, kBlue},  // 4: mirrored top to bottom
      {kRed, kGreen, kBlue, kWhite},  // 5: transposed
      {kGreen, kRed, kWhite, kBlue},  // 6: turned clockwise
      {kWhite, kBlue, kGreen, kRed},  // 7: transposed over the other diagonal
      {kBlue, kWhite, kRed, kGreen},  // 8: turned counter-clockwise
  };
  for (int orientation = 1; orientation <= 8; ++orientation) {
    SCOPED_TRACE(orientation);
    const DecodedImage image = read_bytes_as_image(test::with_exif_orientation(jpeg, orientation));
    const bool sideways = orientation >= 5;
    ASSERT_EQ(image.width, sideways ? 16 : 32);
    ASSERT_EQ(image.height, sideways ? 32 : 16);
    const auto& corners = expected[static_cast<std::size_t>(orientation - 1)];
    expect_near(pixel(image, 1, 1), corners[0], 8);
    expect_near(pixel(image, image.width - 2, 1), corners[1], 8);
    expect_near(pixel(image, 1, image.height - 2), corners[2], 8);
    expect_near(pixel(image, image.width - 2, image.height - 2), corners[3], 8);
  }
}

TEST(ImageFile, OrientationComesBeforeTheShortSide) {
  const Bytes jpeg = test::with_exif_orientation(test::encode("jpeg", 32, 16, quadrants()), 6);
  const DecodedImage image = read_bytes_as_image(jpeg, 8);
  EXPECT_EQ(image.width, 8);
  EXPECT_EQ(image.height, 16);
  expect_near(pixel(image, 1, 1), kGreen, 8);
}

TEST(ImageFile, LaysAlphaOverWhite) {
  const DecodedImage image =
      read_bytes_as_image(test::make_png(4, 1, 8, test::kPngRgba, {255, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 128, 10, 20, 30, 51}));
  EXPECT_EQ(pixel(image, 0, 0), kRed);
  EXPECT_EQ(pixel(image, 1, 0), kWhite);
  expect_near(pixel(image, 2, 0), {127, 127, 127}, 1);
  expect_near(pixel(image, 3, 0), {206, 208, 210}, 1);
}

TEST(ImageFile, TransparentColoursDoNotBleedWhenResized) {
  // Left half opaque blue, right half transparent red: nothing of the red may show.
  Bytes rows;
  for (int i = 0; i < 32 * 32; ++i) {
    const Bytes texel = i % 32 < 16 ? Bytes{0, 0, 255, 255} : Bytes{255, 0, 0, 0};
    rows.insert(rows.end(), texel.begin(), texel.end());
  }
  const DecodedImage image = read_bytes_as_image(test::make_png(32, 32, 8, test::kPngRgba, rows), 9);
  for (int x = 0; x < image.width; ++x) {
    const Colour colour = pixel(image, x, 4);
    EXPECT_LE(std::abs(colour[0] - colour[1]), 3) << "red shows at " << x;
  }
}

TEST(ImageFile, ReadsEveryKindOfPng) {
  const DecodedImage deep = read_bytes_as_image(test::make_png(1, 1, 16, test::kPngRgb, {0x80, 0x12, 0xFF, 0xFF, 0x00, 0x00}));
  EXPECT_EQ(pixel(deep, 0, 0), (Colour{0x80, 0xFF, 0}));
  const DecodedImage grey = read_bytes_as_image(test::make_png(2, 1, 8, test::kPngGrey, {0, 77}));
  EXPECT_EQ(pixel(grey, 1, 0), (Colour{77, 77, 77}));
  const DecodedImage bits = read_bytes_as_image(test::make_png(8, 1, 1, test::kPngGrey, {0b01010011}));
  EXPECT_EQ(pixel(bits, 0, 0), (Colour{0, 0, 0}));
  EXPECT_EQ(pixel(bits, 1, 0), kWhite);
  const DecodedImage deep_grey = read_bytes_as_image(test::make_png(1, 1, 16, test::kPngGrey, {0x4D, 0x00}));
  EXPECT_EQ(pixel(deep_grey, 0, 0), (Colour{0x4D, 0x4D, 0x4D}));
  const DecodedImage grey_alpha = read_bytes_as_image(test::make_png(2, 1, 8, test::kPngGreyAlpha, {0, 255, 0, 0}));
  EXPECT_EQ(pixel(grey_alpha, 0, 0), (Colour{0, 0, 0}));
  EXPECT_EQ(pixel(grey_alpha, 1, 0), kWhite);
  const DecodedImage palette = read_bytes_as_image(
      test::make_png(3, 1, 8, test::kPngPalette, {1, 0, 2}, {10, 20, 30, 40, 50, 60, 70, 80, 90}, {255, 255, 0}));
  EXPECT_EQ(pixel(palette, 0, 0), (Colour{40, 50, 60}));
  EXPECT_EQ(pixel(palette, 1, 0), (Colour{10, 20, 30}));
  EXPECT_EQ(pixel(palette, 2, 0), kWhite);
}

TEST(ImageFile, ReadsGreyColourAndCmykJpeg) {
  expect_near(pixel(read_bytes_as_image(test::make_flat_jpeg({100})), 3, 3), {100, 100, 100}, 1);
  expect_near(pixel(read_bytes_as_image(test::make_flat_jpeg({76, 85, 255})), 3, 3), kRed, 2);
  // Adobe's CMYK is inverted: 255 is no ink. Magenta and yellow ink make red.
  expect_near(pixel(read_bytes_as_image(test::make_flat_jpeg({255, 0, 0, 255})), 3, 3), kRed, 2);
  expect_near(pixel(read_bytes_as_image(test::make_flat_jpeg({255, 255, 255, 0})), 3, 3), {0, 0, 0}, 2);
}

TEST(ImageFile, ReadsWebp) {
  const Bytes webp = test::encode("webp", 32, 16, quadrants());
  if (webp.empty()) GTEST_SKIP() << "gdk-pixbuf has no WebP loader that writes";
  const DecodedImage image = read_bytes_as_image(webp);
  ASSERT_EQ(image.width, 32);
  ASSERT_EQ(image.height, 16);
  expect_near(pixel(image, 4, 3), kRed, 24);
  expect_near(pixel(image, 28, 13), kWhite, 24);
}

TEST(ImageFile, ResizesToTheShortSide) {
  const auto size_at = [](int width, int height, int short_side) {
    const DecodedImage image = read_bytes_as_image(test::encode("png", width, height, noise(width, height)), short_side);
    EXPECT_EQ(image.rgb.size(), static_cast<std::size_t>(image.width) * image.height * 3);
    return std::pair(image.width, image.height);
  };
  EXPECT_EQ(size_at(64, 48, 0), std::pair(64, 48));
  EXPECT_EQ(size_at(64, 48, 48), std::pair(64, 48));
  EXPECT_EQ(size_at(64, 48, 24), std::pair(32, 24));
  EXPECT_EQ(size_at(48, 64, 24), std::pair(24, 32));
  EXPECT_EQ(size_at(64, 48, 96), std::pair(128, 96));
  EXPECT_EQ(size_at(50, 33, 20), std::pair(30, 20));
  EXPECT_EQ(size_at(33, 33, 16), std::pair(16, 16));
  EXPECT_EQ(size_at(1, 1, 16), std::pair(16, 16));
  // Longer than sixteen times its height: squeezed, or one row of pixels would make a picture of any size.
  EXPECT_EQ(size_at(1000, 1, 20), std::pair(320, 20));
  EXPECT_EQ(size_at(1, 1000, 20), std::pair(20, 320));
}

TEST(ImageFile, ShrinkingAveragesInsteadOfSkipping) {
  // A fine checkerboard becomes grey; taking single pixels would leave it black and white.
  Bytes rgb;
  for (int i = 0; i < 64 * 64; ++i) rgb.insert(rgb.end(), 3, (i % 64 + i / 64) % 2 == 0 ? 255 : 0);
  const DecodedImage image = read_bytes_as_image(test::encode("png", 64, 64, rgb), 16);
  for (const std::uint8_t value : image.rgb) ASSERT_NEAR(value, 127, 10);
}

TEST(ImageFile, RefusesSizesThatCannotWork) {
  const TemporaryFolder folder;
  test::write_bytes(folder.path("picture"), test::encode("png", 16, 4, noise(16, 4)));
  expect_error(ErrorCode::kSettings, {"-1"}, [&] { read_image(folder.path("picture"), -1); });
  expect_error(ErrorCode::kSettings, {"smaller size"}, [&] { read_image(folder.path("picture"), 100000); });
  expect_error(ErrorCode::kSettings, {"smaller size"},
               [&] { read_image(folder.path("picture"), std::numeric_limits<int>::max()); });
}

TEST(ImageFile, TellsWhyAFileCannotBeRead) {
  const TemporaryFolder folder;
  expect_error(ErrorCode::kNotFound, {folder.path("absent.png")}, [&] { read_image(folder.path("absent.png"), 512); });
  expect_error(ErrorCode::kNotFound, {}, [&] { read_image("", 512); });
  expect_error(ErrorCode::kUnreadable, {folder.path(), "folder"}, [&] { read_image(folder.path(), 512); });
  expect_error(ErrorCode::kUnreadable, {"/dev/zero"}, [&] { read_image("/dev/zero", 512); });
}

TEST(ImageFile, RefusesWhatIsNoPicture) {
  expect_not_an_image({}, {"empty"});
  expect_not_an_image({0}, {});
  expect_not_an_image(Bytes(1000, 0xFF), {});
  const std::string text = "Just some words, and a few more of them so that every signature can be ruled out.";
  expect_not_an_image(Bytes(text.begin(), text.end()), {});
}

TEST(ImageFile, RefusesPicturesThatAreCutOff) {
  const Bytes rgb = noise(100, 60);
  for (const std::string format : {"png", "jpeg", "webp"}) {
    SCOPED_TRACE(format);
    const Bytes whole = test::encode(format, 100, 60, rgb);
    if (whole.empty()) continue;
    EXPECT_NO_THROW(read_bytes_as_image(whole));
    for (const double share : {0.005, 0.02, 0.3, 0.5, 0.9, 0.99, 0.999}) {
      SCOPED_TRACE(share);
      const auto kept = static_cast<std::ptrdiff_t>(share * static_cast<double>(whole.size()));
      expect_not_an_image(Bytes(whole.begin(), whole.begin() + kept));
    }
    expect_not_an_image(Bytes(whole.begin(), whole.end() - 1));
  }
}

TEST(ImageFile, BytesAfterThePictureDoNoHarm) {
  for (const std::string format : {"png", "jpeg"}) {
    SCOPED_TRACE(format);
    Bytes bytes = test::encode(format, 20, 20, noise(20, 20));
    bytes.insert(bytes.end(), 1000, 0xAB);
    EXPECT_EQ(read_bytes_as_image(bytes).width, 20);
  }
}

TEST(ImageFile, RefusesDamagedPngs) {
  Bytes bytes = test::encode("png", 100, 60, noise(100, 60));
  bytes[bytes.size() / 2] ^= 0x55;
  expect_not_an_image(bytes);
}

TEST(ImageFile, RefusesHugePicturesBeforeTheyAreDecoded) {
  Bytes jpeg = test::make_flat_jpeg({100, 128, 128});
  const Bytes frame_marker = {0xFF, 0xC0};
  const auto frame = std::search(jpeg.begin(), jpeg.end(), frame_marker.begin(), frame_marker.end());
  ASSERT_NE(frame, jpeg.end());
  std::fill_n(frame + 5, 4, std::uint8_t{0xF0});  // height and width: 61680
  Bytes bmp = test::encode("bmp", 4, 4, noise(4, 4));
  if (!bmp.empty()) {
    for (const std::size_t position : {18u, 22u}) {  // width and height: 40000
      bmp[position] = 0x40;
      bmp[position + 1] = 0x9C;
    }
  }
  Bytes webp = test::encode("webp", 64, 64, noise(64, 64));
  const Bytes vp8_start = {0x9D, 0x01, 0x2A};
  const auto key_frame = std::search(webp.begin(), webp.end(), vp8_start.begin(), vp8_start.end());
  if (key_frame != webp.end()) {
    for (const std::ptrdiff_t position : {3, 5}) {  // width and height: 16383, WebP's largest
      *(key_frame + position) = 0xFF;
      *(key_frame + position + 1) = 0x3F;
    }
  }
  const std::size_t before = peak_address_space();
  ASSERT_GT(before, 0u);
  expect_not_an_image(test::make_png(40000, 40000, 8, test::kPngRgb, Bytes(40000)), {"40000x40000", "100000000"});
  expect_not_an_image(test::make_png(2147483647, 2147483647, 8, test::kPngRgb, {1}));
  expect_not_an_image(jpeg, {"61680x61680", "100000000"});
  if (!bmp.empty()) expect_not_an_image(bmp, {"40000x40000", "100000000"});
  EXPECT_LT(peak_address_space() - before, 100u << 20) << "memory was taken for a picture that is refused";
  // The WebP loader reserves memory before it heeds the refusal, and never touches it.
  if (key_frame != webp.end()) expect_not_an_image(webp, {"16383x16383", "100000000"});
}

TEST(ImageFile, WritesPngsThatReadBackExactly) {
  const TemporaryFolder folder;
  DecodedImage image;
  image.width = 9;
  image.height = 4;
  image.rgb = noise(9, 4);
  write_png(folder.path("picture.png"), image);
  EXPECT_THAT(folder.entries(), testing::ElementsAre("picture.png"));
  const DecodedImage again = read_image(folder.path("picture.png"), 0);
  EXPECT_EQ(again.width, 9);
  EXPECT_EQ(again.height, 4);
  EXPECT_EQ(again.rgb, image.rgb);
  expect_error(ErrorCode::kUnwritable, {"absent"}, [&] { write_png(folder.path("absent/picture.png"), image); });
  image.rgb.pop_back();
  expect_error(ErrorCode::kUnwritable, {"bytes"}, [&] { write_png(folder.path("picture.png"), image); });
  EXPECT_THROW(write_png(folder.path("empty.png"), DecodedImage()), Error);
}

TEST(ImageFile, ReadsThePicturesOfTheValidationSet) {
  ADAINSTYLE_NEEDS_SHARED("data/val/style");
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::shared_path("data/val/style"))) {
    const DecodedImage image = read_image(entry.path().string(), 256);
    EXPECT_EQ(std::min(image.width, image.height), 256) << entry.path();
    ++count;
  }
  EXPECT_GT(count, 0);
}

}  // namespace
}  // namespace adainstyle
