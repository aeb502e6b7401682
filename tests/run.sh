#!/bin/sh
# SPDX-License-Identifier: MIT
# Sets up, builds and runs every test. The last line is `N passed, N failed`, with the number of skipped tests where there are any;
# the exit status is 0 only if nothing failed.
#
# usage: tests/run.sh [--sanitize | --sanitize-threads]
#
#   --sanitize           build core and element with AddressSanitizer and UndefinedBehaviorSanitizer (build-sanitize/) and run their
#                        tests
#   --sanitize-threads   build core and element with ThreadSanitizer (build-threads/) and run the element's tests of threads and those
#                        over the fake core
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
build=$root/build
targets=
case "$#:${1:-}" in
  0:) ;;
  1:--sanitize) build=$root/build-sanitize ;;
  1:--sanitize-threads) build=$root/build-threads targets=threads-tests ;;
  *) echo "usage: tests/run.sh [--sanitize | --sanitize-threads]" >&2; exit 2 ;;
esac

"$root/scripts/setup.sh" --tests
# Without it the tests on the real clip are skipped, or fail where CI=true.
"$root/scripts/fetch_clip.sh" >/dev/null || true
# shellcheck disable=SC2086
"$root/scripts/build.sh" "$@" $targets

# Tests run beside each other, one a core: each keeps to one thread of OpenMP, unless it asks for more itself, and waits asleep.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" OMP_WAIT_POLICY=passive

# For the sanitized build; LibTorch itself is not instrumented, and needs nothing suppressed.
export ASAN_OPTIONS="detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:check_initialization_order=1"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
# GLib, GStreamer and LibTorch are not instrumented: what they themselves read and write is not looked at. Nothing is suppressed. libgomp
# is not either, and ThreadSanitizer would not see where its threads meet: the tests paint on one thread.
export TSAN_OPTIONS="ignore_noninstrumented_modules=1:second_deadlock_stack=1"

# Results of an earlier run must not be counted if a program ends before it writes its own.
find "$build" -maxdepth 1 -name '*.xml' -delete
rm -f "$build"/meson-logs/testlog*
meson test -C "$build" --no-rebuild --print-errorlogs ${targets:+element 'element threads'} || true
exec python3 "$root/tests/summary.py" "$build"
