#!/bin/sh
# SPDX-License-Identifier: MIT
# Compiles every CUDA file for each GPU architecture that the project supports, and throws the result away: a check for machines
# without the CUDA toolkit, where the build leaves these files out. The compiler is the nvcc of the wheels that
# `scripts/setup.sh --tests` installs. Needs no GPU.
#
# usage: scripts/check_cuda.sh
set -eu

cd "$(dirname -- "$0")/.."
cuda=$("${ADAINSTYLE_VENV:-.venv}/bin/python" -c 'import nvidia.cu13 as cuda; print(list(cuda.__path__)[0])')
object=$(mktemp)
trap 'rm -f "$object"' EXIT
for file in $(git ls-files '*.cu'); do
  for architecture in 80 86 89 90 100; do
    echo "$file for sm_$architecture"
    "$cuda/bin/nvcc" -std=c++17 -Icore/include -Icore/src -I"$cuda/include" -arch="sm_$architecture" -Xcompiler=-fPIC,-Wall,-Wextra \
      -c "$file" -o "$object"
  done
done
