#!/bin/sh
# SPDX-License-Identifier: MIT
# Configures and builds. Everything else that needs a build calls this.
#
# usage: scripts/build.sh [--sanitize] [TARGET...]
#
#   --sanitize   the second configuration, build-sanitize/: AddressSanitizer and UndefinedBehaviorSanitizer
#   TARGET       build these only (`demo` is what the demo needs); without targets, everything
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
build=$root/build
set_up() { meson setup "$build" "$root"; }
if [ "${1:-}" = --sanitize ]; then
  shift
  build=$root/build-sanitize
  # Optimised enough to run, with frame pointers for readable stacks. b_lundef would ask every library to link the runtime.
  set_up() {
    meson setup "$build" "$root" --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false -Dtrainer=false \
      -Dcpp_args=-fno-omit-frame-pointer
  }
fi

# LibTorch's headers want about 1.5 GB of memory a compiler.
cores=$(nproc)
gigabytes=$(awk '/MemAvailable/ { print int($2 / 1500000) }' /proc/meminfo)
jobs=$((gigabytes < 1 ? 1 : gigabytes < cores ? gigabytes : cores))

[ -f "$build/build.ninja" ] || set_up
exec ninja -C "$build" -j "$jobs" "$@"
