#!/usr/bin/env python3
"""Runs the real kpwatchctl against a kpwatchd that pretends.

    test_ctl.py BINARY [--update] [unittest arguments]

--update writes the expected screens (screens/) anew: look at the difference.
"""
import csv
import fcntl
import io
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

import fake_varlink as fake

HERE = os.path.dirname(os.path.abspath(__file__))
BINARY = ""
UPDATE = False
ESC = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def environment(**more):
    env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm-256color", "TZ": "UTC"}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LLVM_PROFILE_FILE"):
        if name in os.environ:
            env[name] = os.environ[name]
    env.update(more)
    return env


class Terminal:
    """The binary on a pseudo terminal of a given size."""

    def __init__(self, arguments, columns=80, rows=24, **env):
        self.master, slave = pty.openpty()
        self.resize(columns, rows)
        self.process = subprocess.Popen(
            [BINARY, *arguments], stdin=slave, stdout=slave, stderr=slave, close_fds=True,
            env=environment(**env), start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.slave = slave
        self.text = ""

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            self.text += os.read(self.master, 65536).decode()
            return True
        return False

    def until(self, wanted, seconds=10.0):
        """Reads until the text holds `wanted`; what came before is dropped."""
        end = time.monotonic() + seconds
        while wanted not in self.text:
            if time.monotonic() > end:
                raise AssertionError("no %r in %r" % (wanted, self.text))
            self.read(0.1)
        seen, _, self.text = self.text.partition(wanted)
        return seen + wanted

    def send(self, keys):
        os.write(self.master, keys.encode())

    def finish(self, seconds=10.0):
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > end:
                self.process.kill()
                raise AssertionError("does not end: %r" % self.text)
            self.read(0.05)
        while self.read(0.05):
            pass
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="kpctl-")
        self.socket = self.dir.name + "/control.sock"
        self.daemon = fake.Daemon()
        self.server = fake.start(self.socket, self.daemon)
        self.addCleanup(self.dir.cleanup)
        self.addCleanup(self.stop)

    def stop(self):
        if self.server:
            fake.stop(self.server)
            self.server = None

    def ctl(self, *arguments, code=0, env=None, **more):
        done = subprocess.run([BINARY, "-s", self.socket, *arguments], capture_output=True,
                              env=environment(**(env or {})), timeout=60, check=False, **more)
        self.out, self.err = done.stdout.decode(), done.stderr.decode()
        self.code = done.returncode
        if code is not None:
            self.assertEqual(self.code, code, self.out + self.err)
        return self.out

    def terminal(self, *arguments, columns=80, rows=24, **env):
        term = Terminal(["-s", self.socket, *arguments], columns, rows, **env)
        self.addCleanup(term.close)
        return term

    def on_terminal(self, *arguments, columns=80, code=0, **env):
        term = self.terminal(*arguments, columns=columns, **env)
        self.assertEqual(term.finish(), code, term.text)
        return term.text.replace("\r\n", "\n")

    def says(self, *parts):
        for part in parts:
            self.assertIn(part, self.err)
        for line in self.err.splitlines()[:1]:
            self.assertTrue(line.startswith("kpwatchctl: "), self.err)


def steady(text):
    """Takes out what differs from run to run."""
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ", "2026-01-01 00:00:00Z", text)
    text = re.sub(r"(?m)^\d\d:\d\d:\d\dZ", "00:00:00Z", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "2026-01-01T00:00:00.000000Z", text)
    return re.sub(r"\b1\ds ago", "12s ago", text)


class Screens(Case):
    def check(self, name, text):
        path = os.path.join(HERE, "screens", name + ".txt")
        text = steady(text).replace("\r\n", "\n")
        if UPDATE:
            with open(path, "w", encoding="utf-8") as out:
                out.write(text)
        with open(path, encoding="utf-8") as expected:
            self.assertEqual(text, expected.read())

    def test_screens(self):
        for columns in (80, 120):
            for kind in ("clear", "outage"):
                self.daemon.kind = kind
                for verb in (["status"], ["paths"], ["targets"], ["targets", "mfa"],
                             ["incidents"]):
                    name = "%s-%s-%d" % ("-".join(verb), kind, columns)
                    text = self.on_terminal("--color=never", *verb, columns=columns)
                    for line in text.splitlines():
                        self.assertLessEqual(len(line), columns, line)
                    self.check(name, text)

    def test_more_screens(self):
        self.check("path-80", self.on_terminal("--color=never", "paths", "china-unicom"))
        self.check("status-ascii-80", self.on_terminal("--color=never", "--ascii", "status"))
        self.check("events-80", self.on_terminal("--color=never", "events"))
        self.check("stats-80", self.on_terminal("--color=never", "stats"))
        self.check("status-pipe", self.ctl("status"))
        self.check("targets-pipe", self.ctl("targets"))
        self.check("targets-wide-pipe", self.ctl("-o", "wide", "targets"))
        self.check("trace-80", self.on_terminal("--color=never", "trace", "kcna"))
        self.check("trace-ascii-40", self.on_terminal("--color=never", "--ascii", "trace", "kcna",
                                                      columns=40))
        self.check("trace-csv", self.ctl("trace", "kcna", "-o", "csv"))
        self.check("explain-80", self.on_terminal("--color=never", "explain", "12"))
        self.check("explain-closed-80", self.on_terminal("--color=never", "explain", "7"))
        for columns in (80, 120):
            text = self.on_terminal("--color=never", "history", columns=columns)
            self.assertLessEqual(max(map(len, text.splitlines())), columns)
            self.check("history-%d" % columns, text)
        self.check("history-ascii-80", self.on_terminal("--color=never", "--ascii", "history",
                                                        "--path", "transtelecom"))
        self.check("history-pipe", self.ctl("history", "--target", "kcna", "--since", "1d"))
        self.check("incidents-wide-pipe", self.ctl("incidents", "-o", "wide"))
        self.daemon.kind = "outage"
        self.check("check-pipe", self.ctl("check", code=2))
        self.check("incidents-csv", self.ctl("incidents", "-o", "csv"))
        self.daemon.kind = "clear"
        self.check("help", self.ctl("help"))
        self.check("help-check", self.ctl("help", "check"))
        self.check("help-mute", self.ctl("help", "mute"))

    def test_narrow(self):
        text = self.on_terminal("--color=never", "targets", columns=40)
        for line in text.splitlines():
            if not line.startswith("("):
                self.assertLessEqual(len(line), 40)
        self.assertIn("kcna", text)

    def test_pipe_is_never_cut(self):
        self.ctl("status")
        self.assertEqual(len(re.search(r"[·█▇▆▅×]{20,}", self.out).group()), 60)
        self.assertNotIn("…", self.out)


