#!/usr/bin/env python3
"""What people and scripts may rely on, asked of the real daemon: every field of
every reply, true values, exit codes, the event stream, mutes."""
import json
import math
import os
import re
import shutil
import subprocess
import time

import kplab
from kplab import Daemon, Varlink, VarlinkError, fields, stamp, wait_for

CN_MS, RU_MS = 20, 30
CN, RU = "china-unicom", "transtelecom"
VERDICTS = ("clear", "unknown", "degraded", "service-outage", "possible-ban", "host-outage",
            "dns-outage", "path-outage", "country-outage", "transit-outage", "vantage-fault")
RESULTS = ("answered", "refused", "timeout", "unreachable", "local-error")


def when(value):
    return stamp(value) > 1.7e9


def maybe(check):
    return lambda value: value is None or (
        type(value) is check if isinstance(check, type) else check(value))


def share(value):
    return type(value) in (int, float) and 0 <= value <= 1


def seconds(value):
    return type(value) in (int, float) and 0 <= value < 1e6


def count(value):
    return type(value) is int and value >= 0


# As CONTRACT.md lists them.
PATH = {"name": str, "title": str, "state": kplab.STATES, "since": maybe(when),
        "answered_ratio": maybe(share), "rtt_p50_seconds": maybe(seconds),
        "rtt_p95_seconds": maybe(seconds), "edge_state": kplab.STATES, "last_hop": maybe(str),
        "targets_up": count, "targets_degraded": count, "targets_down": count,
        "targets_unknown": count}
PROBE = {"name": str, "type": ("icmp", "tcp-syn", "dns"), "result": (None, *RESULTS),
         "rtt_seconds": maybe(seconds), "reply_ttl": maybe(lambda v: 0 < v < 256),
         "at": maybe(when), "baseline_ratio": maybe(share), "sent": count, "answered": count}
TARGET = {"name": str, "title": str, "host": maybe(str), "address": maybe(str),
          "group": maybe(str), "path": maybe(str), "path_source": (None, "trace", "config"),
          "state": kplab.STATES, "since": maybe(when), "muted_until": maybe(when),
          "probes": list}
STATUS = {"schema": (1,), "at": when, "verdict": VERDICTS, "summary": str, "vantage": dict,
          "paths": list, "targets": dict, "incidents": list, "suspicions": list, "daemon": dict}
VANTAGE = {"name": ("lab1",), "healthy": (True, False, None), "anchors_up": count,
           "anchors_total": (3,)}
COUNTS = {key: count for key in ("total", "up", "degraded", "down", "unknown")}
DAEMON = {"version": str, "uptime_seconds": seconds, "config_loaded_at": when,
          "probes_per_second": maybe(seconds), "events_dropped": count}
EVENT = {"id": str, "sequence": int, "created": when, "kind": ("event", "alert"),
         "category": list, "type": list, "action": str,
         "outcome": ("success", "failure", "unknown"), "dataset": str, "module": ("kpwatchd",)}


