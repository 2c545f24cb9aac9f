#!/usr/bin/env python3
"""Two daemons side by side: both hear all that comes, and neither takes what is
the other's."""
import signal

import kplab
from kplab import Daemon, stamp, wait_for

HOSTS = {"kcna": ["web", "tls", "ping"], "rodong": ["web", "ping"], "ttk-10": ["web", "ping"],
         "tld-ns1": ["soa", "dns-tcp", "ping"], "tld-ns2": ["soa", "soa-by-tcp"]}
DEAD = ("kcna", "kcna-v6")


class Pair(kplab.Case):
    def conf(self, **more):
        targets = []
        for name, probes in HOSTS.items():
            path = "transtelecom" if name.startswith("ttk") else "china-unicom"
            for suffix, addresses in (("", self.lab.v4), ("-v6", self.lab.v6)):
                targets.append({"name": name + suffix, "address": addresses[name],
                                "probes": probes, "paths": [path]})
        return kplab.conf(targets, **more)

    def setUp(self):
        # Different paces, so that they do not stay in step.
        self.daemons = [self.enterContext(Daemon(self.lab, self.conf(defaults={
            "interval": pace, "timeout": "1500ms"}), name=name))
            for name, pace in (("a", "200ms"), ("b", "130ms"))]
        for daemon in self.daemons:
            daemon.wait_clear()

    def consistent(self, daemon, dead=()):
        """Never more answers than questions, each result counted once."""
        finished = {kind: sum(counters["results"].values())
                    for kind, counters in daemon.stats()["probes"].items()}
        targets = daemon.targets()
        stats = daemon.stats()
        for name, target in targets.items():
            for probe in target["probes"]:
                self.assertLessEqual(probe["answered"], probe["sent"], name)
                if name not in dead:
                    self.assertGreaterEqual(probe["answered"] + 12, probe["sent"], name)
        for kind, counters in stats["probes"].items():
            self.assertLessEqual(finished[kind], counters["sent"], kind)
            for reason in ("duplicate", "bad_checksum", "malformed", "wrong_source"):
                self.assertEqual(counters["discarded"][reason], 0, f"{kind} {reason}")
            if not dead:
                self.assertEqual(counters["results"]["timeout"], 0, kind)
            self.assertEqual(counters["results"]["local-error"], 0, kind)

    def more(self, number):
        """Until each daemon has sent that many more of each probe."""
        before = [daemon.targets() for daemon in self.daemons]

        def check():
            for daemon, then in zip(self.daemons, before):
                for name, target in daemon.targets().items():
                    for probe, was in zip(target["probes"], then[name]["probes"]):
                        self.assertGreaterEqual(probe["sent"], was["sent"] + number)
            return True
        wait_for(check, f"{number} more probes")

    def test_both(self):
        self.more(10)
        for daemon in self.daemons:
            self.consistent(daemon)
            discarded = daemon.stats()["probes"]
            # The other's SYN/ACKs pass the filter, for the ports are shared; they
            # prove nothing.  Its echo replies do not get that far.
            self.assertGreater(discarded["tcp-syn"]["discarded"]["bad_cookie"], 10)
            self.assertEqual(discarded["dns"]["discarded"]["bad_cookie"], 0)
        with self.lab.fault("host-down kcna --silent") as (first, last):
            for daemon in self.daemons:
                wait_for(lambda d=daemon: all(d.target(name)["state"] == "down" for name in DEAD),
                         "both see it", 40)
            counts = [{(n, p["name"]): p["answered"] for n in DEAD
                       for p in d.target(n)["probes"]} for d in self.daemons]
            self.more(8)
            for daemon, count in zip(self.daemons, counts):
                for name in DEAD:
                    target = daemon.target(name)
                    self.assertEqual(target["state"], "down")
                    self.assertGreater(stamp(target["since"]), first - 0.7)
                    self.assertLess(stamp(target["since"]), last + 3)
                    for probe in target["probes"]:
                        self.assertEqual(probe["result"], "timeout")
                        self.assertEqual(probe["answered"], count[name, probe["name"]])
                status = daemon.status()
                self.assertEqual(status["targets"]["down"], 2)
                self.assertIs(status["vantage"]["healthy"], True)
                self.consistent(daemon, DEAD)
        for daemon in self.daemons:
            daemon.wait_clear()

    def test_icmp_errors(self):
        """An error that quotes the other's probe is no news about ours: this one asks
        a host that is prohibited, the other does not."""
        first, second = self.daemons
        second.write(self.conf().replace('"kcna"', '"gone"').replace(
            f'"{self.lab.v4["kcna"]}"', f'"{self.lab.v4["vok"]}"'))
        second.ctl("reload")
        with self.lab.fault("admin-prohibited kcna"):
            for probe in HOSTS["kcna"]:
                wait_for(lambda p=probe: first.probe("kcna", p)["cause"] == "admin-prohibited",
                         "prohibited")
            self.more(5)
            for name, target in second.targets().items():
                for probe in target["probes"]:
                    if name != "kcna-v6":
                        self.assertEqual(probe["result"], "answered", name)
                        self.assertIsNone(probe["cause"], name)

    def test_one_ends(self):
        """The end of one, even a sudden one, does not touch the other."""
        first, second = self.daemons
        before = second.stats()["probes"]
        first.stop(signal.SIGKILL)
        sent = second.probe("kcna", "web")["sent"]
        wait_for(lambda: second.probe("kcna", "web")["sent"] > sent + 10, "it goes on")
        after = second.stats()["probes"]
        for kind, counters in after.items():
            self.assertEqual(counters["results"]["timeout"], before[kind]["results"]["timeout"])
        self.consistent(second)


if __name__ == "__main__":
    kplab.main()
