#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that wheels are installed in this Python's environment, file by file.

usage: check_wheels.py [--no-deps] NAME==VERSION...

Exit status: 0 whole; 1 something is not installed, or in another version; 2 files are damaged or LibTorch cannot be loaded.
A line on standard error says which.
"""
import ctypes
import importlib.metadata as metadata
import os
import sys

from pip._vendor.packaging.requirements import Requirement

NOT_INSTALLED = 1
DAMAGED = 2


def finish(status, fault):
    print(f"check_wheels: {fault}", file=sys.stderr)
    sys.exit(status)


def with_dependencies(requirements):
    """The requirements and all that they need in turn, each name and set of extras once."""
    seen = set()
    queue = list(requirements)
    while queue:
        requirement = queue.pop()
        yield requirement
        try:
            needs = metadata.requires(requirement.name) or []
        except metadata.PackageNotFoundError:
            continue
        for need in map(Requirement, needs):
            extras = requirement.extras or {""}
            if need.marker and not any(need.marker.evaluate({"extra": extra}) for extra in extras):
                continue
            if str(need) not in seen:
                seen.add(str(need))
                queue.append(need)


def check_installed(requirement):
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        finish(NOT_INSTALLED, f"{requirement.name} is not installed")
    # torch reports a local version (2.11.0+cu130), which a plain == matches.
    if not requirement.specifier.contains(version, prereleases=True):
        finish(NOT_INSTALLED, f"{requirement.name} is installed in version {version}, wanted {requirement.specifier}")


def check_files(distribution):
    """Compares every file's size with the wheel's own list; a copy cut off by a full disk or by Ctrl-C shows here."""
    name = distribution.metadata["Name"]
    if distribution.read_text("RECORD") is None:
        finish(DAMAGED, f"{name} was installed in part only")
    for file in distribution.files:
        path = distribution.locate_file(file)
        # Any Python may write compiled files anew.
        if file.size is None or file.suffix == ".pyc":
            continue
        try:
            size = os.stat(path).st_size
        except OSError as error:
            finish(DAMAGED, f"{name}: {error}")
        if size != file.size:
            finish(DAMAGED, f"{name}: {path} has {size} bytes, wanted {file.size}")


def check_torch_loads():
    library = metadata.distribution("torch").locate_file("torch/lib/libtorch_cpu.so")
    try:
        ctypes.CDLL(str(library))
    except OSError as error:
        finish(DAMAGED, f"LibTorch cannot be loaded: {error}")


def main(arguments):
    no_deps = arguments[:1] == ["--no-deps"]
    requirements = [Requirement(argument) for argument in arguments[no_deps:]]
    for distribution in metadata.distributions():
        if distribution.metadata["Name"] is None:
            finish(DAMAGED, f"{distribution._path} holds no metadata")
        if distribution.metadata["Name"].lower() not in ("pip", "setuptools"):
            check_files(distribution)
    for requirement in requirements if no_deps else with_dependencies(requirements):
        check_installed(requirement)
    check_torch_loads()


if __name__ == "__main__":
    main(sys.argv[1:])
