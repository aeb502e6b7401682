#!/bin/sh
# SPDX-License-Identifier: MIT
# Repaints a video. Sets up and builds what is missing first.
#
# usage: pipelines/demo.sh                         a street clip in three styles, and a contact sheet, into demo-output/
#        pipelines/demo.sh VIDEO STYLE OUTPUT.mp4  your own video in the style of your own picture, its sound kept
#
# Ctrl-C ends early and leaves a playable file.
set -eu

styles='stained_glass woodcut swirls'

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
build=$root/build

case $# in
  0 | 3) ;;
  *)
    sed -n '/^# usage/,/^# *$/ s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac

# Wrong names are found before anything is installed or built; stylize-file looks more closely.
if [ $# -eq 3 ]; then
  for file in "$1" "$2"; do
    [ -f "$file" ] || { echo "demo.sh: $file: there is no such file." >&2; exit 1; }
  done
fi

"$root/scripts/setup.sh"
echo "Building (a few minutes the first time)"
"$root/scripts/build.sh" demo
# devenv leaves the working folder alone, so that relative names in the arguments keep their meaning.
run() { meson devenv -C "$build" --workdir "$PWD" "$@"; }

if [ $# -eq 3 ]; then
  echo "Repainting $1 in the style of $2"
  run "$build/pipelines/stylize-file" "$@"
  exit
fi

clip=$("$root/scripts/fetch_clip.sh")
output=$root/demo-output
rates=
set -- "$output/contact-sheet.png" "$clip"
for style in $styles; do
  picture=$root/styles/$style.jpg
  echo "Repainting $clip in the style of $picture"
  line=$(run "$build/pipelines/stylize-file" "$clip" "$picture" "$output/bikes-$style.mp4")
  rates="$rates$line
"
  set -- "$@" "$picture" "$output/bikes-$style.mp4"
done
run "$build/pipelines/contact-sheet" "$@"

echo
echo "Done:"
printf '%s' "$rates"
echo "$output/contact-sheet.png: frame, style and result, a row for each style"
