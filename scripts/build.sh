#!/bin/sh
# SPDX-License-Identifier: MIT
# Configures and builds. Everything else that needs a build calls this.
#
# usage: scripts/build.sh [--sanitize | --sanitize-threads] [TARGET...]
#
#   --sanitize           the second configuration, build-sanitize/: AddressSanitizer and UndefinedBehaviorSanitizer
#   --sanitize-threads   the third, build-threads/: ThreadSanitizer
#   TARGET               build these only (`demo` is what the demo needs); without targets, everything
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
build=$root/build
set_up() { meson setup "$build" "$root"; }
# Optimised enough to run, with frame pointers for readable stacks. b_lundef would ask every library to link the runtime.
set_up_sanitized() {
  meson setup "$build" "$root" --buildtype=debugoptimized "-Db_sanitize=$1" -Db_lundef=false -Dtrainer=false \
    -Dcpp_args=-fno-omit-frame-pointer
}
case ${1:-} in
  --sanitize)
    shift
    build=$root/build-sanitize
    set_up() { set_up_sanitized address,undefined; }
    ;;
  --sanitize-threads)
    shift
    build=$root/build-threads
    set_up() { set_up_sanitized thread; }
    ;;
esac

# LibTorch's headers want about 1.5 GB of memory a compiler.
cores=$(nproc)
gigabytes=$(awk '/MemAvailable/ { print int($2 / 1500000) }' /proc/meminfo)
jobs=$((gigabytes < 1 ? 1 : gigabytes < cores ? gigabytes : cores))

[ -f "$build/build.ninja" ] || set_up
exec ninja -C "$build" -j "$jobs" "$@"
