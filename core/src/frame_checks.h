// SPDX-License-Identifier: MIT
#pragma once

#include "adainstyle/image.h"
#include "adainstyle/stylizer.h"

namespace adainstyle {

constexpr int kMinimumSide = 16;  // pixels, of any picture that is encoded or painted

// Throws Error where a picture is too small or has no memory. what: how the message calls it.
void check_picture(const ImageView& picture, const char* what);

// Throws Error where a frame, its output or the parameters are not what Stylizer::process asks for. computes: where the stylizer does.
void check_frame(const ImageView& input, const MutableImageView& output, const FrameParameters& parameters, const Device& computes);

}  // namespace adainstyle
