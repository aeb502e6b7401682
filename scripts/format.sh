#!/bin/sh
# SPDX-License-Identifier: MIT
# Formats the repository's C++ and CUDA files with clang-format.
#
# usage: scripts/format.sh [--check]
#
#   --check   change nothing; fail if a file is not formatted
set -eu

cd "$(dirname -- "$0")/.."
case "$#:${1:-}" in
  0:) set -- -i ;;
  1:--check) set -- --dry-run -Werror ;;
  *) echo "usage: scripts/format.sh [--check]" >&2; exit 2 ;;
esac
git ls-files -z '*.cpp' '*.h' '*.cu' '*.cuh' | xargs -0 clang-format "$@"
