// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>

#include "adainstyle/stylizer.h"

namespace adainstyle {

// What a program that loads the library at run time (dlopen) gets from it: the GStreamer plugin does, so that listing plugins
// never loads LibTorch. All else goes through Stylizer's virtual methods.
struct CoreEntry {
  std::uint32_t abi_version;  // must equal kCoreAbiVersion
  std::unique_ptr<Stylizer> (*open_stylizer)(const StylizerOptions& options);
  // Where a stylizer with that StylizerOptions::device would compute. Throws Error (kSettings, kDeviceAbsent).
  Device (*find_device)(const std::string& name);
};

// Counts changes of the classes and structures in the public headers.
constexpr std::uint32_t kCoreAbiVersion = 8;
constexpr char kCoreEntrySymbol[] = "adainstyle_core_entry";

}  // namespace adainstyle

extern "C" const adainstyle::CoreEntry* adainstyle_core_entry();
