#!/usr/bin/env python3
"""Every kind of probe brings every result it can, over IPv4 and IPv6."""
import pathlib
import re
import sys
import time

import kplab
from kplab import PROBES, Capture, Daemon, wait_for

SERVFAIL = r"""
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 53))
print("ready", flush=True)
while True:
    q, peer = s.recvfrom(512)
    s.sendto(q[:2] + b"\x80\x02" + q[4:], peer)
"""
# First the right answer to the wrong question, id or port; never the right one.
LIAR = r"""
import socket
s, other = (socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in range(2))
s.bind(("::", 53))
print("ready", flush=True)
while True:
    q, peer = s.recvfrom(512)
    answer = b"\x84\x00" + q[4:]
    s.sendto(q[:2] + answer.swapcase(), peer)
    s.sendto(bytes([q[0] ^ 1, q[1]]) + answer, peer)
    s.sendto(q[:2] + answer[:6], peer)
    s.sendto(b"", peer)
    other.sendto(q[:2] + answer, peer)
"""
MORE_PROBES = {
    **PROBES,
    "other-zone": {"type": "dns", "name": "example.test", "qtype": "SOA"},
    "other-zone-by-tcp": {"type": "dns", "name": "example.test", "qtype": "SOA",
                          "transport": "tcp"},
    "delegated": {"type": "dns", "name": "kcna.kp", "qtype": "SOA"},
    "address": {"type": "dns", "name": "mfa.gov.kp", "qtype": "A"},
    "nothing": {"type": "dns", "name": "no-such-name.gov.kp", "qtype": "TXT"},
}
NAME_SERVER = ["ping", "soa", "soa-by-tcp", "dns-tcp"]
WATCHED = {
    "kcna": ["ping", "web", "tls"], "rodong": ["ping", "web", "tls"], "vok": ["ping", "web"],
    "maritime": ["ping", "web"], "naenara": ["ping", "web"], "mediaryugyong": ["ping", "web"],
    "shared-81": ["ping", "web"], "web-91": ["ping", "web"], "ttk-10": ["ping", "web"],
    "rtr-178-161": ["ping", "web"],
    "tld-ns1": NAME_SERVER, "cust-ns2": ["ping", "delegated", "address", "nothing"],
    "tld-ns2": NAME_SERVER, "cust-ns1": ["ping", "delegated", "dns-tcp"],
    "edu-ns": ["ping", "other-zone", "other-zone-by-tcp"],
}
# A router tries for three seconds before it says that a host is not there.
PATIENT = {"maritime": {"timeout": "4s", "interval": "1s"}}


