#!/usr/bin/env python3
"""Sizes we keep to: function body 60 lines, nesting 3, file 500 lines, header 120.
Sources are clang-formatted, so a line of "{" or "}" in column 0 is a function's."""
import os
import re
import sys

BODY, FILE, HEADER, NESTING = 60, 500, 120, 3
# Headers that are one table or one interface description longer than that.
LONG_HEADERS = {"lib/base/vocab.h": 140, "lib/core/view.h": 230, "lib/core/world.h": 240,
                "lib/conf/conf.h": 170,  "daemon/control_priv.h": 140}
CONTROL = re.compile(r"^(\s*)(} else )?(if|for|while|switch|do)\b")


def functions(lines):
    start = None
    for number, line in enumerate(lines, 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start is not None:
            yield start, lines[start:number - 1]
            start = None


def depth(body):
    """The deepest nesting of control statements, by indentation."""
    deepest, stack = 0, []
    for line in body:
        match = CONTROL.match(line)
        if not match:
            continue
        indent = len(match.group(1))
        while stack and stack[-1] >= indent:
            stack.pop()
        stack.append(indent)
        deepest = max(deepest, len(stack))
    return deepest


def check(path, lengths):
    lines = open(path, encoding="utf-8").read().splitlines()
    limit = LONG_HEADERS.get(path, HEADER) if path.endswith(".h") else FILE
    if len(lines) > limit:
        yield f"{path}: {len(lines)} lines, at most {limit}"
    if path.endswith(".h"):
        return
    for start, body in functions(lines):
        lengths.append(len(body))
        if len(body) > BODY:
            yield f"{path}:{start}: a body of {len(body)} lines, at most {BODY}"
        if depth(body) > NESTING:
            yield f"{path}:{start}: nested {depth(body)} deep, at most {NESTING}"


def main():
    os.chdir(sys.argv[1])
    found, lengths = [], []
    for top in ("lib", "daemon", "ctl"):
        for directory, _, files in os.walk(top):
            for name in sorted(files):
                if name.endswith((".c", ".h")):
                    found += check(os.path.join(directory, name), lengths)
    lengths.sort()
    n = len(lengths)
    print("\n".join(found))
    print(f"{n} functions: median {lengths[n // 2]}, 90th percentile {lengths[n * 9 // 10]}, "
          f"longest {lengths[-1]} lines")
    return 1 if found else 0


sys.exit(main())
