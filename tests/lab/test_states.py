#!/usr/bin/env python3
"""Targets, paths and our own connection: what goes down, since when, and back up."""
import contextlib
import threading
import time

import kplab
from kplab import Daemon, stamp, wait_for

CN = {"kcna": ["web", "tls"], "rodong": ["web", "tls"], "airkoryo": ["web", "ping"],
      "tld-ns1": ["soa", "dns-tcp"], "tld-ns2": ["soa"], "vok": ["web", "tls"]}
RU = {"ttk-gw": ["web", "ping"], "ttk-10": ["web"], "ttk-11": ["web", "ping"]}
V6 = ("kcna", "tld-ns1", "ttk-10")
CN_PATH, RU_PATH = "china-unicom", "transtelecom"


class States(kplab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        targets = []
        for path, hosts in ((CN_PATH, CN), (RU_PATH, RU)):
            for name, probes in hosts.items():
                more = {"probes": probes, "paths": [path]}
                targets.append({"name": name, "address": cls.lab.v4[name], **more})
                if name in V6:
                    targets.append({"name": name + "-v6", "address": cls.lab.v6[name], **more})
        targets.append({"name": "either", "address": cls.lab.v4["rtr-178-161"],
                        "probes": ["ping"], "paths": [CN_PATH, RU_PATH]})
        cls.daemon = cls.enterClassContext(Daemon(cls.lab, kplab.conf(targets)))
        cls.cn = {t["name"] for t in targets if t.get("paths") == [CN_PATH]}
        cls.rest = {t["name"] for t in targets} - cls.cn

    def setUp(self):
        self.daemon.wait_clear()
        self.began = kplab.rfc3339(time.time())

    def states(self):
        return {name: target["state"] for name, target in self.daemon.targets().items()}

    def wait_states(self, **wanted):
        """Until the named targets (with _ for -) have these states and all others are up."""
        wanted = {name.replace("_", "-"): state for name, state in wanted.items()}
        return wait_for(lambda: self.assertEqual(
            self.states(), {name: wanted.get(name, "up") for name in self.cn | self.rest}) or True,
            f"states {wanted}", 40)

    def happened(self, action, **kp):
        """The events of an action since the test began: {subject: [(from, to, since)]}."""
        out = {}
        for event in self.daemon.events(action, since=self.began):
            state = event["kp"]["state"]
            subject = event["kp"].get("target", event["kp"].get("path", {})).get("name")
            out.setdefault(subject, []).append((state["from"], state["to"], state["since"]))
        return out

    def about(self, text, first, last, margin=3.0):
        """A time lies between first and last, or at most a little later.  (Earlier only
        by what a probe was already under way.)"""
        self.assertGreater(stamp(text), first - 0.7)
        self.assertLess(stamp(text), last + margin)

    def test_path(self):
        up_since = self.daemon.path(RU_PATH)["since"]
        with self.lab.fault(f"cut {CN_PATH}") as (first, last):
            path = wait_for(lambda: (p := self.daemon.path(CN_PATH))["state"] == "down" and p,
                            "the path is down", 40)
            self.about(path["since"], first, last)
            self.wait_states(**dict.fromkeys(self.cn, "down"))
            targets = self.daemon.targets()
            for name in self.cn:
                self.about(targets[name]["since"], first, last)
            paths = {p["name"]: p for p in self.daemon.call("ListPaths")["paths"]}
            self.assertEqual(paths[CN_PATH]["targets_down"], len(self.cn))
            self.assertEqual(paths[CN_PATH]["targets_up"], 0)
            self.assertLess(paths[CN_PATH]["answered_ratio"], 1)
            self.assertEqual(paths[RU_PATH]["state"], "up")
            self.assertEqual(paths[RU_PATH]["since"], up_since)
            self.assertEqual(paths[RU_PATH]["targets_down"], 0)
            status = self.daemon.status()
            self.assertEqual(status["targets"]["down"], len(self.cn))
            self.assertEqual(status["targets"]["up"], len(self.rest))
            self.assertIs(status["vantage"]["healthy"], True)
            self.assertNotEqual(status["verdict"], "clear")
            self.assertIn("China Unicom", status["summary"])
            healed = time.time()
        done = time.time()
        self.wait_states()
        path = wait_for(lambda: (p := self.daemon.path(CN_PATH))["state"] == "up" and p,
                        "the path is up", 40)
        self.about(path["since"], healed, done)
        for name, target in self.daemon.targets().items():
            if name in self.cn:
                self.about(target["since"], healed, done)
        events = self.happened("path.state")
        self.assertEqual([e[:2] for e in events.pop(CN_PATH)], [("up", "down"), ("down", "up")])
        self.assertEqual(events, {})
        events = self.happened("target.state")
        self.assertEqual(set(events), self.cn)
        for name, changes in events.items():
            self.assertEqual(changes[0][:2], ("up", "down"), name)
            self.assertEqual(changes[-1][1], "up", name)
            self.about(changes[0][2], first, last)
        for name, changes in events.items():
            self.assertEqual(len(changes), 2, f"{name} does not flap: {changes}")

    def test_hosts_ports_and_an_anchor(self):
        """All at once: each is one host's matter, and none the path's or ours."""
        with self.lab.fault("host-down kcna", "drop rodong 443", "stop ns2",
                            "anchor-down 1 --silent") as (first, last):
            self.wait_states(kcna="down", kcna_v6="down", rodong="degraded", tld_ns2="down")
            wait_for(lambda: self.daemon.status()["vantage"]["anchors_up"] == 2, "one is lost")
            targets = self.daemon.targets()
            for name in ("kcna", "kcna-v6", "rodong", "tld-ns2"):
                self.about(targets[name]["since"], first, last)
            states = {p["name"]: p["state"] for p in targets["rodong"]["probes"]}
            self.assertEqual(states, {"web": "up", "tls": "down"})
            status = self.daemon.status()
            self.assertIs(status["vantage"]["healthy"], True)
            self.assertEqual({p["name"]: p["state"] for p in status["paths"]},
                             {CN_PATH: "up", RU_PATH: "up"})
            self.assertEqual({a["name"]: a["state"] for a in status["vantage"]["anchors"]},
                             {"anchor-1": "down", "anchor-2": "up", "anchor-3": "up"})
            self.assertEqual(status["targets"]["down"], 3)
            self.assertEqual(status["targets"]["degraded"], 1)
            healed = time.time()
        done = time.time()
        self.wait_states()
        for name in ("kcna", "kcna-v6", "rodong", "tld-ns2"):
            self.about(self.daemon.target(name)["since"], healed, done)
        self.assertEqual(self.happened("path.state"), {})
        self.assertEqual(self.happened("vantage.health"), {})

    def test_vantage(self):
        """Our own uplink fails: nobody is said to be down, not even for a moment."""
        seen = []
        with self.watching(seen):
            with self.lab.fault("vantage-down") as (first, _):
                status = wait_for(
                    lambda: (s := self.daemon.status())["vantage"]["healthy"] is False and s,
                    "we know that it is us", 40)
                self.assertEqual(status["vantage"]["anchors_up"], 0)
                self.assertEqual(status["targets"]["unknown"], status["targets"]["total"])
                self.assertNotEqual(status["verdict"], "clear")
                for thing in status["paths"] + self.daemon.call("ListTargets")["targets"]:
                    self.assertEqual(thing["state"], "unknown", thing["name"])
                    self.assertGreater(stamp(thing["since"]), first - 0.7, thing["name"])
                healed = time.time()
            wait_for(lambda: self.daemon.status()["vantage"]["healthy"], "we are back", 10)
            back = time.time()
            self.assertLess(back - healed, 5)
            self.daemon.wait_clear(10)
        self.assertGreater(len(seen), 20)
        self.assertEqual([s for s in seen if s["down"] or s["degraded"]], [])
        health = self.happened("vantage.health")[None]
        self.assertEqual([e[:2] for e in health], [("up", "down"), ("down", "up")])
        self.about(health[1][2], healed, back)
        for action in ("target.state", "path.state"):
            for name, changes in self.happened(action).items():
                self.assertNotIn("down", [c[1] for c in changes], name)

    @contextlib.contextmanager
    def watching(self, seen):
        """Takes the target counts down every 20 ms meanwhile."""
        end = threading.Event()

        def look():
            link = kplab.Varlink(self.daemon.socket)
            while not end.wait(0.02):
                seen.append(link.call("GetStatus")["targets"])
            link.close()
        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()

    def test_vantage_silent(self):
        """The line to us dies without a word: sends work, nothing answers."""
        with self.lab.fault("vantage-down --silent"):
            wait_for(lambda: self.daemon.status()["vantage"]["healthy"] is False,
                     "we know that it is us", 40)
            self.assertEqual(self.daemon.status()["targets"]["down"], 0)
        self.daemon.wait_clear()
        self.assertEqual([c for changes in self.happened("target.state").values()
                          for c in changes if c[1] == "down"], [])


if __name__ == "__main__":
    kplab.main()
