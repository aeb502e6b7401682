#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Adds up the logs of `meson test` and prints the closing line of tests/run.sh.

usage: summary.py BUILD_FOLDER...

A GoogleTest program counts by its cases, every other test as one. A program that crashed, hung or failed without saying which
case did counts as one failure more. Exit status: 0 if something passed and nothing failed.
"""
import collections
import json
import pathlib
import sys
import xml.etree.ElementTree as xml

GOOD = ("OK", "EXPECTEDFAIL")


def case_result(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None or case.get("status") == "notrun" else "passed"


def add_up(build):
    logs = pathlib.Path(build, "meson-logs")
    if not (logs / "testlog.junit.xml").exists():
        return collections.Counter(failed=1), [f"failed: `meson test` wrote no results into {logs}"]
    suites = xml.parse(logs / "testlog.junit.xml").getroot().findall("testsuite")
    counts = collections.Counter()
    troubles = []
    for line in (logs / "testlog.json").read_text().splitlines():
        test = json.loads(line)
        # Meson names the suites of a GoogleTest program PROJECT.TEST.SUITE.
        cases = [case for suite in suites if suite.get("name").split(".", 1)[-1].startswith(test["name"] + ".") for case in suite.iter("testcase")]
        results = collections.Counter(map(case_result, cases))
        if not cases:
            results["skipped" if test["result"] == "SKIP" else "passed" if test["result"] in GOOD else "failed"] += 1
        elif test["result"] not in GOOD and not results["failed"]:
            results["failed"] += 1
        if results["failed"]:
            troubles.append(f"failed: {test['name']} ({test['result']}, {logs / 'testlog.txt'})")
        troubles += [f"skipped: {test['name']} {case.get('classname')}.{case.get('name')}" for case in cases if case_result(case) == "skipped"]
        counts += results
    return counts, troubles


def main(builds):
    counts = collections.Counter()
    for build in builds:
        more, troubles = add_up(build)
        counts += more
        print(*troubles, sep="\n", end="\n" if troubles else "")
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    print(f"{counts['passed']} passed, {counts['failed']} failed{skipped}")
    sys.exit(counts["failed"] > 0 or counts["passed"] == 0)


if __name__ == "__main__":
    main(sys.argv[1:])
