#!/usr/bin/env python3
"""libkp thinks and does no I/O: what its objects ask of the outside must stand in
the list below.  usage: purity.py LIBKP.A SOURCE_DIR"""
import collections
import fnmatch
import os
import re
import subprocess
import sys

PURE = """
mem* bcmp str* *alloc free reallocarray calloc abort qsort bsearch
snprintf vsnprintf __snprintf_chk __vsnprintf_chk __memcpy_chk __memset_chk __memmove_chk
__strcpy_chk __strcat_chk __strncpy_chk __isoc99_sscanf __*_chk
inet_pton inet_ntop
exp log log2 exp2 sqrt pow floor ceil fabs fmin fmax fminf fmaxf fabsf modf ldexp lround* llround* round* frexp
__ctype_b_loc __ctype_tolower_loc __ctype_toupper_loc tolower toupper
__errno_location __stack_chk_fail __assert_fail _GLOBAL_OFFSET_TABLE_
__asan_* __ubsan_* __tsan_* __sanitizer_* __gcov_* __llvm_* __start_* __stop_* _Unwind_Resume
""".split()
ONLY = {  # a library -> the objects that may call it
    "ares_*": ["probe_dns.c.o"],
    "yaml_*": ["yaml_tree.c.o"],
    "json_*": ["telling"],
    "strerrorname_np": ["report*.c.o", "metrics.c.o"],
}


def symbols(archive):
    """(object, symbol) for each undefined symbol, and the set of defined ones."""
    text = subprocess.run(["nm", archive], check=True, capture_output=True, text=True).stdout
    member, undefined, defined = "", [], set()
    for line in text.splitlines():
        if line.endswith(".o:"):
            member = line[:-1]
            continue
        match = re.match(r"^(\S*)\s+([A-Za-z])\s+(\S+)$", line)
        if not match:
            continue
        if match.group(2) in "Uw":
            undefined.append((member, match.group(3)))
        else:
            defined.add(match.group(3))
    return undefined, defined


def allowed(member, name, telling):
    for pattern, members in ONLY.items():
        if fnmatch.fnmatch(name, pattern):
            return any(fnmatch.fnmatch(member, m) or (m == "telling" and member in telling)
                       for m in members)
    return any(fnmatch.fnmatch(name, pattern) for pattern in PURE)


def main():
    archive, source = sys.argv[1:3]
    telling = {f + ".o" for f in os.listdir(os.path.join(source, "lib/telling"))}
    undefined, defined = symbols(archive)
    offences = collections.defaultdict(set)
    for member, name in undefined:
        if name not in defined and not allowed(member, name, telling):
            offences[member].add(name)
    for member in sorted(offences):
        print(f"{member}: {' '.join(sorted(offences[member]))}")
    if not undefined:
        print("no symbols found: is this an archive of objects?")
        return 1
    if not offences:
        print(f"{len(set(n for _, n in undefined) - defined)} outside symbols, all pure")
    return 1 if offences else 0


sys.exit(main())
