#!/bin/bash
# SPDX-License-Identifier: MIT
# Everything that needs an NVIDIA GPU, in one command: builds, compares pictures with the CPU's in every format and at odd sizes,
# counts copies, runs ten thousand frames with flat memory, looks for faults with compute-sanitizer where it is installed, sends
# frames through GStreamer in GPU memory, and measures. The report is build/gpu-report.md.
#
# usage: tests/gpu.sh
#
# environment
#   ADAINSTYLE_GPU_FRAMES   frames for the memory test (default: 10000)
#
# Exit status: 77 where there is no GPU.
set -euo pipefail
cd "$(dirname -- "$0")/.."

if ! command -v nvidia-smi >/dev/null || ! nvidia-smi -L >/dev/null 2>&1; then
  echo "tests/gpu.sh: no NVIDIA GPU: nvidia-smi finds no device, nothing was run" >&2
  exit 77
fi
if ! command -v nvcc >/dev/null && [ ! -x /usr/local/cuda/bin/nvcc ]; then
  echo "tests/gpu.sh: no nvcc: install the CUDA toolkit (12.8 or newer for sm_100), or put it into PATH" >&2
  exit 1
fi

step() { printf '\n=== %s (%d s)\n' "$*" "$SECONDS"; }

step "build"
scripts/setup.sh --tests
PATH=$PATH:/usr/local/cuda/bin
if [ -f build/build.ninja ]; then
  meson configure build -Dcuda=enabled -Dgst_cuda=enabled
else
  meson setup build -Dcuda=enabled -Dgst_cuda=enabled
fi
scripts/build.sh

export ADAINSTYLE_GPU_FRAMES="${ADAINSTYLE_GPU_FRAMES:-10000}" ADAINSTYLE_MODEL_DIR=$PWD/models
step "parity, copies, $ADAINSTYLE_GPU_FRAMES frames"
for tests in gpu-tests gpu-trainer-tests; do
  build/tests/gpu/$tests --gtest_output="xml:build/$tests.xml"
  # A skipped test here means that LibTorch or one of our CUDA libraries does not load, whatever nvidia-smi says.
  if grep -q '<skipped' "build/$tests.xml"; then
    echo "tests/gpu.sh: tests were skipped although nvidia-smi finds a GPU; see above" >&2
    exit 1
  fi
done

step "compute-sanitizer"
if command -v compute-sanitizer >/dev/null; then
  # Only what kernels do: LibTorch asks the runtime for things that an older driver does not have, and copes.
  compute-sanitizer --error-exitcode 1 --report-api-errors no build/tests/gpu/gpu-tests --gtest_filter='*EveryFormat*'
  sanitizer=clean
else
  sanitizer="not installed, not run"
fi
echo "compute-sanitizer: $sanitizer"

step "GStreamer: frames in GPU memory"
line='videotestsrc num-buffers=300 ! video/x-raw,format=RGBA,width=1280,height=720 ! cudaupload ! video/x-raw(memory:CUDAMemory)'
# shellcheck disable=SC2086  # words of the pipeline
GST_PLUGIN_PATH=$PWD/build/gst-plugin gst-launch-1.0 $line ! adainstyle device=cuda style-image=styles/stained_glass.jpg ! \
  'video/x-raw(memory:CUDAMemory)' ! fakesink sync=false

step "measure"
{
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
  echo "commit $(git rev-parse --short HEAD), $(nvcc --version | tail -1), compute-sanitizer $sanitizer"
  build/tests/benchmarks/gpu-benchmark
  if .venv/bin/python -c 'import tensorrt' 2>/dev/null; then
    .venv/bin/python tests/benchmarks/tensorrt_speed.py models/adain-small.safetensors
  else
    echo "TensorRT: its Python package is not in .venv, not compared"
  fi
} | tee build/gpu-report.md