class Probes(kplab.Case):
    delay = "0"  # unfinished checksums and all

    def setUp(self):
        targets = []
        for name, probes in WATCHED.items():
            more = {"probes": probes, **PATIENT.get(name, {})}
            targets += [{"name": name, "address": self.lab.v4[name], **more},
                        {"name": name + "-v6", "address": self.lab.v6[name], **more}]
        self.daemon = self.enterContext(
            Daemon(self.lab, kplab.conf(targets, probes=MORE_PROBES, defaults={
                **kplab.QUICK, "timeout": "1s"})))
        self.wait("answered", *[(name, probe) for name, probes in WATCHED.items()
                                for probe in probes if not probe.startswith("other-zone")])

    def wait(self, result, *wanted, **more):
        """Waits until the last result of each (host, probe) is the wanted one, for both
        families; the probes by (target, name)."""
        found = {}

        def check():
            targets = self.daemon.targets()
            for host, probe in wanted:
                for name in (host, host + "-v6"):
                    now = next(p for p in targets[name]["probes"] if p["name"] == probe)
                    self.assertEqual({"result": now["result"], **{k: now[k] for k in more}},
                                     {"result": result, **more}, f"{name}/{probe}")
                    found[name, probe] = now
            return found
        return wait_for(check, f"all are {result}")

    def test_answers(self):
        zone = pathlib.Path(kplab.HERE, "zones/kp.zone").read_text("utf-8")
        serial = int(re.search(r"SOA \S+ \S+ (\d+)", zone)[1])
        ttl = int(re.search(r"\$TTL (\d+)", zone)[1])
        targets, fetched = self.daemon.targets(), time.time()
        for name, target in targets.items():
            hops, _ = self.lab.ping(target["address"]) if name in (
                "kcna", "kcna-v6", "ttk-10", "ttk-10-v6", "tld-ns1", "tld-ns1-v6") else (57, 0)
            for probe in target["probes"]:
                where = f"{name}/{probe['name']}"
                if probe["result"] == "answered":
                    by_stream = probe["name"] == "soa-by-tcp"
                    self.assertEqual(probe["reply_ttl"], None if by_stream else hops, where)
                    best = min(r for r in probe["recent_rtt_seconds"] if r is not None)
                    self.assertGreater(best, 0, where)
                    self.assertLess(best, 0.25, where)
                    age = fetched - kplab.stamp(probe["at"])
                    self.assertTrue(0 < age < 30, f"{where}: sent {age} s ago")
                for key in ("cause", "sender", "error"):
                    self.assertIsNone(probe[key], where)
        for name in ("tld-ns1", "tld-ns1-v6"):
            for probe in targets[name]["probes"]:
                wanted = {"rcode": 0, "aa": True, "tc": False, "ttl_seconds": ttl,
                          "serial": serial} if probe["type"] == "dns" else None
                self.assertEqual(probe["dns"], wanted, f"{name}/{probe['name']}")
        for name in ("cust-ns2", "cust-ns2-v6"):
            _, delegated, address, nothing = targets[name]["probes"]
            self.assertEqual(delegated["dns"]["aa"], True)
            self.assertEqual(address["dns"], {"rcode": 0, "aa": True, "tc": False,
                                              "ttl_seconds": ttl, "serial": None})
            self.assertEqual(nothing["dns"], {"rcode": 3, "aa": True, "tc": False,
                                              "ttl_seconds": None, "serial": serial})
        refused = self.wait("refused", ("edu-ns", "other-zone"), ("edu-ns", "other-zone-by-tcp"))
        for where, probe in refused.items():
            self.assertEqual(probe["dns"]["rcode"], 5, where)
            self.assertGreater(probe["rtt_seconds"], 0, where)
            self.assertEqual(probe["reply_ttl"], 57 if where[1] == "other-zone" else None, where)
        stats = self.daemon.stats()
        for kind, counters in stats["probes"].items():
            self.assertEqual(sum(counters["discarded"].values()), 0, kind)
            for result in ("timeout", "unreachable", "local-error"):
                self.assertEqual(counters["results"][result], 0, kind)

    def test_refusal_and_silence(self):
        before = self.daemon.targets()
        faults = ("rst kcna 443", "drop rodong 443", "drop-icmp vok", "admin-prohibited naenara",
                  "host-down maritime", "host-down mediaryugyong --silent", "drop-udp53 ns1",
                  "stop ns2", "stop cust-ns1 --freeze")
        with self.lab.fault(*faults):
            for where, probe in self.wait("refused", ("kcna", "tls")).items():
                self.assertEqual(probe["reply_ttl"], 57, where)
                self.assertGreater(probe["rtt_seconds"], 0, where)
                was = next(p for p in before[where[0]]["probes"] if p["name"] == "tls")
                self.assertGreater(probe["answered"], was["answered"], where)
            silent = self.wait("timeout", ("rodong", "tls"), ("vok", "ping"),
                               ("mediaryugyong", "ping"), ("mediaryugyong", "web"),
                               ("tld-ns1", "soa"), ("cust-ns1", "delegated"))
            for where, probe in silent.items():
                for key in ("rtt_seconds", "reply_ttl", "cause", "sender", "error", "dns"):
                    self.assertIsNone(probe[key], f"{where} {key}")
                self.assertIsNone(probe["recent_rtt_seconds"][-1], where)
            self.wait("answered", ("kcna", "web"), ("rodong", "web"), ("vok", "web"),
                      ("tld-ns1", "soa-by-tcp"), ("tld-ns1", "dns-tcp"), ("cust-ns1", "dns-tcp"),
                      ("cust-ns1", "ping"))
            self.unreachable(("maritime", "ping"), ("maritime", "web"),
                             cause="host-unreachable", sender="gw-cn")
            self.unreachable(("naenara", "ping"), ("naenara", "web"),
                             cause="admin-prohibited", sender="gw-cn")
            self.unreachable(("tld-ns2", "soa"), cause="port-unreachable", sender="tld-ns2")
            stopped = self.wait("refused", ("tld-ns2", "soa-by-tcp"), ("tld-ns2", "dns-tcp"))
            for where, probe in stopped.items():
                self.assertIsNone(probe["dns"], f"no name server answered {where}")
                self.assertLess(probe["rtt_seconds"], 0.25, where)
        self.wait("answered", *[(name, probe) for name in before if name in WATCHED
                                for probe in WATCHED[name] if not probe.startswith("other")])

    def unreachable(self, *wanted, cause, sender):
        for (name, _), probe in self.wait("unreachable", *wanted, cause=cause).items():
            router = (self.lab.v6 if name.endswith("-v6") else self.lab.v4)[sender]
            self.assertEqual(probe["sender"], router, name)
            self.assertIsNone(probe["rtt_seconds"], name)
            self.assertIsNone(probe["error"], name)

    def test_line_lost_and_noticed(self):
        with self.lab.fault("cut china-unicom --carrier"):
            self.unreachable(("kcna", "ping"), ("kcna", "web"), ("tld-ns1", "soa"),
                             ("tld-ns1", "dns-tcp"), cause="net-unreachable", sender="cn-edge")
            self.wait("answered", ("ttk-10", "ping"), ("ttk-10", "web"))
        self.wait("answered", ("kcna", "ping"), ("kcna", "web"), ("tld-ns1", "soa"))

    def test_our_own_errors(self):
        rules = "table inet it {\nchain out { type filter hook output priority 0\n" + "".join(
            f"{family} daddr {addresses[name]} drop\n" for name in ("kcna", "tld-ns1")
            for family, addresses in (("ip", self.lab.v4), ("ip6", self.lab.v6))) + "}\n}"
        # Of a connection's SYN that is dropped here the kernel says nothing.
        wanted = [(name, probe) for name in ("kcna", "tld-ns1") for probe in WATCHED[name]
                  if probe != "soa-by-tcp"]
        self.lab.exec("vantage", "nft", rules)
        try:
            for where, probe in self.wait("local-error", *wanted).items():
                self.assertEqual(probe["error"], "EPERM", where)
                for key in ("rtt_seconds", "reply_ttl", "cause", "sender", "dns"):
                    self.assertIsNone(probe[key], f"{where} {key}")
        finally:
            self.lab.exec("vantage", "nft", "delete table inet it")
        self.wait("answered", *wanted)
        with self.lab.fault("vantage-down"):
            for where, probe in self.wait("local-error", *wanted, ("ttk-10", "ping")).items():
                self.assertIn(probe["error"], ("ENETUNREACH", "EHOSTUNREACH", "ENETDOWN"), where)
        self.wait("answered", *wanted)
        for name in ("kcna", "kcna-v6", "tld-ns1", "tld-ns1-v6"):
            self.assertNotEqual(self.daemon.target(name)["state"], "down")

    def test_bad_name_servers(self):
        for script, result in ((SERVFAIL, "refused"), (LIAR, "timeout")):
            with self.lab.run("web-91", sys.executable, "-c", script) as server, Daemon(
                    self.lab, self.conf_of_web_91()) as daemon:
                self.assertEqual(server.stdout.readline(), "ready\n")
                for name in ("a", "a-v6"):
                    probe = wait_for(lambda: self.last(daemon, name, result), result)
                    dns = {"rcode": 2, "aa": False, "tc": False, "ttl_seconds": None,
                           "serial": None} if result == "refused" else None
                    self.assertEqual(probe["dns"], dns)
                stats = daemon.stats()["probes"]["dns"]
                if script == LIAR:
                    self.assertEqual(stats["results"]["answered"], 0)
                    self.assertGreater(stats["discarded"]["bad_cookie"], 3)
                    self.assertGreater(stats["discarded"]["malformed"], 1)
                else:
                    self.assertEqual(sum(stats["discarded"].values()), 0)

    def conf_of_web_91(self):
        return kplab.conf([{"name": "a", "address": self.lab.v4["web-91"], "probes": ["soa"]},
                           {"name": "a-v6", "address": self.lab.v6["web-91"], "probes": ["soa"]}])

    @staticmethod
    def last(daemon, name, result):
        probe = daemon.probe(name, "soa")
        return probe if probe["result"] == result and probe["sent"] > 3 else None


