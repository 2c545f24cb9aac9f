#!/usr/bin/env python3
"""Records -> expected incidents.  usage: run.py KPWATCHCTL [SCENARIO...] (none: list)"""
import datetime
import json
import os
import subprocess
import sys
import tempfile

import scenarios
from records import T0


def seconds(text):
    """RFC 3339 -> seconds since the story's start; None stays None."""
    if text is None:
        return None
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return at.timestamp() - T0


def replay(ctl, conf, lines, extra=()):
    with tempfile.TemporaryDirectory() as directory:
        paths = [os.path.join(directory, n) for n in ("conf.yaml", "records.jsonl")]
        for path, text in zip(paths, (conf, "\n".join(lines) + "\n")):
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        return subprocess.run([ctl, "replay", paths[1], "-c", paths[0], "--json", *extra],
                              capture_output=True, text=True, timeout=120)


def incidents(events):
    """The last word on each incident that was not merged into another."""
    last = {}
    for event in events:
        if event["event"]["action"].startswith("incident."):
            last[event["kp"]["incident"]["id"]] = event["kp"]["incident"]
    return [i for i in last.values() if i["merged_into"] is None]


def compare(found, expected):
    """Complaints about found incidents, each expected one being a dict of: class,
    where, and began, ended (seconds; None: open), each met within slack seconds."""
    if len(found) != len(expected):
        yield f"{len(found)} incidents, not {len(expected)}"
    for got, want in zip(found, expected):
        late = want.get("slack", 45)
        for key, value in want.items():
            if key == "slack":
                continue
            have = seconds(got[key]) if key in ("began", "ended", "confirmed") else got[key]
            if isinstance(value, (int, float)):
                if have is None or not value - 0.001 <= have <= value + late:
                    yield f"{key} is {have}, not {value} or a little later"
            elif have != value:
                yield f"{key} is {have!r}, not {value!r}"


def run(ctl, name):
    conf, lines, expected, never = scenarios.ALL[name]()
    done = replay(ctl, conf, lines)
    problems = []
    if done.returncode != 0 or done.stderr:
        problems.append(f"exit {done.returncode}: {done.stderr[:2000]}")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    found = incidents(events)
    problems += compare(found, expected)
    passed = {c["class"] for i in found for c in i["class_history"]}
    problems += [f"passed through {c}" for c in sorted(passed & set(never))]
    for problem in problems:
        print(f"{name}: {problem}")
    if problems:
        for i in found:
            print("  ", {k: (round(seconds(i[k]), 1) if i[k] else None) if k in
                         ("began", "ended", "confirmed") else i[k] for k in
                         ("id", "class", "where", "phase", "confidence", "began", "confirmed", "ended")},
                  [(c["class"], round(seconds(c["at"]), 1)) for c in i["class_history"]])
    return not problems


def main():
    ctl, names = sys.argv[1], sys.argv[2:]
    if not names:
        print("\n".join(scenarios.ALL))
        return 0
    return 0 if all([run(ctl, name) for name in names]) else 1


sys.exit(main())
