// SPDX-License-Identifier: MIT
// Which device is found, with a driver that counts a GPU (tests/standin_cuda) and that LibTorch cannot use, as one that is too old.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>

#include "adainstyle/error.h"
#include "adainstyle/stylizer.h"
#include "engine/devices.h"

namespace adainstyle {
namespace {

using testing::HasSubstr;

// First of all: what it shows is settled once in a process. fp16: what few CPUs have convolutions for besides LibTorch's own.
TEST(Devices, AConvolutionOnTheCpuLeavesLibTorchItsCudaHalf) {
  void* cuda_half = dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  ASSERT_EQ(cuda_half, nullptr) << "loaded before anybody asked for it";
  StylizerOptions options;
  options.device = "cpu";
  options.precision = Precision::kFp16;
  const std::vector<std::uint8_t> pixels(32 * 32 * 3, 90);
  ImageView picture;
  picture.width = picture.height = 32;
  picture.planes[0] = pixels.data();
  picture.strides[0] = 32 * 3;
  open_stylizer(options)->encode_style(picture);
  cuda_half = dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_LOCAL);
  if (cuda_half == nullptr) GTEST_SKIP() << dlerror();
  EXPECT_TRUE(at::detail::getCUDAHooks().compiledWithCuDNN());
}

TEST(Devices, AutoIsTheCpuWhereLibTorchCannotUseTheDriver) {
  EXPECT_EQ(find_device("auto").type, DeviceType::kCpu);
  try {
    find_device("cuda");
    FAIL() << "a GPU that LibTorch cannot use";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kDeviceAbsent);
    EXPECT_THAT(error.what(), HasSubstr("no GPU can be used"));
  }
}

}  // namespace
}  // namespace adainstyle
