// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>

#include <dlfcn.h>

#include "fake_core/fake_core.h"
#include "fixture.h"

namespace adainstyle::test {

// Tests of the element over the fake core, whose instructions fake_core.h lists.
class FakeCoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* path = std::getenv("ADAINSTYLE_FAKE_CORE");
    ASSERT_NE(path, nullptr) << "run this through meson test";
    use_core(path);
    void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library, nullptr) << dlerror();
    const auto entry = reinterpret_cast<decltype(&adainstyle_fake_core_control)>(dlsym(library, fake::kControlSymbol));
    ASSERT_NE(entry, nullptr) << dlerror();
    fake_ = entry();
    fake_->reset();
  }

  // An element with a style, ready to play.
  static void set_style(Player& player, const char* style) { g_object_set(player.element(), "style-image", style, nullptr); }

  const fake::Control* fake_ = nullptr;
  const GstVideoInfo info_ = video_info(GST_VIDEO_FORMAT_RGB, 32, 20);
};

}  // namespace adainstyle::test
