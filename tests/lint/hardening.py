#!/usr/bin/env python3
"""Every file is compiled with the flags that guard it, and the programs show it.
usage: hardening.py BUILD_DIR PROGRAM…"""
import json
import os
import shutil
import subprocess
import sys

FLAGS = set("""-Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wvla -Wformat=2
-Wnull-dereference -Werror -fstack-protector-strong -fstack-clash-protection""".split())
SKIP = 77


def wrong_flags(build):
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        commands = json.load(f)
    for entry in commands:
        given = entry["command"].split()
        wanted = set(FLAGS)
        # Fortify needs optimisation, and a sanitizer would not see what it replaces.
        if "-O0" not in given and any(g.startswith("-O") for g in given) and not any(
                g.startswith("-fsanitize=") for g in given):
            wanted.add("-D_FORTIFY_SOURCE=3")
        missing = wanted - set(given)
        if missing:
            yield f"{entry['file']}: compiled without {' '.join(sorted(missing))}"
        if not {"-fPIE", "-fPIC"} & set(given):
            yield f"{entry['file']}: compiled without -fPIE"
    if not commands:
        yield "nothing was compiled"


def wrong_program(program):
    text = subprocess.run(["readelf", "-hldW", program], check=True, capture_output=True,
                          text=True).stdout
    lines = text.splitlines()
    stack = [line for line in lines if "GNU_STACK" in line]
    facts = {
        "no position independent executable": any("PIE" in line and "FLAGS_1" in line
                                                  for line in lines),
        "no read-only relocations": "GNU_RELRO" in text,
        "symbols bound late": "BIND_NOW" in text,
        "executable stack": len(stack) == 1 and " RW " in stack[0],
        "a search path of its own": "RPATH" not in text and "RUNPATH" not in text,
    }
    return [f"{program}: {what}" for what, good in facts.items() if not good]


def main():
    if not shutil.which("readelf"):
        print("no readelf (binutils)")
        sys.exit(SKIP)
    faults = list(wrong_flags(sys.argv[1]))
    for program in sys.argv[2:]:
        faults += wrong_program(program)
    print("\n".join(faults) or f"{len(sys.argv) - 2} programs guarded")
    sys.exit(1 if faults else 0)


main()
