#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: check_leaks.sh PROGRAM [ARGUMENT...]
# Runs a test program under GStreamer's leaks tracer; fails if the program does or if an object outlived gst_deinit().
set -eu
log=$(mktemp)
trap 'rm -f "$log"' EXIT
unset G_DEBUG  # the tracer's own warning must not end the program before it has told what leaks
GST_TRACERS=leaks GST_DEBUG=GST_TRACER:7 GST_DEBUG_NO_COLOR=1 GST_DEBUG_FILE=$log "$@"
# The tracer announces itself first; a log without that line would prove nothing. Objects carry the location :0::, the two lines
# that declare the formats do not.
if ! grep -q 'object-alive' "$log"; then
  echo "the leaks tracer did not run" >&2
  exit 1
fi
if grep ':0:: object-alive,' "$log" >&2; then
  exit 1
fi
