#!/usr/bin/env python3
"""Each incident of a simulated run, exported out of the history's database after the run
and judged again from that alone, has the same class history, scope and times.
usage: past.py KP_HISTORY_SIMULATED KPWATCHCTL SCENARIO.sim..."""
import json
import os
import subprocess
import sys
import tempfile

KEYS = ("uuid", "class", "phase", "confidence", "where", "began", "confirmed", "ended", "targets",
        "paths", "class_history", "merged_into")


def replayed(ctl, file, uuid):
    done = subprocess.run([ctl, "replay", file, "-o", "jsonl"], capture_output=True, text=True,
                          timeout=300, check=False)
    if done.returncode != 0 or done.stderr:
        return None, f"exit {done.returncode}: {done.stderr[:300]}"
    told = [json.loads(line)["kp"].get("incident") for line in done.stdout.splitlines()]
    mine = [i for i in told if i and i["uuid"] == uuid]
    return (mine[-1], None) if mine else (None, "it does not come again")


def compare(ctl, directory, incident):
    """What is different, in words; None: nothing."""
    again, wrong = replayed(ctl, os.path.join(directory, f"{incident['id']}.jsonl"),
                            incident["uuid"])
    return wrong or next((f"{key}: told {incident[key]}, replayed {again[key]}"
                          for key in KEYS if again[key] != incident[key]), None)


def check(simulated, ctl, scenario):
    name = os.path.basename(scenario)
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None  # no disk is proven here
    with tempfile.TemporaryDirectory(prefix="kp-past.", dir=memory) as directory:
        done = subprocess.run([simulated, scenario, os.path.join(directory, "history.db"), directory],
                              capture_output=True, text=True, timeout=600, check=False)
        if done.returncode != 0:
            print(f"{name}: {done.stderr.strip()}")
            return False
        with open(os.path.join(directory, "incidents.jsonl"), encoding="utf-8") as file:
            incidents = [json.loads(line) for line in file]
        wrong = {i["id"]: compare(ctl, directory, i) for i in incidents}
    holes = done.stdout.count("with holes")
    print(f"{name}: {len(incidents)} incidents, {holes} with holes in their evidence"
          + "".join(f"\n  #{n}: {text}" for n, text in wrong.items() if text))
    return not any(wrong.values())


def main():
    results = [check(*sys.argv[1:3], scenario) for scenario in sys.argv[3:]]
    return 0 if results and all(results) else 1


sys.exit(main())
