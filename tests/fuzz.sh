#!/bin/bash
# SPDX-License-Identifier: MIT
# Fuzzes the model reader under ASan and UBSan. Usage: tests/fuzz.sh [RUNS], 1000000 when left out.
# The corpus grows in fuzz-work/corpus; an input that breaks something is left in fuzz-work/ and the script fails.
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
ninja -C build-fuzz tests/fuzz/fuzz-model tests/fuzz/make-seeds

mkdir -p fuzz-work/corpus fuzz-work/seeds
build-fuzz/tests/fuzz/make-seeds fuzz-work/seeds
# A reader that believes a claim of gigabytes runs into the memory limits.
build-fuzz/tests/fuzz/fuzz-model -runs="$runs" -max_len=16384 -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=256 \
  -dict=tests/fuzz/model.dict -artifact_prefix=fuzz-work/ -print_final_stats=1 fuzz-work/corpus fuzz-work/seeds
echo "$runs runs, nothing found"
