// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "adainstyle/image.h"

namespace adainstyle::fake {

// As the core's find_device does, with the GPUs of the stand-in driver.
Device find_fake_device(const std::string& name);

// The picture where the CPU can reach it: as it is, or the bytes behind the stand-in's device memory. Throws Error (kLibrary) where a
// kernel would fault.
ImageView reachable(const ImageView& picture);
MutableImageView reachable(const MutableImageView& picture);

}  // namespace adainstyle::fake
