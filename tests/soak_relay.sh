#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs rtsp-relay between a camera and a viewer on loopback for a while and prints what a run of weeks depends on: the slope of its
# memory, its threads and open files, the frame rate, the delay, and how soon there is a picture again after the camera was killed.
# Needs the build of the tests (scripts/build.sh).
#
# usage: tests/soak_relay.sh [MINUTES [KILLS [SIZE [RATE]]]] [OPTION...]
#
#   MINUTES          how long (default 60); the first five minutes, or the first quarter where that is less, are not counted
#   KILLS            how often the camera is killed and started again, at random moments, every other time once more in the middle of
#                    the handshake that follows (default 0)
#   SIZE             of the camera and of the painting (default 640x360)
#   RATE             of the camera, frames a second (default 25)
#   --come-and-go N  N further viewers join and leave at random
#   --stop-reading   a further viewer stops reading after some seconds
#   --half-open N    for 10 seconds N connections that ask nothing, or half a request, for 10 seconds none, and so on
#   --check          fail if at the end memory has grown by more than 8 MB, or threads or open files by more than 4
#   --samples FILE   every sample, one JSON object a line
#   --seed NUMBER    of the random moments (default 1)
#
# Exit status: 1 if the relay or its viewer did not live to the end, or --check failed.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
case ${1:-} in -h | --help) sed -n '/^# usage/,/^# Exit/ s/^# \{0,1\}//p' "$0"; exit ;; esac
exec meson devenv -C "$root/build" --workdir "$root" python3 "$root/tests/soak_relay.py" "$root" "$root/build" "$@"