class Verbs(Case):
    def test_metrics(self):
        self.assertEqual(self.ctl("metrics"),
                         "# TYPE kpwatchd_up gauge\nkpwatchd_up{a=\"\\\\\"} 1\n")
        self.assertIn("version=0.0.4", self.ctl("metrics", "--json"))

    def test_export(self):
        parts, whole = ['{"kind":"head', 'er"}\n{"t":1}\n', ""], [True]
        def export(handler, _):
            for n, part in enumerate(parts):
                handler.send({"parameters": {"text": part, "complete": whole[0]},
                              "continues": n + 1 < len(parts)})
        self.daemon.hooks["Export"] = export
        self.assertEqual(self.ctl("export", "12"), "".join(parts))
        self.assertEqual(self.daemon.calls[-1], ("Export", {"id": "12"}))
        self.assertEqual(self.err, "")
        whole[0] = False
        self.assertEqual(self.ctl("export", "--since", "2h"), "".join(parts))
        self.assertEqual(list(self.daemon.calls[-1][1]), ["since"])
        self.assertIn("do not reach so far back", self.err)
        self.ctl("export", code=2)
        self.ctl("export", "12", "--since", "2h", code=2)
        def refuse(handler, _):
            handler.send({"error": fake.MONITOR + "Refused", "parameters": {"reason": "none left"}})
        self.daemon.hooks["Export"] = refuse
        self.ctl("export", "12", code=1)
        self.assertIn("none left", self.err)

    def test_status(self):
        self.assertIn("All clear", self.ctl("status"))
        self.ctl("status", "--exit-status")
        self.daemon.kind = "outage"
        self.ctl("status")
        self.assertIn("path-outage", self.ctl("--exit-status", "status", code=10))

    def test_json_is_the_reply(self):
        for verb, method in (("status", "get_status"), ("paths", "list_paths"),
                             ("targets", "list_targets"), ("events", "list_events"),
                             ("mutes", "list_mutes"), ("stats", "get_stats"),
                             ("incidents", "list_incidents")):
            reply = json.loads(self.ctl(verb, "--json"))
            expected = getattr(self.daemon, method)({})
            self.assertEqual(list(reply), list(expected))
            self.assertTrue(self.out.endswith("}\n"))
            self.assertIn("\n  ", self.out)
        self.assertEqual(self.ctl("-o", "json", "mutes"), self.ctl("mutes", "-ojson"))
        self.assertIn("0.2951,", self.ctl("paths", "--json"))
        self.assertEqual(json.loads(self.ctl("targets", "--json"))["targets"][3]["title"],
                         fake.TARGETS[3]["title"])

    def test_jsonl(self):
        rows = [json.loads(line) for line in self.ctl("-o", "jsonl", "targets").splitlines()]
        self.assertEqual([r["name"] for r in rows], ["kcna", "mfa", "ns1", "evil"])
        self.assertEqual(rows[0]["probes"][0]["name"], "web")
        self.assertEqual(len(self.ctl("-ojsonl", "status").splitlines()), 1)
        self.assertEqual(len(self.ctl("-ojsonl", "events").splitlines()), 4)

    def test_csv(self):
        rows = list(csv.DictReader(io.StringIO(self.ctl("-o", "csv", "paths"))))
        self.assertEqual(rows[0]["name"], "china-unicom")
        self.assertEqual(rows[0]["rtt_p50_seconds"], "0.2951")
        self.assertEqual(rows[0]["targets_up"], "12")
        rows = list(csv.DictReader(io.StringIO(self.ctl("-o", "csv", "events"))))
        self.assertEqual(rows[1]["event.action"], "path.state")
        for verb in ("status", "stats", "version"):
            rows = list(csv.reader(io.StringIO(self.ctl("-o", "csv", verb))))
            self.assertEqual(rows[0], ["name", "value"])
        self.ctl("-o", "csv", "targets", "--group", "dns")
        self.assertEqual(len(self.out.splitlines()), 2)

    def test_filters(self):
        self.ctl("targets", "--state", "down")
        self.assertEqual(self.daemon.calls[-1], ("ListTargets", {"state": "down"}))
        self.assertIn("mfa", self.out)
        self.ctl("--group=dns", "targets", "--state=up")
        self.assertEqual(self.daemon.calls[-1][1], {"state": "up", "group": "dns"})
        self.assertIn("No such targets", self.ctl("targets", "--state", "degraded"))
        self.ctl("targets", "kcna", "--state", "up", code=2)
        self.ctl("events", "--since", "1m")
        since = self.daemon.calls[-1][1]["since"]
        self.assertRegex(since, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
        self.assertIn("no longer holds", self.err)
        self.assertNotIn("TransTeleCom", self.out)
        self.ctl("events", "--since", "2026-01-31T08:00:00+01:00")
        self.assertEqual(self.daemon.calls[-1][1]["since"], "2026-01-31T07:00:00.000000Z")

    def test_probe_results_are_noise(self):
        self.assertNotIn("probe.result", self.ctl("events"))
        self.assertIn("probe.result", self.ctl("events", "--all"))
        self.assertIn("probe.result", self.ctl("events", "-o", "csv"))

    def test_mute(self):
        self.assertIn("Nothing is muted", self.ctl("mutes"))
        self.ctl("mute", "kcna", "--for", "1h30m", "--reason", "works, announced")
        self.assertEqual(self.daemon.calls[-1], ("Mute", {
            "name": "kcna", "for_seconds": 5400.0, "reason": "works, announced"}))
        self.assertIn("is muted, ending in 1h30m", self.out)
        self.assertIn("works, announced", self.ctl("mutes"))
        self.assertIn('"works, announced"', self.ctl("mutes", "-o", "csv"))
        self.assertIn("no longer muted", self.ctl("unmute", "kcna"))
        self.ctl("unmute", "kcna", code=1)
        self.says("not muted")
        self.ctl("mute", "kcnaa", "--for", "1h", "--reason", "x", code=1)
        self.says("no target or path 'kcnaa'; did you mean 'kcna'?")

    def test_changes(self):
        self.assertIn("in force", self.ctl("reload"))
        self.assertIn("debug", self.ctl("log-level", "debug"))
        self.assertIn("before: info", self.out)
        started = time.monotonic()
        self.assertIn("LAST", self.ctl("probe", "kcna"))
        self.assertGreater(time.monotonic() - started, 0.4)  # it waited for the results
        self.assertIn("requested_at", json.loads(self.ctl("probe", "kcna", "--json")))
        self.ctl("probe", "evil", code=1)
        self.says("refused: it has no address yet")

    def test_history(self):
        whole = json.loads(self.ctl("history", "--json", "--since=2026-01-01T00:00:00Z",
                                    "--until=2026-01-02T00:00:00Z", "--step", "1h"))
        self.assertEqual(set(whole), {"schema", "since", "until", "step_seconds", "strips",
                                      "incidents", "gaps"})
        self.assertEqual(self.daemon.calls[-1], ("GetHistory", {
            "since": "2026-01-01T00:00:00.000000Z", "until": "2026-01-02T00:00:00.000000Z",
            "step_seconds": 3600.0}))
        rows = [json.loads(line) for line in self.ctl("history", "-ojsonl").splitlines()]
        self.assertEqual(len(rows), 192)
        self.assertEqual((rows[97]["at"], rows[97]["name"], rows[97]["answered_ratio"]),
                         ("2026-01-01T00:15:00.000000Z", "transtelecom", 1.0))
        lines = self.ctl("history", "-ocsv", "--path=china-unicom").splitlines()
        self.assertEqual(len(lines), 97)
        self.assertTrue(lines[0].startswith("at,kind,name,answered_ratio,sent,"))
        self.ctl("history", "--path", "china-unicorn", code=1)
        self.says("did you mean 'china-unicom'?")
        for wrong in (["--step", "5"], ["--until", "x"], ["--path", "a", "--target", "b"],
                      ["--since", "1h", "--until", "2h"]):
            self.ctl("history", *wrong, code=2)

    def test_incidents(self):
        self.daemon.kind = "outage"
        self.assertIn("host-outage", self.ctl("incidents"))
        self.assertNotIn("host-outage", self.ctl("incidents", "--open"))
        self.assertEqual(self.daemon.calls[-1], ("ListIncidents", {"open": True}))
        self.ctl("incidents", "--all")
        self.assertEqual(self.daemon.calls[-1], ("ListIncidents", {"merged": True}))
        self.ctl("incidents", "--since", "1h")
        self.assertRegex(self.daemon.calls[-1][1]["since"], r"^\d{4}-.*\.\d{6}Z$")
        self.assertNotIn("host-outage", self.out)
        rows = [json.loads(line) for line in self.ctl("incidents", "-ojsonl").splitlines()]
        self.assertEqual([r["id"] for r in rows], [7, 12])
        self.daemon.kind = "clear"
        self.assertEqual(self.ctl("incidents", "--open"), "No incident is open.\n")
        self.assertEqual(self.ctl("incidents", "--since=1h"), "No incident in that time.\n")

    def test_explain(self):
        text = self.ctl("explain", "12")
        for part in ("at or beyond the border", "excludes: transit-outage", "3m so far",
                     "kept up for 5 minutes", "country-outage", "ttk-gw, ttk-10",
                     "export 12 > incident-12.jsonl"):
            self.assertIn(part, text)
        self.assertNotIn("internal", text.lower())
        self.assertEqual(steady(text), steady(self.ctl("explain", "#12")))
        self.assertEqual(json.loads(self.ctl("explain", "12", "--json"))["incident"]["id"], 12)
        self.ctl("explain", fake.incident()["uuid"])
        more = fake.incident(targets_total=70, merged_into=14, evidence=[])
        self.daemon.METHODS = dict(self.daemon.METHODS, Explain=lambda d, p: {
            "schema": 1, "incident": more, "closes_when": [], "escalates_when": []})
        text = self.ctl("explain", "12")
        self.assertIn("ttk-10 and 68 more", text)
        self.assertIn("a part of #14", text)
        self.assertIn("no evidence was recorded", text)
        self.assertNotIn("It ends with", text)
        more.update(confidence="low")
        self.assertIn("not proven", self.ctl("explain", "12"))
        more["class"] = "unknown"
        self.assertIn("no explanation leads", self.ctl("explain", "12"))

    def test_trace(self):
        text = self.ctl("trace", "kcna")
        self.assertIn("was 219.158.9.41", text)
        self.assertIn("1 hop changed", text)
        self.assertRegex(text, r"(?m)^  7  \* ")
        self.assertEqual(self.daemon.calls, [("GetTrace", {"target": "kcna"})])
        started = time.monotonic()
        self.assertRegex(self.ctl("trace", "kcna", "--now"), r"traced +(now|0s ago|1s ago)")
        self.assertGreater(time.monotonic() - started, 0.4)  # it waited for a fresh one
        self.assertIn(("Trace", {"target": "kcna"}), self.daemon.calls)
        self.assertEqual(len(json.loads(self.ctl("trace", "kcna", "--json"))["traces"]), 2)
        self.assertEqual(len(self.ctl("trace", "kcna", "-ojsonl").splitlines()), 2)
        self.assertEqual(self.ctl("trace", "mfa"),
                         "No trace of mfa is finished yet; --now asks for one.\n")
        self.ctl("trace", "evil", "--now", code=1)
        self.says("none of the target's probes can be traced")

    def test_trace_changes(self):
        now, then = fake.trace(), fake.trace(True)
        reply = {"schema": 1, "target": "kcna", "running": True, "traces": [now]}
        self.daemon.METHODS = dict(self.daemon.METHODS, GetTrace=lambda d, p: reply)
        self.assertIn("no earlier trace", self.ctl("trace", "kcna"))
        self.assertIn("A newer one is under way", self.out)
        reply["traces"] = []
        self.assertIn("one is under way", self.ctl("trace", "kcna"))
        then.update(path="transtelecom", reached=False, hops=now["hops"][:8])
        reply["traces"] = [now, then]
        text = " ".join(self.ctl("trace", "kcna").split())
        self.assertIn("the path was transtelecom; the target was silent; 1 hop changed", text)
        self.assertRegex(self.out, r"the target +new")
        now["hops"], then["hops"] = now["hops"][:2], now["hops"]
        self.assertIn("5 more answered behind the end", " ".join(self.ctl("trace", "kcna").split()))
        now["hops"] = []
        self.assertIn("No hop answered", self.ctl("trace", "kcna"))

    def check(self, code, *arguments):
        line = self.ctl("check", *arguments, code=code)
        level = ("OK", "WARNING", "CRITICAL", "UNKNOWN")[code]
        self.assertTrue(line.startswith("KPWATCHD %s - " % level), line)
        self.assertEqual(line.count("\n"), 1)
        return line

    def test_check(self):
        line = self.check(0)
        self.assertIn("All clear", line)
        data = line.split("|")[1]
        self.assertEqual(len(line.split("|")), 2)
        for one in data.split():
            self.assertRegex(one, r"^'[^']+'=(U|-?[0-9.e+-]+(s|%)?;;;[0-9]*(;[0-9]+)?)$")
        self.assertIn("'china-unicom_loss'=0.2%;;;0;100", data)
        self.assertIn("'china-unicom_rtt'=0.295100s;;;0", data)
        self.assertIn("'targets_up'=14;;;0;14", data)
        self.daemon.kind = "outage"
        self.assertIn("#12 path-outage (transtelecom) for 3m", self.check(2))
        self.assertIn("'transtelecom_rtt'=U", self.out)
        self.check(0, "--path", "china-unicom")
        self.assertNotIn("transtelecom", self.out)
        self.check(2, "--path", "transtelecom")

    def test_check_levels(self):
        now = fake.status("outage")
        self.daemon.METHODS = dict(self.daemon.METHODS, GetStatus=lambda d, p: now)
        for level, classes in ((1, ("degraded", "service-outage", "possible-ban", "host-outage")),
                               (2, ("path-outage", "country-outage", "transit-outage",
                                    "dns-outage")),
                               (3, ("unknown", "vantage-fault"))):
            for name in classes:
                now["verdict"] = now["incidents"][0]["class"] = name
                self.assertIn(name, self.check(level))
        self.assertIn("vantage-fault", self.check(3, "--path", "china-unicom"))
        now["incidents"] = []
        now["verdict"] = "unknown"
        now["summary"] = "still | learning"
        self.assertIn("still / learning", self.check(3))
        now["vantage"]["healthy"] = False
        self.assertIn("our own connection", self.check(3))
        now["vantage"]["healthy"] = None
        for state, level in (("up", 0), ("degraded", 1), ("down", 2), ("unknown", 3)):
            now["paths"][0]["state"] = state
            self.check(level, "--path", "china-unicom")

    def test_check_muted(self):
        self.daemon.kind = "outage"
        self.daemon.mutes = [{"name": "transtelecom", "kind": "path", "until": fake.stamp(-60),
                              "reason": "works"}]
        self.assertIn("muted", self.check(0))
        self.assertIn("transtelecom is muted", self.check(0, "--path", "transtelecom"))
        self.daemon.mutes = [{"name": n, "kind": "target", "until": fake.stamp(-60),
                              "reason": "works"} for n in ("ttk-gw", "ttk-10")]
        self.check(0)
        self.daemon.mutes.pop()
        self.check(2)

    def test_check_unknown(self):
        self.assertIn("did you mean 'transtelecom'?", self.check(3, "--path", "transtelekom"))
        for words in (["x"], ["--bogus"], ["--open"], ["--json"], ["--path"]):
            self.check(3, *words)
        self.ctl("--bogus", "check", code=3)
        self.daemon.hooks["GetStatus"] = lambda h, _: h.send(
            {"error": fake.SERVICE + "PermissionDenied"})
        self.check(3)
        self.stop()
        self.assertIn("is kpwatchd running?", self.check(3))
        with open("/dev/full", "wb") as full:
            done = subprocess.run([BINARY, "check", "--help"], stdout=full, check=False,
                                  stderr=subprocess.PIPE, env=environment())
        self.assertEqual(done.returncode, 3)
        self.assertIn("Usage: kpwatchctl check", self.ctl("check", "--help"))

    def test_permission(self):
        self.daemon.denied = True
        for words in (["reload"], ["probe", "kcna"], ["trace", "kcna", "--now"], ["log-level", "info"], ["unmute", "kcna"],
                      ["mute", "kcna", "--for=1h", "--reason=x"]):
            self.ctl(*words, code=4)
            self.says("only root and the daemon's own user may " + words[0])

    def test_version(self):
        self.assertRegex(self.ctl("version"), r"^kpwatchctl \S+\nkpwatchd   0\.1\.0\n$")
        self.assertRegex(self.ctl("--version"), r"^kpwatchctl \S+\n$")
        self.stop()
        self.assertIn("kpwatchd   not reachable", self.ctl("version"))
        self.assertIsNone(json.loads(self.ctl("version", "--json"))["kpwatchd"])

    def doctor(self, **replies):
        """Its findings by name: True, False or None; and the exit code."""
        for method, change in replies.items():
            original = self.daemon.METHODS[method]
            def hook(handler, parameters, original=original, change=change):
                reply = original(self.daemon, parameters)
                change(reply)
                handler.send({"parameters": reply})
            self.daemon.hooks[method] = hook
        self.ctl("doctor", "--json", code=None)
        reply = json.loads(self.out)
        self.daemon.hooks.clear()
        self.assertEqual(reply["healthy"], self.code == 0)
        for check in reply["checks"]:
            self.assertEqual(check["advice"] is not None, check["ok"] is False)
        return {check["name"]: check["ok"] for check in reply["checks"]}

    def test_doctor(self):
        fine = self.doctor()
        fine.pop("clock")  # that of this machine
        self.assertEqual(len(fine), 9)
        self.assertEqual({name for name, ok in fine.items() if ok is not True}, set())
        def kind(number, **change):
            return lambda reply: reply["probes"][number].update(change)
        dead = {"answered": 0, "refused": 0, "timeout": 900, "unreachable": 0, "local-error": 0}
        def no_hop(reply):
            reply["paths"][1]["last_hop"] = None
        def six(reply):
            reply["targets"][0]["address"] = "2001:2::1"
            reply["targets"][0]["probes"][0]["result"] = "local-error"
        for name, faults in (
                ("sending", {"GetStats": kind(1, send_errors={"EPERM": 12})}),
                ("answers", {"GetStats": kind(1, results=dead)}),
                ("answers", {"GetStats": kind(0, results=dead)}),
                ("anchors", {"GetStatus": lambda r: r["vantage"].update(anchors_up=0)}),
                ("anchors", {"GetStatus": lambda r: r["vantage"].update(anchors_total=0)}),
                ("paths", {"GetStatus": no_hop}), ("ipv6", {"ListTargets": six}),
                ("configuration", {"CheckConfig": lambda r: r.update(valid=False)})):
            with self.subTest(name):
                ill = {n for n, ok in self.doctor(**faults).items() if ok is False}
                self.assertEqual(ill - {"clock"}, {name})
        # Too early to tell.
        self.assertIsNone(self.doctor(
            GetStatus=no_hop, GetStats=lambda r: r.update(uptime_seconds=30.0))["paths"])
        text = self.ctl("doctor", code=None)
        self.assertRegex(text, r"(?m)^ok +paths +traces have seen every path$")

    def test_help(self):
        for verb in re.findall(r"(?m)^  ([a-z-]+) ", self.ctl("--help").split("Options")[0]):
            self.assertIn("Usage: kpwatchctl " + verb, self.ctl("help", verb))
            self.assertEqual(self.out, self.ctl(verb, "--help"))
            self.assertEqual(self.out, self.ctl("-h", verb))
            for line in self.out.splitlines():
                self.assertLessEqual(len(line), 80)
        self.ctl(code=2)
        self.assertIn("Usage:", self.err)
        self.assertEqual(self.out, "")


class Config(Case):
    def file(self, text):
        path = self.dir.name + "/test.yaml"
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def test_local(self):
        self.stop()
        good = self.file("""version: 1
vantage: {name: test}
allow: [198.18.0.0/16]
probes:
  web: {type: tcp-syn, port: 80}
targets:
  - {name: one, address: 198.18.0.1, probes: [web]}
""")
        self.assertIn("no errors (1 target, 0 paths, 0 anchors)", self.ctl("check-config", good))
        self.assertTrue(json.loads(self.ctl("check-config", good, "--json"))["valid"])
        bad = self.file("version: 1\nvantag: {name: x}\n")
        self.ctl("check-config", bad, code=1)
        self.assertIn(bad + ":2:1: error: ", self.err)
        reply = json.loads(self.ctl("check-config", "--json", bad, code=1))
        self.assertFalse(reply["valid"])
        self.assertIn(2, [d["line"] for d in reply["diagnostics"]])
        self.ctl("check-config", self.dir.name + "/none", code=1)

    def test_there(self):
        self.assertIn("no errors", self.ctl("check-config"))
        self.daemon.kind = "outage"
        self.ctl("check-config", code=1)
        self.assertIn("kpwatchd.yaml:3:5: error: unknown key 'alow', did you mean 'allow'?\n"
                      "      alow: []\n      ^\n", self.err)
        self.assertFalse(json.loads(self.ctl("check-config", "--json", code=1))["valid"])
        self.ctl("reload", code=1)
        self.assertIn("the configuration in force stays", self.err)
        self.stop()
        self.ctl("check-config", code=3)
        self.says("is kpwatchd running?", "check-config FILE")


class Usage(Case):
    def test_wrong_use(self):
        for words, part in (
                (["stauts"], "no verb 'stauts'; did you mean 'status'?"),
                (["frobnicate"], "no verb 'frobnicate'; there are: status, "),
                (["status", "--jsn"], "unknown option '--jsn'; did you mean '--json'?"),
                (["status", "-x"], "unknown option '-x'"),
                (["-o", "xml", "status"], "-o is one of table, wide, json, jsonl, csv, not 'xml'"),
                (["status", "--color", "blue"], "auto, always, never"),
                (["status", "-o"], "--output needs a value"),
                (["status", "--json=1"], "--json takes no value"),
                (["status", "now"], "status does not take 'now'"),
                (["status", "--since", "1h"], "status takes no --since"),
                (["probe"], "probe needs TARGET"),
                (["explain"], "explain needs ID"),
                (["trace", "kcna", "--open"], "trace takes no --open"),
                (["incidents", "12"], "incidents does not take '12'"),
                (["targets", "--state", "donw"], "--state is one of"),
                (["events", "--since", "yesterday"], "--since takes an age"),
                (["events", "--since", "2h30"], "--since takes an age"),
                (["mute", "kcna", "--reason", "x"], "mute needs --for DURATION"),
                (["mute", "kcna", "--for", "1h"], "mute needs --reason TEXT"),
                (["mute", "kcna", "--for", "60", "--reason", "x"], "duration with its unit"),
                (["mute", "kcna", "--for", "0s", "--reason", "x"], "longer than nothing"),
                (["mute", "kcna", "--for", "1h", "--reason", " "], "--reason needs a text"),
                (["mute", "kcna", "--for", "1h", "--reason", "x" * 201], "200 bytes"),
                (["targets", b"\xff"], "not UTF-8"),
                (["log-level", "debg"], "no level 'debg'; did you mean 'debug'?"),
                (["watch", "path"], "did you mean 'paths'?"),
                (["help", "stat"], "did you mean 'stat"),
                (["a"] * 65, "too many arguments")):
            self.ctl(*words, code=2)
            self.says(part)
        self.assertEqual(self.daemon.calls, [])  # all caught before asking

    def test_order(self):
        self.daemon.METHODS = dict(self.daemon.METHODS, ListPaths=lambda d, p, r=self.daemon.
                                   list_paths({}): r)
        expected = self.ctl("paths", "-o", "csv")
        self.assertEqual(expected, self.ctl("-o", "csv", "paths"))
        self.assertEqual(expected, self.ctl("-ocsv", "--", "paths"))
        self.assertEqual(expected, self.ctl("--output=csv", "paths"))
        self.assertEqual(expected, self.ctl("--json", "paths", "--output", "csv"))

    def test_not_found(self):
        self.ctl("targets", "kcn", code=1)
        self.says("no target 'kcn'; did you mean 'kcna'?")
        self.ctl("targets", "zzz", code=1)
        self.says("no target 'zzz'; `kpwatchctl targets` lists them")
        self.ctl("paths", "china", code=1)
        self.says("no path 'china'; did you mean 'china-unicom'?")
        self.ctl("targets", "--group", "new", code=1)
        self.says("no group 'new'; did you mean 'news'?")
        self.ctl("trace", "kcn", code=1)
        self.says("no target 'kcn'; did you mean 'kcna'?")
        self.ctl("explain", "13", code=1)
        self.says("no incident '13'; did you mean '12'?")
        self.ctl("explain", "99", code=1)
        self.says("no incident '99'; `kpwatchctl incidents` lists them")


class Faults(Case):
    def hook(self, data, close=True):
        def answer(handler, _):
            handler.request.sendall(data)
            if close:
                handler.request.shutdown(2)
        self.daemon.hooks["GetStatus"] = answer

    def test_unreachable(self):
        self.stop()
        self.ctl("status", code=3)
        self.says("nobody answers", "is kpwatchd running?")
        os.unlink(self.socket)
        self.ctl("status", code=3)
        self.says("no control socket at " + self.socket, "is kpwatchd running?")
        self.ctl("-s", "/tmp/" + "x" * 200, "status", code=2)
        self.ctl("-s", "/dev/null", "status", code=3)
        self.ctl("watch", code=3)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to become somebody else")
    def test_denied(self):
        os.chmod(self.dir.name, 0o700)
        try:
            subprocess.run([BINARY, "--version"], user=65534, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            self.skipTest("nobody cannot run the binary")
        self.ctl("status", code=4, user=65534)
        self.says("permission denied", "group kpwatchd")

    def test_dies_in_the_middle(self):
        self.hook(b'{"parameters": {"schema": 1, "verd')
        self.ctl("status", code=3)
        self.says("closed the connection")

    def test_garbage(self):
        for data in (b"HTTP/1.1 400 Bad Request\r\n\r\n\0", b"\0", b"[1]\0", b'{"parameters":3}\0',
                     b'{"error":7}\0', b'{"a":1,"a":2}\0', b"\xff\xfe\0", b"[" * 5000 + b"\0"):
            self.hook(data)
            self.ctl("status", code=3)
            self.says("no varlink reply")

    def test_strange_shapes(self):
        """A reply of the right form with nothing right in it is no crash."""
        for parameters in ({}, {"verdict": 3, "paths": [1, None, {}], "daemon": [], "at": "x"},
                           {"paths": {"a": 1}, "incidents": [[], {}], "targets": 1}):
            self.hook(json.dumps({"parameters": parameters}).encode() + b"\0", close=False)
            self.ctl("status")
            for kind in ("csv", "jsonl", "json"):
                self.ctl("status", "-o", kind)
        for method, verb in (("ListPaths", "paths"), ("ListTargets", "targets"),
                             ("ListEvents", "events"), ("GetStats", "stats"),
                             ("ListMutes", "mutes"), ("ListTargets", "probe"),
                             ("ListIncidents", "incidents")):
            for rows in ([{}], [3], 7):
                key = method.removeprefix("List").lower()
                data = json.dumps({"parameters": {key: rows, "probes": rows}}).encode() + b"\0"
                self.daemon.hooks[method] = lambda h, _, d=data: h.request.sendall(d)
                self.ctl(verb, *(["kcna"] if verb == "probe" else []))
                if verb in ("paths", "targets"):
                    self.ctl(verb, "x")
                if verb != "probe":
                    self.ctl(verb, "-o", "csv")

    def test_strange_stories(self):
        for parameters in ({}, {"incident": 3, "closes_when": [{}, 1], "traces": [1]},
                           {"incident": {"evidence": [3, {}], "targets": [1], "class": "odd",
                                         "class_history": [1, {}], "paths": {}},
                            "traces": [{"hops": [1, {}, {"ttl": 3}]}, {"hops": 7}, 5]},
                           {"traces": [{"hops": 7}, {"hops": [{"ttl": "x"}]}]}):
            data = json.dumps({"parameters": parameters}).encode() + b"\0"
            for method, words in (("Explain", ["explain", "1"]), ("GetTrace", ["trace", "kcna"])):
                self.daemon.hooks[method] = lambda h, _, d=data: h.request.sendall(d)
                for form in ("table", "wide", "csv", "jsonl", "json"):
                    self.ctl(*words, "-o", form)
        for parameters in ({}, {"verdict": 3, "paths": [1, None, {}], "incidents": 1},
                           {"incidents": [[], {}], "paths": {"a": 1}}):
            self.hook(json.dumps({"parameters": parameters}).encode() + b"\0", close=False)
            self.ctl("check", code=3)

    def test_waits_for_a_place(self):
        full = {"error": fake.MONITOR + "TooManyClients", "parameters": {"limit": 32}}
        for method, words in (("GetStatus", ["status"]), ("Subscribe", ["watch"])):
            tries = []

            def turn_away(handler, _, method=method, tries=tries):
                tries.append(1)
                handler.send(full)
                handler.request.shutdown(2)
                if len(tries) == 3:
                    del self.daemon.hooks[method]
                    self.daemon.live += [{"seq": 4, "cursor": "c4", "event": fake.event(4)}, None]
            self.daemon.hooks[method] = turn_away
            self.ctl(*words, code=3 if words == ["watch"] else 0)
            self.assertEqual(len(tries), 3)
        self.assertIn("path.state", self.out)

    def test_errors(self):
        for error, part in (("org.varlink.service.MethodNotFound", "older than kpwatchctl"),
                            (fake.MONITOR + "Refused", "refused: \\x1b[2J"),
                            (fake.MONITOR + "TooManyClients", "places for clients"),
                            ("org.example.Odd", "the error org.example.Odd")):
            reply = {"error": error, "parameters": {"reason": "\x1b[2J", "limit": 32}}
            self.hook(json.dumps(reply).encode() + b"\0", close=False)
            self.ctl("status", code=1)
            self.says(part)

    def test_big_reply(self):
        rows = [dict(fake.TARGETS[0], name="t%d" % i) for i in range(4000)]
        data = json.dumps({"parameters": {"schema": 1, "targets": rows}}).encode() + b"\0"
        self.daemon.hooks["ListTargets"] = lambda h, _: h.request.sendall(data)
        self.assertEqual(len(self.ctl("targets").splitlines()), 4002)

    def test_endless_reply(self):
        def flood(handler, _):
            handler.request.sendall(b"{" + b" " * (66 << 20))
        self.daemon.hooks["GetStatus"] = flood
        self.ctl("status", code=3)
        # A machine too busy for 64 MiB in 5 s ends it by the time-out.
        self.assertRegex(self.err, "does not (end|answer)")

    def test_time_out(self):
        self.daemon.hooks["GetStatus"] = lambda h, _: time.sleep(7)
        self.ctl("status", code=3)
        self.says("does not answer")

    def test_full_output(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([BINARY, "-s", self.socket, "status"], stdout=full,
                                  stderr=subprocess.PIPE, env=environment(), check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write", done.stderr)


class Looks(Case):
    def test_color(self):
        self.assertIn("\x1b[32m", self.on_terminal("status"))
        self.assertNotIn("\x1b", self.on_terminal("status", NO_COLOR="1"))
        self.assertIn("\x1b[32m", self.on_terminal("status", NO_COLOR=""))
        self.assertIn("\x1b[32m", self.on_terminal("status", "--color=always", NO_COLOR="1"))
        self.assertNotIn("\x1b", self.on_terminal("status", TERM="dumb"))
        self.assertNotIn("\x1b", self.ctl("status"))
        self.assertIn("\x1b[32m", self.ctl("status", env={"CLICOLOR_FORCE": "1"}))
        self.assertNotIn("\x1b", self.ctl("status", env={"CLICOLOR_FORCE": "0"}))
        self.assertNotIn("\x1b", self.ctl("status", env={"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}))
        self.assertIn("\x1b[32m", self.ctl("status", "--color", "always"))
        self.assertNotIn("\x1b", self.ctl("status", "--color", "never",
                                          env={"CLICOLOR_FORCE": "1"}))
        # The words are the same without colour.
        self.daemon.kind = "outage"
        self.assertEqual(steady(ESC.sub("", self.ctl("status", "--color=always"))),
                         steady(self.ctl("status")))

    def test_ascii(self):
        for env in ({"LANG": "C"}, {"LC_ALL": "POSIX", "LANG": "C.UTF-8"}, {"LANG": ""},
                    {"LC_CTYPE": "ISO-8859-1", "LANG": "C.UTF-8"}):
            self.assertTrue(self.ctl("status", env=env).isascii())
            self.assertTrue(self.ctl("targets", env=env).isascii())
        self.assertTrue(self.ctl("status", "--ascii").isascii())
        self.assertFalse(self.ctl("status", env={"LC_CTYPE": "C.utf8", "LANG": "C"}).isascii())
        self.daemon.kind = "outage"
        self.assertIn("xxxx", self.ctl("status", "--ascii"))

    def test_wire_text(self):
        for verb in ("targets", "events"):
            for form in ("table", "wide", "json", "jsonl", "csv"):
                text = self.ctl(verb, "-o", form)
                self.assertIsNone(re.search("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]", text), form)

    def test_local(self):
        text = self.ctl("events", "--local", env={"TZ": "XYZ-9"})
        self.assertIn("+0900", text)
        self.assertIn("+0900", self.ctl("status", "--local", env={"TZ": "XYZ-9"}))
        self.assertIn("Z\n", self.ctl("status", env={"TZ": "XYZ-9"}))


class Watch(Case):
    def live(self, n, message, **more):
        self.daemon.live.append({"seq": n, "cursor": "c%d" % n,
                                 "event": fake.event(n, message=message, **more)})

    def pipe(self, *arguments):
        process = subprocess.Popen([BINARY, "-s", self.socket, "watch", *arguments],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=environment())
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_pipe(self):
        self.live(4, "first \x1b[2J")
        process = self.pipe()
        line = process.stdout.readline().decode()  # comes at once: line-buffered
        self.assertRegex(line, r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ  notice   path.state +first \\x1b")
        self.live(5, "second")
        self.assertIn(b"second", process.stdout.readline())
        self.daemon.live.append({"cursor": "c6", "status": {}, "lost": 3})
        self.assertEqual(process.stderr.readline(), b"kpwatchctl: 3 events were missed\n")
        self.daemon.live.append(None)
        self.assertEqual(process.wait(10), 3)
        self.assertIn(b"closed the connection", process.stderr.read())

    def test_pipe_forms(self):
        self.live(4, "one")
        self.assertEqual(json.loads(self.pipe("-o", "jsonl").stdout.readline())["message"], "one")
        self.assertEqual(json.loads(self.pipe("--json").stdout.readline())["message"], "one")
        process = self.pipe("-o", "csv", "paths")
        self.assertTrue(process.stdout.readline().startswith(b"@timestamp,log.level"))
        self.assertIn(b",path.state,", process.stdout.readline())
        self.assertIn(("Subscribe", {"kinds": ["path"]}), self.daemon.calls)

    def test_pipe_leaves_probe_results_out(self):
        self.live(4, "noise", action="probe.result")
        self.live(5, "news")
        self.assertIn(b"news", self.pipe().stdout.readline())
        self.assertIn(b"noise", self.pipe("--all").stdout.readline())
        self.assertIn(b"noise", self.pipe("-ojsonl").stdout.readline())

    def test_reader_goes(self):
        process = self.pipe()
        process.stdout.close()
        self.assertEqual(process.wait(10), 0)

    def test_refused(self):
        reply = {"error": fake.MONITOR + "TooManyClients", "parameters": {"limit": 32}}
        self.daemon.hooks["Subscribe"] = lambda h, _: h.send(reply)
        process = self.pipe()
        self.assertEqual(process.wait(10), 1)

    def test_screen(self):
        term = self.terminal("watch", columns=80, rows=24)
        self.assertIn("\x1b[?25l", term.until("TransTeleCom is down"))
        term.until("q quits")
        self.daemon.kind = "outage"
        self.live(4, "it broke")
        term.until("path-outage")
        term.until("it broke")
        term.resize(120, 40)
        term.until("\x1b[40;1H")
        term.send("q")
        self.assertEqual(term.finish(), 0)
        self.assertTrue(term.text.endswith("\x1b[?25h\r\n"))
        self.assertTrue(termios.tcgetattr(term.slave)[3] & termios.ICANON)
        self.assertTrue(termios.tcgetattr(term.slave)[3] & termios.ECHO)

    def test_other_screens(self):
        for view, part in (("paths", "china-unicom"), ("targets", "kcna")):
            term = self.terminal("watch", view, NO_COLOR="1")
            term.until(part)
            self.assertNotIn("\x1b[3", term.until("q quits"))
            term.send("q")
            self.assertEqual(term.finish(), 0)

    def test_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            term = self.terminal("watch")
            term.until("q quits")
            term.process.send_signal(number)
            self.assertEqual(term.finish(), -number)
            self.assertIn("\x1b[?25h", term.text)
            self.assertTrue(termios.tcgetattr(term.slave)[3] & termios.ICANON)

    def test_stop_and_go_on(self):
        term = self.terminal("watch")
        term.until("q quits")
        term.process.send_signal(signal.SIGTSTP)
        term.until("\x1b[?25h")
        self.assertTrue(os.WIFSTOPPED(os.waitpid(term.process.pid, os.WUNTRACED)[1]))
        self.assertTrue(termios.tcgetattr(term.slave)[3] & termios.ICANON)
        term.process.send_signal(signal.SIGCONT)
        term.until("\x1b[?25l")
        term.until("q quits")
        term.send("q")
        self.assertEqual(term.finish(), 0)

    def test_daemon_goes_and_comes_back(self):
        term = self.terminal("watch")
        term.until("q quits")
        self.live(4, "before")
        term.until("before")
        self.daemon.live.append(None)
        term.until("kpwatchd is gone")
        self.daemon.live.clear()
        self.live(5, "after")
        term.until("after")
        self.assertEqual(self.daemon.calls.count(("Subscribe", {"cursor": "c3"})), 1)
        self.assertIn(("Subscribe", {"cursor": "c4"}), self.daemon.calls)
        term.send("q")
        self.assertEqual(term.finish(), 0)

    def test_events_on_a_terminal(self):
        self.live(4, "one")
        term = self.terminal("watch", "events")
        self.assertNotIn("\x1b[?25l", term.until("one"))
        self.daemon.live.append(None)
        term.until("trying again")
        self.daemon.live.clear()
        self.live(5, "two")
        term.until("two")
        self.assertIn(("Subscribe", {"cursor": "c4"}), self.daemon.calls)
        term.send("q")
        self.assertEqual(term.finish(), 0)

    def test_slow_daemon_does_not_hold_the_keys(self):
        term = self.terminal("watch")
        term.until("q quits")
        self.daemon.hooks["GetStatus"] = lambda h, _: time.sleep(30)
        asked = self.daemon.calls.count(("GetStatus", {}))
        end = time.monotonic() + 10
        while self.daemon.calls.count(("GetStatus", {})) == asked:
            self.assertLess(time.monotonic(), end, "watch asks again")
            term.read(0.05)
        started = time.monotonic()
        term.send("q")
        self.assertEqual(term.finish(), 0)
        self.assertLess(time.monotonic() - started, 4)  # that call would last 5 s


if __name__ == "__main__":
    BINARY = os.path.abspath(sys.argv.pop(1))
    if "--update" in sys.argv:
        sys.argv.remove("--update")
        UPDATE = True
        os.makedirs(os.path.join(HERE, "screens"), exist_ok=True)
    unittest.main()