class Idl:
    """The interface description: checks a reply against what it promises."""

    TOKEN = re.compile(r"#.*|\s+|(\[\]|\[string\]|->|[A-Za-z][\w.]*|[?(),:])")

    def __init__(self, text):
        self.tokens = [m[1] for m in self.TOKEN.finditer(text) if m[1]]
        self.types, self.replies = {}, {}
        self.next(), self.next()  # interface NAME
        while self.tokens:
            word, name = self.next(), self.next()
            first = self.struct()
            if word == "method":
                self.next()  # ->
                self.replies[name] = self.struct()
            elif word == "type":
                self.types[name] = first

    def next(self):
        return self.tokens.pop(0)

    def struct(self):
        out = {}
        assert self.next() == "("
        while self.tokens[0] != ")":
            name = self.next()
            self.next()  # :
            out[name] = self.kind()
            if self.tokens[0] == ",":
                self.next()
        self.next()
        return out

    def kind(self):
        if self.tokens[0] == "(":
            return self.struct()
        word = self.next()
        return (word, self.kind()) if word in ("?", "[]", "[string]") else word

    def check(self, kind, value, where):
        plain = {"string": str, "bool": bool, "int": int, "object": dict}
        if isinstance(kind, dict):
            assert isinstance(value, dict) and set(value) == set(kind), \
                f"{where} has {list(value)}, not {list(kind)}"
            for key, inner in kind.items():
                self.check(inner, value[key], f"{where}.{key}")
        elif kind[0] == "?":
            if value is not None:
                self.check(kind[1], value, where)
        elif kind[0] == "[]" or kind[0] == "[string]":
            assert isinstance(value, list if kind[0] == "[]" else dict), where
            for inner in value if kind[0] == "[]" else value.values():
                self.check(kind[1], inner, where + "[]")
        elif kind == "float":
            assert type(value) in (int, float) and math.isfinite(value), f"{where} = {value!r}"
        elif kind in plain:
            assert type(value) is plain[kind], f"{where} = {value!r}"
        else:
            self.check(self.types[kind], value, where)

    def reply(self, method, value):
        self.check(self.replies[method], value, method)


