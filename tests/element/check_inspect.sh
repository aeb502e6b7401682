#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: check_inspect.sh GST_INSPECT
# gst-inspect and the plugin scanner must list the element without loading the core library or LibTorch, and where neither exists.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GST_REGISTRY="$work/registry.bin" ADAINSTYLE_CORE_LIBRARY=/nonexistent/libadainstyle.so.0

LD_DEBUG=files LD_DEBUG_OUTPUT="$work/loaded" "$1" adainstyle > "$work/listing"
for wanted in 'Filter/Effect/Video' 'MIT/X11' 'style-image' 'GstAdainStylePrecision'; do
  grep -q "$wanted" "$work/listing" || { echo "gst-inspect does not show $wanted" >&2; exit 1; }
done
grep -hq 'libgstadainstyle.so' "$work"/loaded.* || { echo "the plugin was not loaded: nothing was tested" >&2; exit 1; }
if grep -hE 'libadainstyle\.so|libtorch|libc10' "$work"/loaded.* >&2; then
  exit 1
fi
