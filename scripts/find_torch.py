#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints the folder of the LibTorch that meson builds against.

usage: find_torch.py SOURCE_ROOT

Looks at $ADAINSTYLE_VENV, then SOURCE_ROOT/.venv (what scripts/setup.sh makes), then the Python that runs this.
"""
import glob
import os
import sys
import sysconfig


def candidates(source_root):
    for venv in filter(None, (os.environ.get("ADAINSTYLE_VENV"), os.path.join(source_root, ".venv"))):
        yield from sorted(glob.glob(os.path.join(venv, "lib", "python3*", "site-packages", "torch")))
    yield os.path.join(sysconfig.get_paths()["platlib"], "torch")


for folder in candidates(sys.argv[1]):
    if os.path.exists(os.path.join(folder, "lib", "libtorch_cpu.so")):
        print(os.path.realpath(folder))
        sys.exit(0)
sys.exit("no LibTorch found: run scripts/setup.sh, or give its folder with -Dtorch=DIR")
