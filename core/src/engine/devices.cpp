// SPDX-License-Identifier: MIT
#include "engine/devices.h"

#include <ATen/Context.h>
#include <c10/util/Exception.h>

#include <cstring>

#include "engine/cuda_library.h"
#include "engine/gpu_model.h"

namespace adainstyle {
namespace {

bool cpu_has_amx() {
  unsigned eax = 7;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
  return (edx >> 22 & 1) && (edx >> 24 & 1);  // AMX-BF16, AMX-TILE
}

}  // namespace

Device find_device(const std::string& name) {
  if (name == "cpu") return {};
  if (name == "auto") return cuda_device_count() > 0 ? Device{DeviceType::kCuda, 0} : Device{};
  int index = 0;
  if (name != "cuda") {
    std::size_t used = 0;
    try {
      if (name.rfind("cuda:", 0) == 0) index = std::stoi(name.substr(5), &used);
    } catch (const std::exception&) {
      used = 0;
    }
    if (used == 0 || used != name.size() - 5 || index < 0) {
      throw Error(ErrorCode::kSettings, "device is \"" + name + "\"; it must be auto, cpu, cuda or cuda:N.");
    }
  }
  const int count = cuda_device_count();
  if (index >= count) {
    throw Error(ErrorCode::kDeviceAbsent, "device is \"" + name + "\", but " +
                                              (count ? "only " + std::to_string(count) + " GPU(s) are here, counted from 0"
                                                     : "no GPU can be used: " + cuda_absence_reason()) +
                                              "; use device=auto or device=cpu.");
  }
  return {DeviceType::kCuda, index};
}

std::string device_name(const Device& device) {
  return device.type == DeviceType::kCpu ? "cpu" : "cuda:" + std::to_string(device.index);
}

Precision fastest_precision(const Device& device) {
  if (device.type == DeviceType::kCuda) return Precision::kFp16;
  return __builtin_cpu_supports("avx512bf16") || cpu_has_amx() ? Precision::kBf16 : Precision::kFp32;
}

// AMX multiplies bf16 several times faster than AVX512-BF16, and LibTorch's convolutions use it.
std::shared_ptr<const PreparedModel> prepare(const Model& model, const Device& device, Precision precision) {
  if (device.type == DeviceType::kCuda) {
    const at::Device gpu(at::kCUDA, static_cast<at::DeviceIndex>(device.index));
    return std::make_shared<const GpuModel>(model, gpu, precision,
                                            [index = device.index](at::ScalarType type) { return make_cuda_queue(index, type); });
  }
  if (precision == Precision::kBf16 && !cpu_has_amx()) {
    if (avx512_engine_supports(lower(model, true))) return prepare_avx512(model);
  }
  return prepare_torch(model, precision);
}

std::string plain_message(const std::exception& error) {
  const auto* torch = dynamic_cast<const c10::Error*>(&error);
  return torch ? torch->what_without_backtrace() : error.what();
}

bool is_out_of_memory(const std::exception& error) {
  return dynamic_cast<const c10::OutOfMemoryError*>(&error) || std::strstr(error.what(), "can't allocate memory") ||
         std::strstr(error.what(), "out of memory");
}

}  // namespace adainstyle
