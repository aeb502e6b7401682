#!/bin/bash
# SPDX-License-Identifier: MIT
# Fuzzes the readers of model files and of pickles under ASan and UBSan. Usage: tests/fuzz.sh [RUNS], 1000000 of each when left out.
# The corpora grow in fuzz-work/; an input that breaks something is left in fuzz-work/ and the script fails.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${1:-1000000}
if ! [[ $runs =~ ^[1-9][0-9]*$ ]]; then
  echo "usage: tests/fuzz.sh [RUNS]" >&2
  exit 2
fi
for tool in clang++ meson ninja; do
  if ! command -v "$tool" >/dev/null; then
    echo "tests/fuzz.sh needs $tool; on Debian or Ubuntu: apt-get install clang meson ninja-build" >&2
    exit 1
  fi
done

if [ ! -f build-fuzz/build.ninja ]; then
  CC=clang CXX=clang++ meson setup build-fuzz --buildtype=debugoptimized -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false
fi
ninja -C build-fuzz tests/fuzz/fuzz-model tests/fuzz/fuzz-pickle tests/fuzz/make-seeds

mkdir -p fuzz-work/seeds
build-fuzz/tests/fuzz/make-seeds fuzz-work/seeds
for target in model pickle; do
  mkdir -p "fuzz-work/$target"
  # A reader that believes a claim of gigabytes runs into the memory limits.
  "build-fuzz/tests/fuzz/fuzz-$target" -runs="$runs" -max_len=16384 -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=256 \
    -dict="tests/fuzz/$target.dict" -artifact_prefix=fuzz-work/ -print_final_stats=1 "fuzz-work/$target" "fuzz-work/seeds/$target"
done
echo "$runs runs of each, nothing found"
