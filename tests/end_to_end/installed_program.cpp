// SPDX-License-Identifier: MIT
//
// A program of somebody who has only the installed headers, pkg-config file and library: installed_program STYLE
// Repaints a grey picture and prints the model's path.

#include <cstdint>
#include <cstdio>
#include <vector>

#include <adainstyle/stylizer.h>

int main(int, char** argv) {
  try {
    const auto stylizer = adainstyle::open_stylizer({});
    std::vector<std::uint8_t> pixels(64 * 48 * 3, 128);
    adainstyle::MutableImageView picture;
    picture.width = 64;
    picture.height = 48;
    picture.planes[0] = pixels.data();
    picture.strides[0] = 64 * 3;
    adainstyle::ImageView same;
    same.width = 64;
    same.height = 48;
    same.planes[0] = pixels.data();
    same.strides[0] = 64 * 3;
    stylizer->process(same, picture, {stylizer->load_style(argv[1], 128)});
    std::puts(stylizer->info().model_path.c_str());
    return pixels == std::vector<std::uint8_t>(64 * 48 * 3, 128) ? 1 : 0;
  } catch (const adainstyle::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
