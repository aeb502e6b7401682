// SPDX-License-Identifier: MIT
// What only a GPU can show; tests/gpu.sh runs it. Without one every test is skipped and says why.
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <ATen/ops/full.h>
#include <dlfcn.h>
#include <unistd.h>

#include "adainstyle/stylizer.h"
#include "engine/devices.h"
#include "gpu/copies.h"
#include "gpu/picture.h"

namespace adainstyle::test {
namespace {

class GpuDeviceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    try {
      find_device("cuda");
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
    gpu_ = open_stylizer(options("cuda", Precision::kAuto));
    parameters_.style = gpu_->encode_style(Picture(PixelFormat::kRGB, 256, 256, 5).view());
  }

  static StylizerOptions options(const char* device, Precision precision) {
    StylizerOptions options;
    options.device = device;
    options.precision = precision;
    return options;
  }

  // Bytes of the GPU's memory that are free. LibTorch has made the device's context current on this thread.
  static std::size_t free_memory() {
    void* driver = dlopen("libcuda.so.1", RTLD_NOW);
    const auto get_info = reinterpret_cast<int (*)(std::size_t*, std::size_t*)>(dlsym(driver, "cuMemGetInfo_v2"));
    std::size_t free = 0, total = 0;
    EXPECT_EQ(get_info(&free, &total), 0);
    return free;
  }

  static std::size_t resident_memory() {
    std::ifstream file("/proc/self/statm");
    std::size_t pages = 0, resident = 0;
    file >> pages >> resident;
    return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  }

