// SPDX-License-Identifier: MIT

// A library that can be loaded and is not adainstyle's.
extern "C" int adainstyle_not_a_core() { return 0; }
