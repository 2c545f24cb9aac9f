#!/usr/bin/env python3
"""Nothing leaves for anywhere but where it may, and never faster than it may: seen
on the wire, while everything a user can do is done."""
import collections
import ipaddress
import signal
import subprocess
import time

import kplab
from kplab import Capture, Daemon, VarlinkError, by_kernel, stamp, wait_for

SERVERS = ("tld-ns1", "cust-ns1")
FAR = "ttk-10"  # exists and would answer, but is not in the allow list


class Guard(kplab.Case):
    def conf(self, *more_targets, **sections):
        four, six = self.lab.v4, self.lab.v6
        targets = [
            {"name": "kcna", "address": four["kcna"], "host": "kcna.kp",
             "probes": ["web", "tls", "ping"]},
            {"name": "kcna-v6", "address": six["kcna"], "probes": ["web", "ping"]},
            {"name": "mfa", "host": "mfa.gov.kp", "probes": ["web", "ping"]},
            {"name": "ns", "address": four["tld-ns2"], "probes": ["soa", "soa-by-tcp", "dns-tcp"]},
            *more_targets]
        allow = ["198.18.176.64/26", four["tld-ns2"] + "/32", six["kcna"] + "/128",
                 *(four[name] + "/32" for name in SERVERS)]
        return kplab.conf(targets, **{"allow": allow, "paths": {}, "resolve-at": [
            four[name] for name in SERVERS], **sections})

    def sent(self, capture):
        return [p for p in capture.packets if p.out and not by_kernel(p)]

    # -- whom --

    def test_refused_at_load(self):
        far, anchor = self.lab.v4[FAR], self.lab.v4["anchor-1"]
        for target in ({"name": "far", "address": far, "probes": ["web"]},
                       {"name": "far", "address": "127.0.0.1", "probes": ["web"]},
                       {"name": "far", "address": anchor, "probes": ["web"]},
                       {"name": "far", "address": self.lab.v6[FAR], "probes": ["web"]}):
            text = self.conf(target)
            line, source = next((i, l) for i, l in enumerate(text.splitlines(), 1) if '"far"' in l)
            column = source.index(f'"{target["address"]}"') + 1
            daemon = Daemon(self.lab, text)
            said = daemon.fails()
            self.assertIn(f"{daemon.conf}:{line}:{column}: error:", said)
            self.assertIn("allow", said)
        text = self.conf(**{"resolve-at": [far]})
        line = next(i for i, l in enumerate(text.splitlines(), 1) if "resolve-at" in l)
        daemon = Daemon(self.lab, text)
        self.assertIn(f"{daemon.conf}:{line}:14: error:", daemon.fails())

    def test_destinations(self):
        """All verbs, all methods, reloads, a hijack and rude requests."""
        far = self.lab.v4[FAR]
        with Capture(self.lab) as capture, Daemon(self.lab, self.conf()) as daemon:
            wait_for(lambda: daemon.target("mfa")["address"], "mfa is found")
            self.do_everything(daemon)
            self.lab.verb("hijack", "mfa.gov.kp", far)
            for text in (self.conf(), *(
                    self.conf({"name": name, "address": address, "probes": ["web"]})
                    for name, address in (("far", far), ("near", self.lab.v4["vok"])))):
                daemon.write(text)
                good = "far" not in text
                daemon.ctl("reload", code=0 if good else 1)
                daemon.kill(signal.SIGHUP)
                wait_for(lambda t=text: ("near" in daemon.targets()) == ("near" in t), "loaded")
                self.do_everything(daemon)
            wait_for(lambda: daemon.target("mfa")["address"] is None, "mfa is not followed")
            self.do_everything(daemon)
            wait_for(lambda: daemon.probe("near", "web")["answered"] > 10, "near answers")
            self.assertEqual(daemon.stats()["denied"], 0)
            self.lab.verb("heal")
        allowed = [ipaddress.ip_network(net) for net in (
            "198.18.176.64/26", "198.19.0.1", "198.19.0.2", "198.19.0.3", self.lab.v4["tld-ns2"],
            self.lab.v6["kcna"], *(self.lab.v4[name] for name in SERVERS))]
        count = collections.Counter(p.dst for p in self.sent(capture))
        for destination in count:
            address = ipaddress.ip_address(destination)
            self.assertTrue(any(address in net for net in allowed), f"{address}: {count}")
        for name in ("kcna", "mfa", "vok", *SERVERS, "tld-ns2", "anchor-3"):
            self.assertGreater(count[self.lab.v4[name]], 3, name)
        self.assertGreater(count[self.lab.v6["kcna"]], 3)
        # Servers are asked for names, and nothing else.
        for name in SERVERS:
            self.assertEqual({(p.proto, p.dport) for p in self.sent(capture)
                              if p.dst == self.lab.v4[name]}, {(17, 53)})

    def do_everything(self, daemon):
        far = self.lab.v4[FAR]
        for words in ("status", "paths", "targets", "events", "check-config", "reload",
                      "probe kcna", "probe mfa", "probe ns", f"probe {far}", "probe anchor-1",
                      "mute kcna --for 1h --reason x", "mutes", "unmute kcna", "stats",
                      f"mute {far} --for 1h --reason x", "log-level debug", "log-level info"):
            subprocess.run([kplab.KPWATCHCTL, "-s", daemon.socket, "-o", "json", *words.split()],
                           capture_output=True, timeout=30, check=False)
        for method, parameters in (("Probe", {"target": far}), ("Probe", {"address": far}),
                                   ("Trace", {"target": far}), ("GetTrace", {"target": "kcna"}),
                                   ("ListTargets", {"target": far}), ("Mute", {"name": far})):
            try:
                daemon.call(method, **parameters)
            except VarlinkError:
                pass

    # -- how fast --

    def busiest(self, times, window):
        """The most that were sent within any stretch of so many seconds."""
        times, first, most = sorted(times), 0, 0
        for last, at in enumerate(times):
            while times[first] <= at - window:
                first += 1
            most = max(most, last - first + 1)
        return most

    def questions(self, capture):
        """The probes on the wire: echo requests, SYNs (one a connection), DNS queries."""
        out = []
        for p in self.sent(capture):
            echo = p.proto in (1, 58) and p.kind[0] in (8, 128)
            lookup = p.dst in [self.lab.v4[name] for name in SERVERS]
            query = p.proto == 17 and p.dport == 53 and not lookup
            if echo or query or p.flags == kplab.SYN:
                out.append(p)
        return out

    def test_rates(self):
        """More is wanted than may be sent; the limits hold at every moment, also where
        reloads and requests press."""
        for total, each, burst in ((25, 100, 6), (500, 4, 3)):
            with self.subTest(total=total, each=each, burst=burst):
                self.rates(total, each, burst)

    def rates(self, total, each, burst):
        limits = {"total-rate": f"{total}/s", "per-address-rate": f"{each}/s", "burst": burst}
        near = {"name": "near", "address": self.lab.v4["vok"], "probes": ["web", "ping"]}
        often = {"limits": limits, "trace": {"interval": "1s"}}
        turns = [self.conf(**often), self.conf(near, **often)]
        # Other names, same addresses: the rate is the address's.
        turns.append(turns[0].replace('"name": "kcna"', '"name": "renamed"'))
        with Capture(self.lab) as capture, Daemon(self.lab, turns[0]) as daemon:
            wait_for(lambda: daemon.target("mfa")["address"], "mfa is found")
            end, turn = time.monotonic() + 5, 0
            while time.monotonic() < end:
                turn += 1
                if turn % 40 == 0:
                    daemon.write(turns[turn // 40 % len(turns)])
                    daemon.call("Reload")
                for name in ("mfa", "ns", "kcna-v6"):
                    daemon.call("Probe", target=name)
                time.sleep(0.01)
            stats = daemon.stats()
            wait_for(lambda: daemon.status()["daemon"]["uptime_seconds"]
                     > stats["uptime_seconds"] + 0.5, "a little later")
        probes = self.questions(capture)
        self.assertGreater(len(probes), 50)
        self.assertTrue(each > total or stats["deferred"] > 20, stats["deferred"])
        # A trace keeps to the rates, too, but is no probe of a target's.
        self.counted([p for p in probes if p.ttl >= 64], stats)
        # A packet may leave a little after its turn where the machine is busy.
        for window in (0.2, 1.0, 3.0):
            most = self.busiest([p.time for p in probes], window)
            self.assertLessEqual(most, burst + total * (window + 0.2), f"in {window} s")
            for address in {p.dst for p in probes}:
                most = self.busiest([p.time for p in probes if p.dst == address], window)
                self.assertLessEqual(most, burst + each * (window + 0.2), f"{address}, {window} s")
        # And they are used: the limits are no excuse to sleep.
        span = probes[-1].time - probes[0].time
        addresses = len({p.dst for p in probes} - {self.lab.v4["vok"]})
        self.assertGreater(len(probes), min(total, each * addresses) * span * 0.8)

    def counted(self, probes, stats):
        """What is counted as sent is what was on the wire, or about to be."""
        at = stamp(stats["at"])
        for kind, counters in stats["probes"].items():
            times = [p.time for p in probes if self.kind(p) == kind]
            self.assertLessEqual(sum(t < at - 0.1 for t in times), counters["sent"], kind)
            self.assertGreaterEqual(sum(t < at + 0.5 for t in times), counters["sent"], kind)

    def kind(self, packet):
        stream = packet.dst == self.lab.v4["tld-ns2"] and not self.is_probe_port(packet.sport)
        if packet.proto in (1, 58):
            return "icmp"
        return "dns" if packet.proto == 17 or stream else "tcp-syn"

    def setUp(self):
        text = self.lab.exec("vantage", "cat", "/proc/sys/net/ipv4/ip_local_port_range")
        self.range = [int(word) for word in text.split()]

    def is_probe_port(self, port):
        return not self.range[0] <= port <= self.range[1]

    def test_look_ups_are_polite(self):
        """Name servers asked for names count as well: no more than a burst at a time
        to one address, whatever the number of names."""
        each, burst = 4, 6
        limits = {"total-rate": "25/s", "per-address-rate": f"{each}/s", "burst": burst}
        hosts = ("mfa", "ma", "tourismdprk")
        targets = [{"name": f"t{i}", "host": f"{hosts[i % 3]}.gov.kp", "probes": ["ping"]}
                   for i in range(12)]
        with Capture(self.lab) as capture, Daemon(self.lab, self.conf(
                *targets, limits=limits)) as daemon:
            for _ in range(3):
                wait_for(lambda: all(t["address"] for t in daemon.targets().values()), "found", 40)
                daemon.ctl("reload")
            wait_for(lambda: daemon.stats()["probes"]["icmp"]["sent"] > 60, "asked", 40)
        for name in SERVERS:
            times = [p.time for p in self.sent(capture) if p.dst == self.lab.v4[name]]
            self.assertGreater(len(times), 6)
            most = self.busiest(times, 1.0)
            self.assertLessEqual(most, burst + each * 1.2, f"look-ups at {name} within 1 s")


if __name__ == "__main__":
    kplab.main()
