// SPDX-License-Identifier: MIT
#include "core_library.h"

#include <cstdlib>
#include <string>

#include <dlfcn.h>

#include "adainstyle/error.h"

namespace adainstyle::gst {
namespace {

constexpr char kLibraryName[] = "libadainstyle.so.0";

std::string library_name() {
  const char* named = std::getenv("ADAINSTYLE_CORE_LIBRARY");
  return named != nullptr && *named != '\0' ? named : kLibraryName;
}

std::string linker_message() {
  const char* message = dlerror();
  return message != nullptr ? message : "the dynamic linker gave no reason";
}

}  // namespace

const CoreEntry& open_core_library() {
  const std::string name = library_name();

  // RTLD_NODELETE: LibTorch does not survive being unloaded, and styles and stylizers run code of the library in their destructors.
  // Opening a library that is open costs next to nothing, so nothing is remembered here.
  void* library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    throw Error(ErrorCode::kLibrary, "The style-transfer library " + name + " cannot be loaded: " + linker_message() +
                                         ". Check that adainstyle and LibTorch are both installed.");
  }

  using EntryFunction = decltype(&adainstyle_core_entry);
  const auto entry_function = reinterpret_cast<EntryFunction>(dlsym(library, kCoreEntrySymbol));
  if (entry_function == nullptr) {
    throw Error(ErrorCode::kLibrary, "The library " + name + " is not adainstyle's: " + linker_message() + ".");
  }

  const CoreEntry* entry = entry_function();
  if (entry == nullptr || entry->abi_version != kCoreAbiVersion) {
    const std::string found = entry == nullptr ? "none" : std::to_string(entry->abi_version);
    throw Error(ErrorCode::kLibrary, "The library " + name + " has interface version " + found + ", this plugin needs version " +
                                         std::to_string(kCoreAbiVersion) +
                                         ". Install the plugin and the library from the same release.");
  }
  return *entry;
}

}  // namespace adainstyle::gst