  const at::Device device_{at::kCUDA, 0};
  std::unique_ptr<Stylizer> gpu_;
  FrameParameters parameters_;
};

TEST_F(GpuDeviceTest, PaintsEveryFormatAndSizeAsTheCpuDoes) {
  const auto cpu = open_stylizer(options("cpu", Precision::kFp32));
  FrameParameters on_cpu;
  on_cpu.style = cpu->encode_style(Picture(PixelFormat::kRGB, 256, 256, 5).view());
  for (const PixelFormat format : kAllFormats) {
    for (const auto& [width, height] : {std::pair{16, 16}, std::pair{33, 21}, std::pair{161, 90}, std::pair{641, 359}}) {
      SCOPED_TRACE(std::to_string(static_cast<int>(format)) + " " + std::to_string(width) + "x" + std::to_string(height));
      const Picture input(format, width, height, 1);
      Picture expected(format, width, height, 2);
      cpu->process(input.view(), expected.mutable_view(), on_cpu);

      Picture from_system = Picture(format, width, height, 3);
      gpu_->process(input.view(), from_system.mutable_view(), parameters_);
      EXPECT_LE(from_system.distance(expected), sixteen_bit_bound(width));

      const Picture there = input.on(device_);
      Picture from_gpu = Picture(format, width, height, 4).on(device_);
      gpu_->process(there.view(), from_gpu.mutable_view(), parameters_);
      EXPECT_EQ(from_gpu.distance(from_system), 0) << "the same pixels, whichever memory they came from";
    }
  }
}

// LibTorch has cuDNN add what lies in a convolution's output, times 0, before it is written. Not a number times 0 is not 0: whatever is
// in memory that another program or picture had must not matter.
TEST_F(GpuDeviceTest, PaintsOverMemoryThatIsNotANumber) {
  const auto cpu = open_stylizer(options("cpu", Precision::kFp32));
  FrameParameters on_cpu;
  on_cpu.style = cpu->encode_style(Picture(PixelFormat::kRGB, 256, 256, 5).view());
  const Picture input(PixelFormat::kRGB, 322, 182, 1);
  Picture expected(PixelFormat::kRGB, 322, 182, 2);
  cpu->process(input.view(), expected.mutable_view(), on_cpu);
  // Recording empties LibTorch's cache, so that the graph's memory comes out of this.
  at::full({std::int64_t{1} << 30}, std::numeric_limits<float>::quiet_NaN(), at::TensorOptions(device_).dtype(at::kHalf));
  for (int frame = 0; frame < 3; ++frame) {
    Picture output(PixelFormat::kRGB, 322, 182, 3);
    gpu_->process(input.view(), output.mutable_view(), parameters_);
    EXPECT_LE(output.distance(expected), sixteen_bit_bound(322)) << "frame " << frame;
  }
  EXPECT_EQ(gpu_->info().notice, "") << "and frames are recorded";
}

// Several stylizers tune, record, replay, and load styles at once, with more engines than LibTorch's pool has streams, and each goes from
// one thread to another.
TEST_F(GpuDeviceTest, SeveralAtATimePaintWhatOneDoes) {
  const std::vector<std::pair<int, int>> sizes = {{64, 48}, {161, 90}, {320, 180}};
  std::vector<Picture> inputs, expected;
  for (const auto& [width, height] : sizes) {
    inputs.emplace_back(PixelFormat::kRGB, width, height, 1);
    expected.emplace_back(PixelFormat::kRGB, width, height, 2);
    gpu_->process(inputs.back().view(), expected.back().mutable_view(), parameters_);
  }
  const auto paint = [&](Stylizer& stylizer, unsigned seed) {
    for (std::size_t i = 0; i < 6 * sizes.size(); ++i) {
      FrameParameters parameters;
      parameters.style = stylizer.encode_style(Picture(PixelFormat::kRGB, 256, 256, 5).view());
      const auto [width, height] = sizes[i % sizes.size()];
      for (int frame = 0; frame < 3; ++frame) {
        Picture output(PixelFormat::kRGB, width, height, seed);
        stylizer.process(inputs[i % sizes.size()].view(), output.mutable_view(), parameters);
        EXPECT_LE(output.distance(expected[i % sizes.size()]), 2) << width << "x" << height << ", frame " << frame;
      }
      EXPECT_EQ(stylizer.info().notice, "");
    }
  };
  std::vector<std::unique_ptr<Stylizer>> stylizers;
  for (int i = 0; i < 3; ++i) stylizers.push_back(open_stylizer(options("cuda", Precision::kAuto)));
  for (int round = 0; round < 2; ++round) {
    std::vector<std::thread> threads;
    for (const auto& stylizer : stylizers)
      threads.emplace_back([&, round] { paint(*stylizer, 10u + static_cast<unsigned>(round)); });
    for (std::thread& thread : threads) thread.join();
  }
}

TEST_F(GpuDeviceTest, FramesOnTheGpuStayThere) {
  const Picture input = Picture(PixelFormat::kRGBA, 1280, 720, 1).on(device_);
  Picture output = Picture(PixelFormat::kRGBA, 1280, 720, 2).on(device_);
  const std::uint64_t at_first = copied_bytes();
  Picture(PixelFormat::kRGBA, 64, 64, 3).on(device_);
  ASSERT_GT(copied_bytes(), at_first) << "copies are not counted: LibTorch calls another CUDA runtime";
  for (int warm_up = 0; warm_up < 5; ++warm_up) gpu_->process(input.view(), output.mutable_view(), parameters_);
  const std::uint64_t before = copied_bytes();
  constexpr int kFrames = 20;
  for (int frame = 0; frame < kFrames; ++frame) gpu_->process(input.view(), output.mutable_view(), parameters_);
  EXPECT_EQ(copied_bytes(), before) << "over " << kFrames << " frames with nothing new but their pixels";
}

TEST_F(GpuDeviceTest, MemoryStaysFlat) {
  const char* wanted = std::getenv("ADAINSTYLE_GPU_FRAMES");
  const int frames = wanted != nullptr ? std::atoi(wanted) : 1000;
  const Picture input = Picture(PixelFormat::kRGBA, 640, 360, 1).on(device_);
  Picture output = Picture(PixelFormat::kRGBA, 640, 360, 2).on(device_);
  for (int warm_up = 0; warm_up < 50; ++warm_up) gpu_->process(input.view(), output.mutable_view(), parameters_);
  const std::size_t free_before = free_memory();
  const std::size_t resident_before = resident_memory();
  for (int frame = 0; frame < frames; ++frame) gpu_->process(input.view(), output.mutable_view(), parameters_);
  constexpr std::size_t kSlack = 8 * 1024 * 1024;
  EXPECT_GE(free_memory() + kSlack, free_before) << "after " << frames << " frames";
  EXPECT_LE(resident_memory(), resident_before + kSlack) << "after " << frames << " frames";
}

TEST_F(GpuDeviceTest, RefusesAPictureOfAnotherDevice) {
  const Picture input = Picture(PixelFormat::kRGBA, 64, 64, 1);
  Picture output = Picture(PixelFormat::kRGBA, 64, 64, 2).on(device_);
  EXPECT_THROW(gpu_->process(input.view(), output.mutable_view(), parameters_), Error);
}

}  // namespace
}  // namespace adainstyle::test
