#!/usr/bin/env python3
"""Reloads, good and bad, while probing goes on: nothing is lost, nothing grows."""
import os
import re
import signal
import statistics
import time

import kplab
from kplab import Daemon, VarlinkError, wait_for

LONG = bool(os.environ.get("KP_LONG"))  # tests/lab/faults Reload
ROUNDS = 500 if LONG else 50  # of a bad one and a good one
PATIENT = {"interval": "200ms", "timeout": "2s", "jitter": "10%"}  # a busy machine is no loss
STEADY = ("kcna", "rodong", "airkoryo", "tld-ns1", "tld-ns2", "ttk-10", "mfa")
PROBED = {"airkoryo": ["web", "ping"], "tld-ns1": ["soa", "soa-by-tcp", "dns-tcp"],
          "tld-ns2": ["soa", "ping"], "ttk-10": ["web", "ping"]}


class Reload(kplab.Case):
    def conf(self, *extra, **sections):
        targets = [{"name": name, "probes": PROBED.get(name, ["web", "tls", "ping"]),
                    "paths": ["transtelecom" if name.startswith("ttk") else "china-unicom"],
                    **({"host": "mfa.gov.kp"} if name == "mfa" else
                       {"address": self.lab.v4[name]})} for name in STEADY]
        for name in extra:
            targets.append({"name": name, "address": self.lab.v4[name], "probes": ["ping"]})
        return kplab.conf(targets, **{"resolve-at": [self.lab.v4["tld-ns1"]],
                                      "defaults": PATIENT, **sections})

    def make_bad(self, path, turn):
        """Puts something in the way that is no configuration."""
        good = self.conf()
        if os.path.lexists(path):
            os.rmdir(path) if os.path.isdir(path) else os.unlink(path)
        kind = turn % 8
        if kind == 0:
            return  # missing
        if kind == 1:
            os.mkdir(path)
        elif kind == 2:
            os.mkfifo(path)
        else:
            text = (good.replace("version: 1", "version: 1\ncolour: blue"),
                    good.replace("198.18.176.71", "9.9.9.9"), good + "targets: [\n",
                    good + "# " + "x" * (1 << 20) + "\n", "\0" + good)[kind - 3]
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)

    def put_good(self, daemon, text):
        if os.path.isdir(daemon.conf):
            os.rmdir(daemon.conf)
        daemon.write(text)

    def measure(self, daemon):
        """Descriptors that stay, and kilobytes of memory."""
        descriptors = min(len(os.listdir(f"/proc/{daemon.pid}/fd")) for _ in range(20))
        with open(f"/proc/{daemon.pid}/status", encoding="ascii") as file:
            return descriptors, int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])

    def counters(self, daemon):
        return {(target["name"], probe["name"]): probe for target in daemon.targets().values()
                for probe in target["probes"]}

    def reload(self, daemon, by_signal, good):
        """Either way of asking for it; the daemon says how it went."""
        if not by_signal:
            if good:
                return daemon.call("Reload")["config_loaded_at"]
            with self.assertRaises(VarlinkError) as caught:
                daemon.call("Reload")
            self.assertEqual(caught.exception.error, "org.kpwatchd.Monitor.InvalidConfig")
            self.assertGreater(len(caught.exception.parameters["diagnostics"]), 0)
        else:
            def last():
                events = daemon.events("config.reload")
                return events[-1]["event"]["sequence"] if events else 0
            before = last()
            daemon.kill(signal.SIGHUP)
            wait_for(lambda: last() > before, "the reload is told")
            events = daemon.events("config.reload")
            self.assertIs(events[-1]["kp"]["config"]["success"], good)
            self.assertEqual(events[-1]["event"]["outcome"], "success" if good else "failure")
        return daemon.status()["daemon"]["config_loaded_at"]

    def test_many(self):
        with Daemon(self.lab, self.conf(), name="many") as daemon:
            daemon.wait_clear()
            while LONG and daemon.stats()["events"]["published"] < 4200:
                daemon.call("Reload")  # as many events as are remembered
            loaded = daemon.status()["daemon"]["config_loaded_at"]
            before, marks = self.counters(daemon), []
            for turn in range(ROUNDS):
                by_signal = turn % 3 == 0
                self.make_bad(daemon.conf, turn)
                self.assertEqual(self.reload(daemon, by_signal, False), loaded, f"turn {turn}")
                extra = ("vok",) if turn % 2 else ("maritime", "web-91")
                self.put_good(daemon, self.conf(*extra))
                now = self.reload(daemon, by_signal, True)
                self.assertGreater(now, loaded)
                loaded = now
                targets = daemon.targets()
                self.assertEqual(set(targets), {*STEADY, *extra})
                for name in STEADY:
                    self.assertEqual(targets[name]["state"], "up", f"turn {turn}: {name}")
                    for probe in targets[name]["probes"]:
                        where = f"turn {turn}: {name}/{probe['name']}"
                        was = before[name, probe["name"]]
                        self.assertGreaterEqual(probe["sent"], was["sent"], where)
                        self.assertGreaterEqual(probe["answered"], was["answered"], where)
                        self.assertIsNotNone(probe["baseline_ratio"], where)
                before = self.counters(daemon)
                if turn >= 10:
                    marks.append(self.measure(daemon))
            self.nothing_lost(daemon)
            descriptors = [mark[0] for mark in marks]
            # A name server's socket stays open for a second: their number varies.
            growth = statistics.median(descriptors[-15:]) - statistics.median(descriptors[:15])
            self.assertLessEqual(growth, 1, descriptors)
            if not self.sanitized():
                grown = marks[-1][1] - marks[0][1]
                print(f"{2 * ROUNDS} reloads: memory {grown:+} KiB, descriptors {growth:+}", flush=True)
                self.assertLess(grown, 1024 * (2 if LONG else 1), marks)
            if not LONG:  # as many are remembered
                self.assertEqual(len(daemon.events("config.reload")), 2 * ROUNDS)
            self.assertEqual([e["message"] for e in daemon.events("target", "path")
                              if e["kp"]["state"]["to"] in ("down", "degraded")], [])

    def sanitized(self):
        with open(kplab.KPWATCHD, "rb") as program:
            return b"__asan_init" in program.read()

    def nothing_lost(self, daemon):
        """Each probe sent is answered, but for those under way this moment."""
        def check():
            for (name, probe), now in self.counters(daemon).items():
                self.assertLessEqual(now["answered"], now["sent"])
                self.assertGreaterEqual(now["answered"] + 1, now["sent"], f"{name}/{probe}")
            return True
        wait_for(check, "all that was sent is answered", 5)
        stats = daemon.stats()
        for kind, counters in stats["probes"].items():
            for result in ("timeout", "unreachable", "local-error", "refused"):
                self.assertEqual(counters["results"][result], 0, f"{kind} {result}")
            # What a target that has gone meanwhile still answers is nobody's.
            discarded = {why for why, n in counters["discarded"].items() if n > 0}
            self.assertLessEqual(discarded, {"late"} if kind == "icmp" else set(), kind)

    def test_what_changes(self):
        """What came is probed, what went is not, what stayed goes on, and what has a
        new address begins anew."""
        with Daemon(self.lab, self.conf("vok"), name="changes") as daemon, \
                kplab.Capture(self.lab, "ip") as capture:
            daemon.wait_clear()
            first = daemon.targets()
            daemon.write(self.conf("maritime"))
            daemon.ctl("reload")
            gone = time.time()
            self.assertEqual(set(daemon.targets()), {*STEADY, "maritime"})
            daemon.ctl("targets", "vok", code=1)
            wait_for(lambda: daemon.target("maritime")["state"] == "up", "the new one is up")
            for name in STEADY:
                self.assertEqual(daemon.target(name)["since"], first[name]["since"], name)
            # Another host under the old name.
            old = daemon.target("rodong")["probes"][0]
            def moved(**more):
                return self.conf("maritime", **more).replace(self.lab.v4["rodong"],
                                                             self.lab.v4["shared-81"])
            daemon.write(moved())
            daemon.ctl("reload")
            target = daemon.target("rodong")
            self.assertEqual(target["address"], self.lab.v4["shared-81"])
            self.assertEqual(target["state"], "unknown")
            self.assertIsNone(target["probes"][0]["baseline_ratio"])
            self.assertGreaterEqual(target["probes"][0]["sent"], old["sent"])
            daemon.wait_clear()
            # Another pace: the counters go on.
            counters = self.counters(daemon)
            daemon.write(moved(defaults={**PATIENT, "interval": "100ms"}))
            daemon.ctl("reload")
            quick = self.counters(daemon)
            for key, was in counters.items():
                self.assertGreaterEqual(quick[key]["sent"], was["sent"])
                self.assertEqual(quick[key]["baseline_ratio"], was["baseline_ratio"], key)
            began = time.monotonic()
            wait_for(lambda: daemon.probe("kcna", "web")["sent"]
                     >= quick["kcna", "web"]["sent"] + 20, "twenty more")
            self.assertLess(time.monotonic() - began, 3.5)
            self.assertGreater(time.monotonic() - began, 1.5)
            # What only a restart can change is said, and stays.
            daemon.write(moved(control={"socket": daemon.socket + ".new"}))
            daemon.ctl("reload")
            self.assertIn("restart", daemon.events("config.reload")[-1]["kp"]["config"]["detail"])
            self.assertFalse(os.path.exists(daemon.socket + ".new"))
        late = [p for p in capture.packets if p.out and p.dst == self.lab.v4["vok"]
                and p.time > gone + 0.1]
        self.assertEqual(late, [])

    def test_under_way(self):
        """Probes that are out when a reload comes are still recognised."""
        with self.lab.fault("host-down kcna --silent"), \
                Daemon(self.lab, self.conf(), name="way") as daemon:
            # Three probes to a silent host, five a second, two seconds each.
            wait_for(lambda: daemon.stats()["in_flight"] > 24, "many are under way")
            daemon.ctl("reload")
            self.assertGreater(daemon.stats()["in_flight"], 12)
            self.lab.verb("heal")
            wait_for(lambda: daemon.stats()["in_flight"] < 5, "all are over")
            for kind, counters in daemon.stats()["probes"].items():
                over = sum(counters["results"].values())
                self.assertGreaterEqual(over + 5, counters["sent"], kind)


if __name__ == "__main__":
    if LONG:
        kplab.LONGEST = 3000
    kplab.main()
