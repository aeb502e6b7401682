// SPDX-License-Identifier: MIT
#include "adainstyle/core_entry.h"

#include "engine/devices.h"

const adainstyle::CoreEntry* adainstyle_core_entry() {
  static const adainstyle::CoreEntry entry{adainstyle::kCoreAbiVersion, &adainstyle::open_stylizer, &adainstyle::find_device};
  return &entry;
}
