#!/usr/bin/env python3
"""Who may include whom (CONTRIBUTING.md, "The house").  One line per offence; exit 1."""
import os
import re
import sys

# room -> the rooms whose headers it may include; every room may include itself
WINGS = {
    "lib/base": [],
    "lib/wire": ["lib/base"],
    "lib/conf": ["lib/base"],
    "lib/probing": ["lib/base"],
    "lib/judging": ["lib/base"],
    "lib/core": ["lib/base", "lib/wire", "lib/conf", "lib/probing", "lib/judging"],
    "lib/telling": ["lib/base", "lib/wire", "lib/conf", "lib/judging", "lib/core"],
    "lib/host": ["lib/base", "lib/conf"],
    "daemon": ["lib/base", "lib/wire", "lib/conf", "lib/judging", "lib/core", "lib/telling", "lib/host",
               "daemon/net", "daemon/sinks"],
    "daemon/net": ["daemon", "lib/base", "lib/wire", "lib/conf", "lib/core"],
    "daemon/sinks": ["daemon", "lib/base", "lib/conf", "lib/core", "lib/telling"],
    "ctl": ["lib/base", "lib/conf", "lib/core", "lib/telling", "lib/host"],
}
# Of daemon/ its rooms may know only these.
DAEMON_OPEN = {"daemon/systemd.h", "daemon/loop.h", "daemon/clock.h", "daemon/hub.h"}
# A system header only these files may include.
ONLY = {
    "event2/": ["daemon/loop.c", "daemon/sinks/metrics"],
    "ares": ["lib/wire/probe_dns.c", "daemon/net/resolve.c"],
    "yaml.h": ["lib/conf/yaml_tree.c"],
    "cap-ng.h": ["daemon/priv.c"],
    "sqlite3.h": ["daemon/sinks/history_"],
    "seccomp.h": ["daemon/seccomp.c"],
    "systemd/sd-daemon.h": ["daemon/systemd.h"],
    "sys/socket.h": ["daemon/net/", "daemon/control", "daemon/listen.c", "daemon/seccomp.c",
                     "daemon/sinks/dgram.c", "daemon/sinks/metrics_guests.c", "ctl/conn.c",
                     "ctl/v_doctor.c"],
    "netinet/": ["daemon/net/"],
    "jansson.h": ["lib/telling/", "daemon/control", "daemon/hub.c", "daemon/main.c",
                  "daemon/sinks/", "ctl/"],
}
GENERATED = {"monitor_varlink.h"}  # by daemon/CMakeLists.txt
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')


def room_of(path):
    directory = os.path.dirname(path)
    return directory if directory in WINGS else directory.split("/")[0]


def offences(path):
    room = room_of(path)
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, name = match.groups()
        where = f"{path}:{number}"
        if quote == '"':
            other = room_of(name)
            if name in GENERATED:
                continue
            if not os.path.exists(name) and "/" not in name:
                yield f'{where}: include "{name}" from the root of the tree'
            elif other != room and other not in WINGS.get(room, []):
                yield f"{where}: {room} may not know {other} ({name})"
            elif other == "daemon" and room != "daemon" and name not in DAEMON_OPEN:
                yield f"{where}: {room} may not know {name}"
            continue
        for header, allowed in ONLY.items():
            if name.startswith(header) and not any(path.startswith(a) for a in allowed):
                yield f"{where}: only {', '.join(allowed)} may include <{name}>"


def main():
    os.chdir(sys.argv[1])
    found = []
    for top in ("lib", "daemon", "ctl"):
        for directory, _, files in os.walk(top):
            for name in sorted(files):
                if name.endswith((".c", ".h")):
                    found += offences(os.path.join(directory, name))
    print("\n".join(found) or "every include keeps to its room")
    return 1 if found else 0


sys.exit(main())
