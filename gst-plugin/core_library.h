// SPDX-License-Identifier: MIT
#pragma once

#include "adainstyle/core_entry.h"

namespace adainstyle::gst {

// Opens libadainstyle and returns its entry, which stays valid for the life of the process. The plugin does not link the library:
// the plugin scanner and gst-inspect load every plugin, and neither should wait for LibTorch, nor fail where it is missing.
//
// $ADAINSTYLE_CORE_LIBRARY names the library to open; otherwise libadainstyle.so.0 is looked for along the plugin's run path and
// then where the dynamic linker looks. Throws Error (kLibrary) with the dynamic linker's own words.
const CoreEntry& open_core_library();

}  // namespace adainstyle::gst
