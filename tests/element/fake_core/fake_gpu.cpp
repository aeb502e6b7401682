// SPDX-License-Identifier: MIT
#include "fake_gpu.h"

#include <dlfcn.h>

#include "adainstyle/error.h"
#include "standin_cuda/standin_cuda.h"

namespace adainstyle::fake {
namespace {

// Null where the driver is another one or missing.
const standin::Control* standin_driver() {
  static const standin::Control* control = []() -> const standin::Control* {
    void* driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (driver == nullptr) return nullptr;
    const auto entry = reinterpret_cast<decltype(&adainstyle_standin_cuda_control)>(dlsym(driver, standin::kControlSymbol));
    return entry == nullptr ? nullptr : entry();
  }();
  return control;
}

template <typename Byte>
BasicImageView<Byte> make_reachable(BasicImageView<Byte> picture) {
  if (picture.device.type == DeviceType::kCpu) return picture;
  for (int plane = 0; plane < plane_count(picture.format); ++plane) {
    const PlaneSize plane_bytes = plane_size(picture.format, picture.width, picture.height, plane);
    const std::size_t size = (plane_bytes.rows - 1) * picture.strides[plane] + plane_bytes.row_bytes;
    picture.planes[plane] = standin_driver()->shadow(picture.planes[plane], size);
    if (picture.planes[plane] == nullptr) throw Error(ErrorCode::kLibrary, "a kernel touched memory that it must not");
  }
  return picture;
}

}  // namespace

Device find_fake_device(const std::string& name) {
  const int count = standin_driver() == nullptr ? 0 : standin_driver()->devices();
  if (name == "cpu" || (name == "auto" && count == 0)) return {};
  const int index = name == "auto" || name == "cuda" ? 0 : std::stoi(name.substr(name.find(':') + 1));
  if (index >= count) throw Error(ErrorCode::kDeviceAbsent, "device is " + name + ", which the stand-in does not have");
  return {DeviceType::kCuda, index};
}

ImageView reachable(const ImageView& picture) { return make_reachable(picture); }

MutableImageView reachable(const MutableImageView& picture) { return make_reachable(picture); }

}  // namespace adainstyle::fake
