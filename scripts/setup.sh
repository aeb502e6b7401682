#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what a build needs: Debian packages, and LibTorch as the PyPI wheel in a virtual environment. Run it as often as you
# like: whatever is already there and whole is left alone.
#
# usage: scripts/setup.sh [--tests]
#
#   --tests   also what the tests and the checks need: clang and its tools, Python's torch with all it imports, numpy, tensorboard,
#             the CUDA compiler
#
# environment
#   ADAINSTYLE_VENV            where the virtual environment lies (default: .venv beside this repository's meson.build)
#   ADAINSTYLE_SKIP_PACKAGES   not empty: take the Debian packages as given (another distribution, or no right to install)
set -eu

# The one list of Debian packages. The first part builds everything and runs the demo, the second is for --tests.
build_packages='
  g++ meson ninja-build pkg-config python3 python3-venv ca-certificates
  libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libgstrtspserver-1.0-dev
  gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
  gstreamer1.0-libav gstreamer1.0-rtsp glib-networking libmicrohttpd-dev
  libgdk-pixbuf-2.0-dev webp-pixbuf-loader nlohmann-json3-dev libcli11-dev libgloo-dev
  libgtest-dev libgmock-dev libbenchmark-dev'
# The headers of gst/cuda, for frames in GPU memory: of use only with a GPU or a CUDA compiler, and for the tests (they draw in 560 MB
# of OpenCV).
cuda_packages='libgstreamer-plugins-bad1.0-dev'
test_packages='clang clang-format clang-tidy libclang-rt-dev libomp-dev git openssl'

# LibTorch: one version for C++ and Python alike. The two CUDA wheels are what libtorch_cpu.so and libc10.so are linked to even
# on a machine without a GPU.
torch_wheel='torch==2.11.0'
cuda_wheels='nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85'
test_wheels='numpy==2.4.6 tensorboard==2.20.0
  nvidia-cuda-nvcc==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-cccl==13.0.85'

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
venv=${ADAINSTYLE_VENV:-$root/.venv}

say() { printf 'setup: %s\n' "$*"; }

fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

list_missing_packages() {
  for package in "$@"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=
    [ "$status" = installed ] || printf '%s ' "$package"
  done
}

# Runs apt-get with the rights it needs.
apt() {
  if [ "$(id -u)" -eq 0 ]; then
    env DEBIAN_FRONTEND=noninteractive apt-get -y "$@"
  else
    sudo env DEBIAN_FRONTEND=noninteractive apt-get -y "$@"
  fi
}

install_packages() {
  if [ -n "${ADAINSTYLE_SKIP_PACKAGES:-}" ]; then
    say "Debian packages: taken as given (ADAINSTYLE_SKIP_PACKAGES)"
    return
  fi
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    # The expansion without quotes joins the list's lines.
    # shellcheck disable=SC2086
    fail "this system has no apt. Install what corresponds to these Debian packages:

$(echo $* | fold -s -w 100 | sed 's/^/  /')

and run this again with ADAINSTYLE_SKIP_PACKAGES=1 in the environment."
  fi
  missing=$(list_missing_packages "$@")
  if [ -z "$missing" ]; then
    say "Debian packages: all $# there"
    return
  fi
  say "Debian packages: installing $missing"
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    fail "installing packages needs root, and there is no sudo. As root: apt-get update && apt-get install $missing"
  fi
  apt update || fail "apt-get update failed. Is there a network, and does /etc/apt name a mirror that answers?"
  # Word splitting makes one argument of each package.
  # shellcheck disable=SC2086
  apt install --no-install-recommends $missing ||
    fail "apt-get install failed; its own message stands above. Wanted: $missing"
}

# Debian's own Python where there is one: python3-venv belongs to it, while the first python3 of PATH may be any.
find_python() {
  for python in /usr/bin/python3 python3; do
    if command -v "$python" >/dev/null &&
       "$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      command -v "$python"
      return
    fi
  done
  fail "no Python 3.10 or newer with the modules venv and ensurepip (Debian: python3-venv)"
}

has_nvidia_driver() {
  [ -e /proc/driver/nvidia/version ] || { command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; }
}

pip_install() {
  "$venv/bin/python" -m pip install --disable-pip-version-check --progress-bar on "$@" ||
    fail "pip could not install $*. Without a network, or behind a proxy that pip does not know (HTTPS_PROXY), this cannot work; a full disk also ends here (about 1.5 GB are needed, 4 GB with a GPU or with --tests). Run it again when that is mended."
}

# Says what state the wheels are in: 0 whole, 1 something is not installed, 2 something is damaged.
check_wheels() { "$venv/bin/python" "$root/scripts/check_wheels.py" "$@"; }

# usage: install_wheels [--no-deps] REQUIREMENT...
install_wheels() {
  state=2
  if "$venv/bin/python" -c '' 2>/dev/null; then
    state=0
    check_wheels "$@" || state=$?
  fi
  if [ "$state" -eq 0 ]; then
    say "Python wheels: all there and whole"
    return
  fi
  if [ "$state" -ne 1 ]; then
    python=$(find_python)
    say "virtual environment: making $venv with $python"
    "$python" -m venv --clear "$venv" || fail "cannot make the virtual environment $venv (Debian: python3-venv)"
  fi
  say "Python wheels: installing $*"
  pip_install "$@"
  check_wheels "$@" || fail "what pip installed is not whole (see above); is the disk full?"
}

if command -v nvcc >/dev/null || [ -x /usr/local/cuda/bin/nvcc ] || has_nvidia_driver; then
  build_packages="$build_packages $cuda_packages"
else
  test_packages="$test_packages $cuda_packages"
fi

with_tests=false
case "$#:${1:-}" in
  0:) ;;
  1:--tests) with_tests=true ;;
  *) fail "usage: scripts/setup.sh [--tests]" ;;
esac

# Word splitting turns each list into arguments.
# shellcheck disable=SC2086
if $with_tests; then
  install_packages $build_packages $test_packages
  install_wheels $torch_wheel $cuda_wheels $test_wheels
elif has_nvidia_driver; then
  install_packages $build_packages
  say "NVIDIA driver found: LibTorch with all of CUDA"
  install_wheels $torch_wheel $cuda_wheels
else
  install_packages $build_packages
  install_wheels --no-deps $torch_wheel $cuda_wheels
fi
say "done"
