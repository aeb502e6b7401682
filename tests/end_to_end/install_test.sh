#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: install_test.sh BUILD_FOLDER
# Installs into a folder of its own, then uses what lies there as a user would: gst-inspect, a pipeline, and a C++ program built
# with the installed headers and pkg-config file. Nothing of the build or source tree is on any search path.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
build=$1
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

meson install -C "$build" --no-rebuild --quiet --destdir "$stage" >"$stage/log" 2>&1 || { cat "$stage/log" >&2; exit 1; }

need() {
  file=$(find "$stage" -path "*$1" | head -n 1)
  [ -n "$file" ] || { echo "not installed: $1" >&2; exit 1; }
  echo "$file"
}
plugin=$(need '/gstreamer-1.0/libgstadainstyle.so')
library=$(need '/libadainstyle.so.0')
header=$(need '/include/adainstyle/stylizer.h')
pkgconfig=$(need '/pkgconfig/adainstyle.pc')
model=$(need '/share/adainstyle/models/adain-small.safetensors')
style=$(need '/share/adainstyle/styles/stained_glass.jpg')

# The plugin is where this GStreamer looks, so that no variable is needed after a real installation.
plugins_dir=$(pkg-config --variable=pluginsdir gstreamer-1.0)
[ "$plugin" = "$stage$plugins_dir/libgstadainstyle.so" ] || { echo "the plugin lies in $plugin, GStreamer looks in $plugins_dir" >&2; exit 1; }

unset GST_PLUGIN_SYSTEM_PATH GST_PLUGIN_SYSTEM_PATH_1_0 GST_PLUGIN_PATH_1_0 ADAINSTYLE_CORE_LIBRARY
export GST_PLUGIN_PATH="$stage$plugins_dir" GST_REGISTRY="$stage/registry.bin"
gst-inspect-1.0 adainstyle >"$stage/inspect" 2>&1 || { cat "$stage/inspect" >&2; exit 1; }
grep -q "$stage" "$stage/inspect" || { echo "gst-inspect shows another copy of the element" >&2; exit 1; }

# What the prefix would make known to the linker and to the library, the staging folder has to say.
library_dir=$(dirname "$library")
LD_LIBRARY_PATH=$library_dir
ADAINSTYLE_MODEL_DIR=$(dirname "$model")
export LD_LIBRARY_PATH ADAINSTYLE_MODEL_DIR
gst-launch-1.0 -q videotestsrc num-buffers=2 ! video/x-raw,format=RGB,width=64,height=48 ! \
  adainstyle style-image="$style" style-size=128 ! fakesink

include_dir=$(dirname "$(dirname "$header")")
PKG_CONFIG_PATH=$(dirname "$pkgconfig") pkg-config --print-errors --exists adainstyle
c++ -std=c++17 -I"$include_dir" "$here/installed_program.cpp" -L"$library_dir" \
  $(PKG_CONFIG_PATH=$(dirname "$pkgconfig") pkg-config --libs-only-l adainstyle) -o "$stage/program"
[ "$("$stage/program" "$style")" = "$ADAINSTYLE_MODEL_DIR/adain-small.safetensors" ] ||
  { echo "the program does not use the installed model" >&2; exit 1; }
