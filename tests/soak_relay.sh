#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs rtsp-relay between a camera and a viewer on loopback for a while and prints what a run of weeks depends on: the slope of its
# memory, its threads and open files, the frame rate, the delay, and how soon there is a picture again after the camera was killed.
# Needs the build of the tests (scripts/build.sh).
#
# usage: tests/soak_relay.sh [MINUTES [KILLS [SIZE [RATE]]]]
#
#   MINUTES   how long (default 60); the first five minutes, or the first quarter where that is less, are not counted
#   KILLS     how often the camera is killed and started again, at random moments (default 0)
#   SIZE      of the camera and of the painting (default 640x360)
#   RATE      of the camera, frames a second (default 25)
#
# Exit status: 1 if the relay or its viewer did not live to the end.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
case $# in 0 | 1 | 2 | 3 | 4) ;; *) sed -n '/^# usage/,/^# *$/ s/^# \{0,1\}//p' "$0" >&2; exit 2 ;; esac
exec meson devenv -C "$root/build" --workdir "$root" python3 "$root/tests/soak_relay.py" "$root" "${1:-60}" "${2:-0}" "${3:-640x360}" "${4:-25}"
