#!/usr/bin/env python3
"""How `kpwatchctl replay` takes what it is given.  usage: cli.py KPWATCHCTL"""
import json
import os
import subprocess
import sys
import tempfile

import scenarios
from records import T0, config

CTL = sys.argv[1]


def replay(*args, data=""):
    return subprocess.run([CTL, "replay", *args], input=data, capture_output=True, text=True,
                          timeout=60)


def actions(done):
    return [json.loads(line)["event"]["action"] for line in done.stdout.splitlines()]


def main():
    conf, lines, _, _ = scenarios.ALL["path-cut"]()
    path = os.path.join(tempfile.mkdtemp(), "conf.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(conf)
    text = "\n".join(lines) + "\n"
    good = replay("-", "-c", path, "--json", data=text)
    assert good.returncode == 0 and good.stderr == "", good.stderr
    assert "incident.opened" in actions(good) and "incident.closed" in actions(good)
    assert "probe.result" not in actions(good)
    assert replay("-", "-c", path, "-o", "jsonl", data=text).stdout == good.stdout
    words = replay("-", "-c", path, data=text).stdout
    assert "path-outage at transtelecom" in words and not words.startswith("{"), words[:200]

    # Every bad line is told, none of the good ones is lost.
    spoilt = ["{", *lines[:500], '{"kind":"probe","t":1}', *lines[500:], '"x"']
    bad = replay("-", "-c", path, "--json", data="\n".join(spoilt) + "\n")
    assert bad.returncode == 1 and bad.stdout == good.stdout
    told = [line.split(": error: ")[0] for line in bad.stderr.splitlines()]
    assert told == ["-:1", "-:502", f"-:{len(spoilt)}"], bad.stderr

    # What we do not know is ignored; of names once a warning.
    odd = [{"kind": "weather", "t": "?"}, *[{"t": T0 + i, "kind": "probe", "target": "nobody",
           "probe": "web", "result": "timeout"} for i in range(9)],
           {"t": T0, "kind": "probe", "target": "kcna", "probe": "gopher", "result": "answered"},
           {"t": T0, "kind": "edge", "path": "intelsat", "result": "timeout"},
           {"t": T0, "kind": "anchor", "anchor": "kcna", "probe": "web", "result": "timeout"},
           {"t": T0, "kind": "probe", "target": "kcna", "probe": "web", "result": "refused",
            "rtt": 0.3, "path": "intelsat", "mood": {"a": [1]}}]
    done = replay("-", "-c", path, data="".join(json.dumps(o) + "\n" for o in odd))
    assert done.returncode == 0, done.stderr
    warnings = done.stderr.splitlines()
    assert len(warnings) == 5 and all(": warning: no " in w for w in warnings), done.stderr

    # The configuration comes from the header, or from -c, which wins; else from nowhere.
    none = replay("-", data=text)
    assert none.returncode == 1 and "-:1: error: no header" in none.stderr and "-c CONF" in none.stderr
    wrong = config().replace("probes: [soa, web]", "probes: [sao, web]")
    with open(path, "w", encoding="utf-8") as f:
        f.write(wrong)
    assert "did you mean 'soa'?" in replay("-", "-c", path, data=text).stderr
    empty = replay("-", data=json.dumps({"kind": "header", "schema": 1, "config": {}}) + "\n" + text)
    assert empty.returncode == 1 and "-:2: error: no header" in empty.stderr, empty.stderr
    assert replay("-", data="").returncode == 0
    assert replay("/nonexistent").returncode == 1
    assert replay().returncode == 2
    print("ok")


main()
