#!/usr/bin/env python3
"""What a simulated run said live, replay must say again from its records, to the
microsecond: with all it learned (from the start), and from the middle of the run.
usage: same.py KPSIM KPWATCHCTL SCENARIO.sim..."""
import json
import os
import subprocess
import sys
import tempfile

# Not judged but resolved: records hold what became of it.
NOT_JUDGED = {"probe.result", "dns.mismatch"}


def events(text):
    out = []
    for line in text.splitlines():
        event = json.loads(line, parse_float=lambda t: float(f"{float(t):.11g}"))
        if event["event"]["action"] in NOT_JUDGED:
            continue
        for key in ("observer", "ecs"):
            del event[key]
        for key in ("id", "sequence"):
            del event["event"][key]
        # The window of the last ten minutes is no part of what is learned.
        for fact in event["kp"].get("incident", {}).get("evidence", []):
            if fact["rule"] == "other-paths":
                fact["value"] = None
        out.append(event)
    return out


def end_of(scenario):
    for line in open(scenario, encoding="utf-8"):
        words = line.split()
        if words[:1] == ["end"]:
            units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
            total, digits = 0.0, ""
            for c in words[1]:
                if c in units:
                    total, digits = total + float(digits) * units[c], ""
                else:
                    digits += c
            return total
    return 0


def leaves(a, b, where=""):
    """Where two values differ, in words."""
    if type(a) is type(b) and isinstance(a, dict):
        for key in sorted(a.keys() | b.keys()):
            yield from leaves(a.get(key), b.get(key), f"{where}.{key}")
    elif type(a) is type(b) and isinstance(a, list) and len(a) == len(b):
        for i, pair in enumerate(zip(a, b)):
            yield from leaves(*pair, f"{where}[{i}]")
    elif a != b:
        yield f"{where}: live {json.dumps(a)[:400]}, replay {json.dumps(b)[:400]};"


def compare(sim, ctl, scenario, start, seed):
    with tempfile.TemporaryDirectory() as directory:
        records = os.path.join(directory, "records.jsonl")
        subprocess.run([sim, "-s", str(seed), "-e", records, "-f", str(start), scenario],
                       stdout=subprocess.DEVNULL, check=False, timeout=300)
        with open(records + ".events", encoding="utf-8") as f:
            live = events(f.read())
        done = subprocess.run([ctl, "replay", records, "--json"], capture_output=True, text=True,
                              timeout=300, check=False)
    again = events(done.stdout)
    name = f"{os.path.basename(scenario)} from {start:.0f} s"
    if done.returncode != 0 or done.stderr:
        print(f"{name}: exit {done.returncode}: {done.stderr[:500]}")
        return False
    # Live, the run may end before the last look comes.
    again = again[:len(live)] if again[:len(live)] == live and len(again) <= len(live) + 3 else again
    if again == live:
        print(f"{name}: {len(live)} events, all the same")
        return True
    print(f"{name}: {len(live)} events live, {len(again)} replayed; the first that differ:")
    for i in range(max(len(live), len(again))):
        a, b = live[i:i + 1], again[i:i + 1]
        if a != b:
            print("  ", *leaves(a, b))
            break
    return False


def main():
    sim, ctl = sys.argv[1:3]
    good = True
    for scenario in sys.argv[3:]:
        for start in (0, end_of(scenario) * 0.45):
            good &= compare(sim, ctl, scenario, start, 1)
    return 0 if good else 1


sys.exit(main())
