// SPDX-License-Identifier: MIT
#include "adainstyle/core_entry.h"

const adainstyle::CoreEntry* adainstyle_core_entry() {
  static const adainstyle::CoreEntry entry{adainstyle::kCoreAbiVersion, &adainstyle::open_stylizer};
  return &entry;
}