class Via(kplab.Case):
    """A path pins how packets leave, and traces that see another do not change that."""
    delay = "0"
    second = "198.19.1.9"

    def setUp(self):
        self.lab.exec("vantage", "ip", "address", "replace", self.second + "/32", "dev", "lo")
        self.lab.exec("transit", "ip", "route", "replace", self.second + "/32",
                      "via", "198.19.1.2")

    def test_source_and_device(self):
        names = {"kcna": "china-unicom", "ttk-11": "china-unicom", "ttk-10": "transtelecom"}
        paths = {name: dict(path) for name, path in kplab.PATHS.items()}
        paths["china-unicom"]["via"] = {"source": self.second, "device": "transit"}
        conf = kplab.conf(
            [{"name": name, "address": self.lab.v4[name], "probes": ["ping", "web"],
              "paths": [path]} for name, path in names.items()],
            paths=paths, trace={"interval": "1s"})
        with Capture(self.lab) as capture, Daemon(self.lab, conf) as daemon:
            wait_for(lambda: all(
                daemon.target(name)["path_source"] == "trace" and
                all(p["answered"] > 10 for p in daemon.target(name)["probes"])
                for name in names), "all are traced and answer")
            self.assertEqual(daemon.target("ttk-11")["path"], "transtelecom")
        for name, path in names.items():
            sources = {p.src for p in capture.packets if p.out and p.dst == self.lab.v4[name]}
            self.assertEqual(sources, {self.second if path == "china-unicom" else "198.19.1.2"},
                             name)


if __name__ == "__main__":
    kplab.main()
