#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs clang-tidy (.clang-tidy) over the sources that do not include LibTorch: those that do take a minute each.
#
# usage: scripts/tidy.sh [--all]
#
#   --all   the others and the tests too
#
# Needs a configured build/ (scripts/build.sh).
set -eu

cd "$(dirname -- "$0")/.."
case "$#:${1:-}" in
  0:) skip='/torch/|/tests/' ;;
  1:--all) skip='^$' ;;
  *) echo "usage: scripts/tidy.sh [--all]" >&2; exit 2 ;;
esac
python3 - "$skip" <<'PYTHON' | xargs -0 -n 1 -P "$(nproc)" clang-tidy -p build --quiet
import json, re, sys
entries = json.load(open("build/compile_commands.json"))
chosen = {entry["file"] for entry in entries if entry["file"].endswith(".cpp") and not re.search(sys.argv[1], entry["command"] + entry["file"])}
print("\0".join(sorted(name.removeprefix("../") for name in chosen)), end="")
PYTHON
