#!/usr/bin/env python3
"""Counts the results in meson's test logs and prints "N passed, N failed, N skipped".

A test that speaks TAP counts as its test points, any other test as one. A test whose process failed
without a failing point (a crash, a time-out) counts as one more failure. What failed is said last, so
that the end of a long output is enough to know why.
"""

import argparse
import json
import os
import re
import subprocess
import sys

PASSED = ("OK", "EXPECTEDFAIL")
SKIPPED = ("SKIP",)
POINT = re.compile(r"^(not )?ok\b(.*)$")
SKIP = re.compile(r"#\s*skip", re.IGNORECASE)
KERNEL_TROUBLE = re.compile(r"WARNING: |BUG: |Oops|general protection fault|KASAN|hung_task")
KERNEL_TIME = re.compile(r"^\[\s*(\d+\.\d+)\] (.*)$")

STDERR_LINES = 15
POINT_LINES = 12  # of what a failing point says


def points_of(test):
    """Return [passed, failed, skipped] of one test."""
    points = [0, 0, 0]
    for line in test.get("stdout", "").splitlines():
        match = POINT.match(line)
        if not match:
            continue
        if match.group(1):
            points[1] += 1
        elif SKIP.search(match.group(2)):
            points[2] += 1
        else:
            points[0] += 1
    result = test["result"]
    if result in PASSED or result in SKIPPED:
        if not any(points):
            points[0 if result in PASSED else 2] = 1
    elif not points[1]:
        points[1] = 1
    return points


def build_of(log):
    """Return the build directory of BUILD/meson-logs/testlog.json."""
    return os.path.basename(os.path.dirname(os.path.dirname(os.path.abspath(log))))


def failing_points(stdout):
    """Return the `not ok` lines, each with the comment lines below it."""
    said = []
    room = 0
    for line in stdout:
        if line.startswith("not ok"):
            room = POINT_LINES
        elif not line.startswith("#"):
            room = 0
        if room:
            said.append(line)
            room -= 1
    return said


def print_failure(build, test):
    """Say what failed and why: the failing points, or where a test that has none had come to."""
    code = test.get("returncode")
    print(f"failed in {build}: {test['name']} ({test['result']}, exit status {code})")
    stdout = test.get("stdout", "").splitlines()
    for line in failing_points(stdout) or stdout[-POINT_LINES:]:
        print(f"    {line}")
    for line in test.get("stderr", "").splitlines()[-STDERR_LINES:]:
        print(f"    stderr: {line}")


def kernel_trouble(since):
    """Return the kernel's own warnings since that many seconds after boot."""
    try:
        log = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    lines = []
    for line in log.splitlines():
        match = KERNEL_TIME.match(line)
        if match and float(match.group(1)) >= since and KERNEL_TROUBLE.search(match.group(2)):
            lines.append(line)
    return lines


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernel-log-since", type=float, metavar="SECONDS")
    parser.add_argument("logs", nargs="+")
    arguments = parser.parse_args()

    total = [0, 0, 0]
    failed = []
    for log in arguments.logs:
        try:
            with open(log, encoding="utf-8") as lines:
                tests = [json.loads(line) for line in lines]
        except FileNotFoundError:
            print(f"{log}: no test ran")
            total[1] += 1
            continue
        for test in tests:
            points = points_of(test)
            total = [sum(pair) for pair in zip(total, points)]
            if points[1]:
                failed.append((build_of(log), test))
            elif points[2]:
                print(f"skipped in {build_of(log)}: {test['name']} ({points[2]})")
    if arguments.kernel_log_since is not None:
        trouble = kernel_trouble(arguments.kernel_log_since)
        for line in trouble:
            print(f"failed: the kernel complained during the tests: {line}")
        total[1] += 1 if trouble else 0
    for build, test in failed:
        print_failure(build, test)
    print("{} passed, {} failed, {} skipped".format(*total))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())