class Contract(kplab.Case):
    delay = f"{CN_MS},{RU_MS}"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.daemon = Daemon(cls.lab, start=False)
        cls.text = kplab.lab_yaml(
            cls.daemon.socket, defaults={"interval": "250ms", "timeout": "1s", "jitter": "10%"},
            limits=kplab.WIDE, verdict={"false-alarms": "1/1h", "recover-after": "10s"},
            log={"journal": "off", "sample": "100%"})
        cls.daemon.write(cls.text)
        cls.started = time.time()
        cls.enterClassContext(cls.daemon)
        cls.daemon.start()
        # Nothing is known yet, and said to be unknown.
        cls.daemon.ctl("status", "--exit-status", code=10)
        cls.early = cls.daemon.status()
        cls.daemon.wait_clear()
        cls.calm = cls.daemon.call("ListPaths")["paths"]

    def setUp(self):
        self.daemon.wait_clear()

    # -- objects --

    def test_fields(self):
        self.daemon.ctl("mute", "vok", "--for", "1h", "--reason", "fields")
        status, paths, targets = (self.daemon.ctl(verb, "--json")
                                  for verb in ("status", "paths", "targets"))
        self.daemon.ctl("unmute", "vok")
        for reply in (status, self.early):
            fields(self, reply, STATUS, "status")
            fields(self, reply["vantage"], VANTAGE, "vantage")
            fields(self, reply["targets"], COUNTS, "targets")
            fields(self, reply["daemon"], DAEMON, "daemon")
        for path in paths["paths"] + status["paths"]:
            fields(self, path, PATH, path["name"])
        for target in targets["targets"]:
            fields(self, target, TARGET, target["name"])
            for probe in target["probes"]:
                fields(self, probe, PROBE, f"{target['name']}/{probe['name']}")
        self.assertEqual(paths["schema"], 1)
        self.assertEqual(targets["schema"], 1)
        self.assertEqual([list(p) for p in status["paths"]], [list(p) for p in paths["paths"]])
        muted = {t["name"] for t in targets["targets"] if t["muted_until"]}
        self.assertEqual(muted, {"vok"})

    def test_interface(self):
        """Every reply is what the interface description says, to the field."""
        text = self.daemon.call("org.varlink.service.GetInterfaceDescription",
                                interface="org.kpwatchd.Monitor")["description"]
        idl = Idl(text)
        info = self.daemon.call("org.varlink.service.GetInfo")
        self.assertEqual(info["interfaces"], ["org.varlink.service", "org.kpwatchd.Monitor"])
        for method, parameters in (
                ("GetStatus", {}), ("ListPaths", {}), ("ListPaths", {"path": CN}),
                ("ListTargets", {}), ("ListTargets", {"target": "anchor-1"}),
                ("ListTargets", {"group": "news", "state": "up"}),
                ("ListTargets", {"state": "down"}), ("ListEvents", {}),
                ("ListEvents", {"kinds": ["target"], "since": kplab.rfc3339(self.started)}),
                ("Probe", {"target": "kcna"}),
                ("Mute", {"name": "vok", "for_seconds": 60, "reason": "x"}),
                ("Mute", {"name": CN, "for_seconds": 0.5, "reason": "ü"}), ("ListMutes", {}),
                ("Unmute", {"name": "vok"}), ("Unmute", {"name": CN}), ("ListMutes", {}),
                ("Reload", {}), ("CheckConfig", {}), ("SetLogLevel", {"level": "info"}),
                ("GetStats", {})):
            with self.subTest(method=method, **parameters):
                idl.reply(method, self.daemon.call(method, **parameters))
        idl.reply("GetStatus", self.early)
        self.daemon.write(self.text.replace("version: 1", "version: 2"))
        checked = self.daemon.call("CheckConfig")
        self.daemon.write(self.text)
        idl.reply("CheckConfig", checked)
        self.assertIs(checked["valid"], False)

    def test_values(self):
        hosts = {"kcna": "kcna.kp", "mfa": "mfa.gov.kp", "tld-ns1": "ns1.kptc.kp", "ttk-10": None}
        ways = {CN: CN_MS / 1e3, RU: RU_MS / 1e3}
        earlier = self.daemon.targets()
        targets = wait_for(
            lambda: (now := self.daemon.targets())["kcna"]["probes"][0]["sent"]
            > earlier["kcna"]["probes"][0]["sent"] + 8 and now, "eight more probes")
        self.assertEqual(len(targets), 25)
        self.assertNotIn("edu-ns", targets)  # enabled: false
        for name, target in targets.items():
            plain = name.removesuffix("-v6")
            addresses = self.lab.v6 if name.endswith("-v6") else self.lab.v4
            self.assertEqual(target["address"], addresses[plain], name)
            net = plain.startswith("rtr-178")
            way = None if net else RU if plain.startswith("ttk") else CN
            # What may come by either path is known only once it is traced.
            self.assertIn((target["path"], target["path_source"]), (
                (way, None if net else "config"), (way or RU, "trace")), name)
            self.assertIs(target["anchor"], False)
            if name in hosts:
                self.assertEqual(target["host"], hosts[name])
            for was, probe in zip(earlier[name]["probes"], target["probes"]):
                self.values_of_probe(probe, ways[way or RU], name)
                self.assertAlmostEqual(probe["answered"] - was["answered"],
                                       probe["sent"] - was["sent"], delta=2)
        self.assertEqual({targets["kcna"]["title"], targets["web-91"]["title"]}, {"KCNA", "web-91"})
        self.assertEqual(targets["kcna"]["group"], "news")
        for name in ("kcna", "ttk-10"):
            ttl, shortest = self.lab.ping(targets[name]["address"])
            probe = self.daemon.target(name)["probes"][0]
            best = min(r for r in probe["recent_rtt_seconds"] if r is not None)
            self.assertAlmostEqual(best, shortest, delta=0.02)
            self.assertEqual(probe["reply_ttl"], ttl)
        # Traces may still be settling which path a target is on.
        kplab.wait_for(lambda: {p["name"]: p["targets_up"] for p in self.daemon.status()["paths"]} ==
                       {name: sum(t["path"] == name for t in self.daemon.targets().values())
                        for name in ways}, "paths and targets agree")
        for path in self.calm:
            self.assertEqual(path["answered_ratio"], 1, path["name"])
            self.assertGreater(path["rtt_p50_seconds"], ways[path["name"]] * 0.95)
            self.assertLess(path["rtt_p50_seconds"], ways[path["name"]] + 0.1)
            self.assertGreaterEqual(path["rtt_p95_seconds"], path["rtt_p50_seconds"])
            self.assertEqual({cell for cell in path["spark"] if cell is not None}, {1})
            self.assertEqual(len(path["spark"]), 60)
            self.assertLess(stamp(path["since"]), time.time())
            self.assertGreater(stamp(path["since"]), self.started)

    def values_of_probe(self, probe, way, name):
        where = f"{name}/{probe['name']}"
        self.assertEqual(probe["result"], "answered", where)
        for rtt in (r for r in probe["recent_rtt_seconds"] if r is not None):
            self.assertGreater(rtt, way * 0.98, where)
        self.assertLess(probe["baseline_rtt_seconds"], way + 0.2, where)
        self.assertGreater(probe["baseline_rtt_seconds"], way * 0.98, where)
        self.assertLessEqual(probe["answered"], probe["sent"], where)
        self.assertGreater(probe["baseline_ratio"], 0.9, where)
        self.assertLess(time.time() - stamp(probe["at"]), 5, where)

    def test_counters_add_up(self):
        """Without paths, whose last visible hops are asked as well and are no targets."""
        targets = [{"name": name, "address": self.lab.v4[name], "probes": probes} for name, probes in
                   (("kcna", ["ping", "web"]), ("tld-ns1", ["soa", "soa-by-tcp", "dns-tcp"]))]
        with Daemon(self.lab, kplab.conf(targets, paths={})) as daemon:
            wait_for(lambda: daemon.status()["targets"]["up"] == 2, "both are up", 40)

            def sums():
                out = dict.fromkeys(("icmp", "tcp-syn", "dns"), 0)
                for name in (*daemon.targets(), "anchor-1", "anchor-2", "anchor-3"):
                    for probe in daemon.target(name)["probes"]:
                        out[probe["type"]] += probe["sent"]
                return out
            before, summed, after = daemon.stats(), sums(), daemon.stats()
        for kind, total in summed.items():
            self.assertGreater(total, 0)
            self.assertLessEqual(before["probes"][kind]["sent"], total)
            self.assertLessEqual(total, after["probes"][kind]["sent"])

    def test_counters(self):
        after = self.daemon.stats()
        for probes in after["probes"].values():
            finished = sum(probes["results"].values())
            self.assertLessEqual(finished, probes["sent"])
            self.assertLessEqual(probes["sent"] - finished, after["in_flight"])
        self.assertEqual(after["denied"], 0)
        items = sum(len(t["probes"]) for t in self.daemon.targets().values()) + 3
        self.assertEqual(after["items"], items)
        status = self.daemon.status()
        uptime = status["daemon"]["uptime_seconds"]
        self.assertAlmostEqual(uptime, time.time() - self.started, delta=2)
        self.assertLess(abs(stamp(status["daemon"]["started_at"]) - self.started), 2)
        # Four a second from each item, less what was not learned at the start.
        self.assertAlmostEqual(status["daemon"]["probes_per_second"], 4 * items,
                               delta=4 * items * (0.1 + 2 / min(uptime, 60)))
        self.assertEqual(status["targets"], {"total": 25, "up": 25, "degraded": 0, "down": 0,
                                             "unknown": 0})
        self.assertIn("25 of 25", status["summary"])

    def test_refused_stream_takes_its_time(self):
        """A refused TCP connection is an answer: its round trip is measured too."""
        alone = {"name": "ns", "address": self.lab.v4["tld-ns2"], "probes": ["soa-by-tcp"]}
        with self.lab.fault("stop ns2"), Daemon(
                self.lab, kplab.conf([alone], anchors=[], paths={})) as daemon:
            probe = wait_for(lambda: (p := daemon.probe("ns", "soa-by-tcp"))["answered"] > 8 and p,
                             "refused")
        self.assertEqual(probe["result"], "refused")
        for rtt in probe["recent_rtt_seconds"]:
            self.assertGreater(rtt, CN_MS / 1e3 * 0.98)
            self.assertLess(rtt, 0.5)

    def test_late_answers(self):
        """What comes after the time-out revises what was said."""
        text = self.text.replace(
            "address: 198.18.176.71,", "address: 198.18.176.71, timeout: 5ms,", 1)
        self.assertNotEqual(text, self.text)
        before = self.daemon.target("kcna")["probes"]
        self.daemon.write(text)
        self.daemon.ctl("reload")
        try:
            def check():
                for was, now in zip(before, self.daemon.target("kcna")["probes"]):
                    self.assertGreater(now["late"], was["late"] + 5)
                    self.assertGreaterEqual(now["answered"] + 3, now["sent"])
                    if now["result"] == "answered":
                        self.assertGreater(now["rtt_seconds"], CN_MS / 1e3 * 0.98)
                return True
            wait_for(check, "late answers count")
            self.assertEqual(self.daemon.target("kcna")["state"], "up")
        finally:
            self.daemon.write(self.text)
            self.daemon.ctl("reload")

    # -- verbs --

    def test_exit_codes(self):
        for words, code in (
                ("status", 0), ("status --exit-status", 0), ("--exit-status status", 0),
                ("paths", 0), (f"paths {CN}", 0), ("paths china-unicon", 1), ("paths a b", 2),
                ("targets", 0), ("targets kcna", 0), ("targets anchor-2", 0), ("targets knca", 1),
                ("targets --state up", 0), ("targets --state sideways", 2),
                ("targets --group news", 0), ("targets --group newz", 1),
                ("events", 0), ("events --since 1h", 0), ("events --since 2026-01-01T00:00:00Z", 0),
                ("events --since yesterday", 2), ("check-config", 0),
                (f"check-config {self.daemon.conf}", 0), ("check-config /nonexistent", 1),
                ("reload", 0), ("reload now", 2),
                ("probe kcna", 0), ("probe anchor-1", 0), ("probe nobody", 1), ("probe", 2),
                ("mute kcna --for 1h --reason x", 0), ("mutes", 0), ("unmute kcna", 0),
                ("unmute kcna", 1), ("unmute nobody", 1), ("mute nobody --for 1h --reason x", 1),
                ("mute kcna --for 1h", 2), ("mute kcna --reason x", 2),
                ("mute kcna --for 1 --reason x", 2), ("mute --for 1h --reason x", 2),
                ("log-level debug", 0), ("log-level info", 0), ("log-level loud", 2),
                ("log-level", 2),
                ("stats", 0), ("version", 0), ("help", 0), ("help mute", 0), ("help nothing", 2),
                ("--help", 0), ("--version", 0), ("frobnicate", 2), ("status --frobnicate", 2),
                ("status extra", 2), ("-o yaml status", 2), ("", 2)):
            with self.subTest(words=words):
                done = self.daemon.ctl(*words.split(), code=code)
                if code == 0:
                    self.assertNotEqual(done.out, "")
                else:
                    self.assertEqual(done.out, "")
                    self.assertIn("kpwatchctl", done.err)
                self.assertNotIn("\x1b", done.out + done.err)
        self.assertIn("did you mean 'kcna'?", self.daemon.ctl("targets", "kcn", code=1).err)
        for form in ("table", "wide", "json", "jsonl", "csv"):
            for verb in ("status", "paths", "targets", "events", "mutes", "stats", "version"):
                out = self.daemon.ctl("-o", form, verb).out
                for part in {"json": [out], "jsonl": out.splitlines()}.get(form, []):
                    json.loads(part)

    def test_people_without_rights(self):
        """The group reads, others do not even that, and changes are for root."""
        binary = shutil.copy(kplab.KPWATCHCTL, self.lab.dir)
        for directory in (self.lab.dir, self.daemon.dir):
            os.chmod(directory, 0o711)
        member = ("setpriv", "--reuid=65534", "--regid=0", "--clear-groups", binary)
        other = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", binary)
        for who, words, code in (
                (member, "status", 0), (member, "targets kcna", 0), (member, "events", 0),
                (member, "check-config", 0), (member, "stats", 0), (member, "mutes", 0),
                (member, "reload", 4), (member, "probe kcna", 4), (member, "unmute kcna", 4),
                (member, "mute kcna --for 1h --reason x", 4), (member, "log-level debug", 4),
                (other, "status", 4), (other, "reload", 4)):
            done = subprocess.run([*who, "-s", self.daemon.socket, *words.split()], timeout=30,
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, code, f"{words}: {done}")
        self.assertEqual(self.daemon.ctl("mutes", "--json")["mutes"], [])

    def test_probe_now(self):
        before = self.daemon.probe("kcna", "web")["sent"]
        asked = self.daemon.ctl("probe", "kcna", "--json")
        fields(self, asked, {"schema": (1,), "target": ("kcna",), "requested_at": when})
        wait_for(lambda: all(stamp(p["at"]) >= stamp(asked["requested_at"])
                             for p in self.daemon.target("kcna")["probes"]), "it was asked")
        self.assertGreater(self.daemon.probe("kcna", "web")["sent"], before)
        self.assertIn("web", self.daemon.ctl("probe", "kcna").out)

    # -- events --

    def test_watch(self):
        """In a pipe: one event a line, none missing."""
        for form in (["--all"], ["-o", "jsonl"], ["-o", "csv"]):
            with subprocess.Popen(["timeout", "30", kplab.KPWATCHCTL, "-s", self.daemon.socket,
                                   *form, "watch", "events"], stdout=subprocess.PIPE,
                                  text=True) as watch:
                lines = [watch.stdout.readline() for _ in range(150)]
                watch.terminate()
            for line in lines:
                self.assertRegex(line, r"^.*\S.*\n$")
            if "jsonl" not in form:
                continue
            events = [json.loads(line) for line in lines]
            sequence = [e["event"]["sequence"] for e in events]
            self.assertEqual(sequence, list(range(sequence[0], sequence[0] + 150)))
            for event in events:
                fields(self, event, {"@timestamp": when, "message": str, "kp": dict}, "event")
                fields(self, event["event"], EVENT, "event.event")
                self.assertRegex(event["event"]["id"], r"^lab1-[0-9a-f]{16}-\d+$")
                self.assertEqual(event["observer"]["name"], "lab1")
                self.assertEqual(event["ecs"]["version"][:2], "8.")
                self.assertIn(event["log"]["level"],
                              ("error", "warning", "notice", "info", "debug"))

    def read_events(self, link, number):
        out = [link.receive() for _ in range(number)]
        for message in out:
            self.assertEqual(message["event"]["event"]["sequence"], message["seq"])
            self.assertEqual(message["cursor"].split(":")[1], str(message["seq"]))
        return [message["seq"] for message in out]

    def subscribe(self, **parameters):
        link = Varlink(self.daemon.socket)
        self.addCleanup(link.close)
        link.send("Subscribe", parameters, more=True)
        return link, link.receive()

    def test_subscribe_resumes(self):
        link, first = self.subscribe()
        fields(self, first["status"], STATUS)
        self.assertNotIn("seq", first)
        seen = self.read_events(link, 60)
        self.assertEqual(seen[0], int(first["cursor"].split(":")[1]) + 1)
        link.close()
        boot = first["cursor"].split(":")[0]
        newest = wait_for(lambda: (e := self.daemon.events()[-1]["event"]["sequence"])
                          > seen[-1] + 40 and e, "more happens")
        again, first = self.subscribe(cursor=f"{boot}:{seen[-1]}")
        self.assertNotIn("lost", first)
        self.assertNotIn("restarted", first)
        seen += self.read_events(again, newest - seen[-1] + 40)
        self.assertEqual(seen, list(range(seen[0], seen[0] + len(seen))))
        _, first = self.subscribe(cursor=f"{'0' * 16}:7")
        self.assertIs(first["restarted"], True)
        for bad in ("", "x", f"{boot}:", f"{boot}:-1", f"{boot}:99999999999", f":{newest}"):
            with self.assertRaises(VarlinkError, msg=bad) as caught:
                self.subscribe(cursor=bad)
            self.assertEqual(caught.exception.parameters, {"parameter": "cursor"}, bad)

    def test_subscribe_kinds(self):
        link, _ = self.subscribe(kinds=["config", "daemon.stop"])
        self.daemon.ctl("reload")
        self.daemon.ctl("reload")
        for _ in range(2):
            self.assertEqual(link.receive()["event"]["event"]["action"], "config.reload")
        with self.assertRaises(VarlinkError):
            self.subscribe(kinds=["weather"])

    def test_wrong_requests(self):
        for method, parameters, error in (
                ("GetNothing", {}, "org.varlink.service.MethodNotFound"),
                ("org.kpwatchd.Other.Get", {}, "org.varlink.service.InterfaceNotFound"),
                ("GetStatus", {"address": "198.18.0.1"}, "org.varlink.service.InvalidParameter"),
                ("Probe", {"target": "198.18.176.71"}, "org.kpwatchd.Monitor.NotFound"),
                ("Probe", {}, "org.varlink.service.InvalidParameter"),
                ("Probe", {"target": "kcna", "address": "198.18.0.1"},
                 "org.varlink.service.InvalidParameter"),
                ("Mute", {"name": "kcna", "for_seconds": 0, "reason": "x"},
                 "org.varlink.service.InvalidParameter"),
                ("SetLogLevel", {"level": "loud"}, "org.varlink.service.InvalidParameter")):
            with self.assertRaises(VarlinkError) as caught:
                self.daemon.call(method, **parameters)
            self.assertEqual(caught.exception.error, error)

    # -- mutes --

    def test_mutes(self):
        began = kplab.rfc3339(time.time())
        until = time.time() + 3600
        self.addCleanup(self.unmute_all)
        for name in ("kcna", "kcna-v6"):
            self.daemon.ctl("mute", name, "--for", "1h", "--reason", "announced, “work”")
        self.daemon.ctl("mute", RU, "--for", "1h", "--reason", "path")
        self.daemon.ctl("mute", "vok", "--for", "1s", "--reason", "short")
        mutes = {m["name"]: m for m in self.daemon.ctl("mutes", "--json")["mutes"]}
        self.assertEqual({(m["name"], m["kind"], m["reason"]) for m in mutes.values()}, {
            ("kcna", "target", "announced, “work”"), ("kcna-v6", "target", "announced, “work”"),
            (RU, "path", "path"), ("vok", "target", "short")})
        self.assertAlmostEqual(stamp(mutes["kcna"]["until"]), until, delta=5)
        self.assertEqual(self.daemon.target("kcna")["muted_until"], mutes["kcna"]["until"])
        self.assertEqual(self.daemon.path(RU)["muted_until"], mutes[RU]["until"])
        wait_for(lambda: "vok" not in [m["name"] for m in self.daemon.call("ListMutes")["mutes"]],
                 "a mute ends", 5)
        with self.lab.fault("drop kcna 80", "drop kcna 443", "drop ttk-10 80"):
            wait_for(lambda: self.daemon.target("kcna")["state"] == "down" and
                     self.daemon.target("ttk-10")["state"] == "down", "both are down", 40)
            sent = self.daemon.probe("kcna", "web")["sent"]
            wait_for(lambda: self.daemon.probe("kcna", "web")["sent"] > sent + 3, "still probed")
            self.daemon.ctl("reload")
            status = self.daemon.ctl("status", "--exit-status", "--json")
            self.assertEqual(status["verdict"], "clear")
            self.assertEqual(len(self.daemon.call("ListMutes")["mutes"]), 3)
            self.assertEqual(self.told(began, "kcna"), [])
            self.assertEqual(self.told(began, "ttk-10"), [])
            self.daemon.ctl("unmute", "kcna")
            wait_for(lambda: self.told(began, "kcna") == ["down"], "said once it may be")
            wait_for(lambda: self.daemon.status()["verdict"] != "clear", "and judged")
        wait_for(lambda: self.told(began, "kcna") == ["down", "up"], "and that it is back")
        self.assertEqual(self.told(began, "ttk-10"), [])

    def unmute_all(self):
        for mute in self.daemon.call("ListMutes")["mutes"]:
            self.daemon.ctl("unmute", mute["name"])

    def told(self, since, name):
        return [e["kp"]["state"]["to"] for e in self.daemon.events("target.state", since=since)
                if e["kp"]["target"]["name"] == name]


if __name__ == "__main__":
    kplab.main()
