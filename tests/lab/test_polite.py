#!/usr/bin/env python3
"""What each probe puts on the wire: nothing but what it needs, and who asks."""
import collections

import kplab
from kplab import ACK, FIN, RST, SYN, Capture, Daemon, wait_for

CONTACT = "ops@watch.example"


class Polite(kplab.Case):
    def conf(self, targets=None, **more):
        if targets is None:
            targets = []
            for name, probes in {"kcna": ["web", "tls", "ping", "small", "large"],
                                 "tld-ns1": ["soa", "soa-by-tcp", "dns-tcp"],
                                 "ttk-10": ["web", "ping"]}.items():
                for suffix, addresses in (("", self.lab.v4), ("-v6", self.lab.v6)):
                    targets.append({"name": name + suffix, "address": addresses[name],
                                    "probes": probes})
        return kplab.conf(targets, paths={}, vantage={"name": "it", "contact": CONTACT}, probes={
            **kplab.PROBES, "small": {"type": "icmp", "size": 24},
            "large": {"type": "icmp", "size": 1000}}, **more)

    def seen(self, daemon, number=8):
        """Runs until each probe has so many answers, and then to the end."""
        wait_for(lambda: all(p["answered"] > number for t in daemon.targets().values()
                             for p in t["probes"]), f"{number} answers each")

    def port_range(self):
        text = self.lab.exec("vantage", "cat", "/proc/sys/net/ipv4/ip_local_port_range")
        return [int(word) for word in text.split()]

    def test_syn(self):
        """One SYN, its SYN/ACK, and the kernel's RST: nothing before, between, after."""
        low, high = self.port_range()
        with Capture(self.lab, "tcp or ip6 proto 6") as capture, \
                Daemon(self.lab, self.conf()) as daemon:
            self.seen(daemon)
            wait_for(lambda: daemon.stats()["in_flight"] == 0, "a pause", 10)
        ours = [p for p in capture.packets if not low <= (p.sport if p.out else p.dport) <= high]
        conversations = collections.defaultdict(list)
        for p in ours:
            # A SYN's number, the one acknowledged, the one reset: all tell which probe.
            number = p.ack - 1 if not p.out else p.seq if p.flags == SYN else p.seq - 1
            here, there = ((p.src, p.sport), (p.dst, p.dport))
            conversations[(here, there, number) if p.out else (there, here, number)].append(p)
        self.assertGreater(len(conversations), 60)
        last = max(p.time for p in ours)
        traces = {key for key, packets in conversations.items()
                  if packets[0].out and packets[0].ttl < 64}  # the kernel's own is 64
        for key, packets in conversations.items():
            if packets[0].time > last - 0.3 or key in traces:
                continue  # the end of the capture may have cut it off
            self.assertEqual([(p.out, p.flags) for p in packets],
                             [(True, SYN), (False, SYN | ACK), (True, RST)], key)
            for p in packets:
                self.assertEqual(p.payload, b"", key)
            self.assertEqual({p.dport for p in packets if p.out} - {80, 443, 53}, set())
        # A keyed number and port for each: no two probes to one place are alike.
        self.assertEqual(len({key[2] for key in conversations}), len(conversations))
        self.assertGreater(len({key[0][1] for key in conversations}), 5)

    def test_source_ports_follow_the_kernel(self):
        """Wherever the kernel takes its own ports from, ours lie outside; and where it
        takes them all, the daemon says why it cannot start."""
        before = " ".join(str(port) for port in self.port_range())
        self.addCleanup(self.lab.exec, "vantage", "sysctl", "-qw",
                        f"net.ipv4.ip_local_port_range={before}")
        target = [{"name": "kcna", "address": self.lab.v4["kcna"], "probes": ["web"]}]
        for low, high in ((10000, 65535), (1024, 50000), (32768, 60999)):
            self.lab.exec("vantage", "sysctl", "-qw", f"net.ipv4.ip_local_port_range={low} {high}")
            with Capture(self.lab, "tcp") as capture, Daemon(self.lab, self.conf(target)) as daemon:
                self.seen(daemon, 3)
            ports = {p.sport for p in capture.packets if p.out and p.flags == SYN}
            self.assertEqual({p for p in ports if low <= p <= high or p < 1024}, set())
        self.lab.exec("vantage", "sysctl", "-qw", "net.ipv4.ip_local_port_range=1025 65000")
        said = Daemon(self.lab, self.conf(target)).fails()
        self.assertIn("ip_local_port_range", said)

    def test_echo(self):
        """As large as asked for, from whom, and one answer each."""
        with Capture(self.lab, "icmp or icmp6") as capture, Daemon(self.lab, self.conf()) as daemon:
            self.seen(daemon)
            wait_for(lambda: daemon.stats()["in_flight"] == 0, "a pause", 10)
        asked = [p for p in capture.packets if p.out and p.kind[0] in (8, 128)]
        answers = collections.Counter((p.src, p.payload) for p in capture.packets
                                      if not p.out and p.kind[0] in (0, 129))
        self.assertGreater(len(asked), 60)
        text = f"kpwatchd it {CONTACT}".encode()
        sizes = collections.Counter()
        for p in asked:
            self.assertEqual(p.kind[1], 0)
            payload = p.payload[4:]
            sizes[len(payload)] += 1
            self.assertIn(text[:len(payload) - 18], payload)
            if len(payload) >= 56:
                self.assertIn(text, payload)
            self.assertEqual(answers[p.dst, p.payload], 1)
        self.assertEqual(set(sizes), {24, 56, 1000})
        self.assertEqual(len({p.payload for p in asked}), len(asked))

    def test_dns(self):
        """Fresh port, random number, letters in random case, one plain question."""
        server = self.lab.v4["tld-ns1"]
        names = {name: {"type": "dns", "name": "kptc.kp"} for name in ("soa", "soa-by-tcp")}
        names["soa-by-tcp"]["transport"] = "tcp"
        text = kplab.conf([{"name": "ns", "address": server, "probes": ["soa", "soa-by-tcp"]}],
                          probes={**kplab.PROBES, **names}, paths={})
        with Capture(self.lab, f"host {server}") as capture, Daemon(self.lab, text) as daemon:
            self.seen(daemon, 15)
        queries = [p for p in capture.packets if p.out and p.proto == 17]
        self.assertGreater(len(queries), 15)
        for p in queries:
            self.assertEqual(p.dport, 53)
            self.assertEqual(p.payload[2:12].hex(), "00000001000000000000", "no recursion asked")
            self.assertEqual(p.payload[12:].lower(), b"\4kptc\2kp\0\0\6\0\1")
        for part in (lambda p: p.sport, lambda p: p.payload[:2]):
            self.assertGreater(len({part(p) for p in queries}), len(queries) * 0.9)
        self.assertGreater(len({p.payload[12:] for p in queries}), len(queries) * 0.6)
        # A connection carries the question, and is ended in order.
        streams = collections.defaultdict(list)
        for p in capture.packets:
            if p.out and p.proto == 6:
                streams[p.sport].append(p)
        whole = [packets for packets in streams.values()
                 if packets[-1].time < capture.packets[-1].time - 0.5]
        self.assertGreater(len(whole), 5)
        for packets in whole:
            self.assertEqual(packets[0].flags, SYN)
            self.assertEqual(sum(p.flags == SYN for p in packets), 1)
            sent = b"".join(p.payload for p in packets)
            self.assertEqual(len(sent), 2 + 12 + 13)
            self.assertEqual(sum(bool(p.flags & FIN) for p in packets), 1, packets)
            self.assertEqual(sum(bool(p.flags & RST) for p in packets), 0, packets)

    def test_silence_is_not_hammered(self):
        """No answer: no second SYN, no second query, until the next turn."""
        hosts = {"kcna": ["web", "ping"], "tld-ns1": ["soa", "soa-by-tcp"]}
        targets = [{"name": name, "address": self.lab.v4[name], "probes": probes}
                   for name, probes in hosts.items()]
        with self.lab.fault(*(f"host-down {name} --silent" for name in hosts)), \
                Capture(self.lab, "ip") as capture, Daemon(self.lab, self.conf(targets, defaults={
                    "interval": "400ms", "timeout": "2500ms", "jitter": "0%"})) as daemon:
            wait_for(lambda: all(p["result"] == "timeout" and p["sent"] > 8 for t in
                                 daemon.targets().values() for p in t["probes"]), "all time out")
            sent = {(name, p["name"]): p["sent"] for name in hosts
                    for p in daemon.target(name)["probes"]}
        # Those of a trace have a smaller hop limit.
        out = [p for p in capture.packets if p.out and p.ttl >= 64]
        kcna = [p for p in out if p.dst == self.lab.v4["kcna"]]
        for key, count in ((("kcna", "web"), sum(p.flags == SYN for p in kcna)),
                           (("kcna", "ping"), sum(p.proto == 1 for p in kcna)),
                           (("tld-ns1", "soa"), sum(p.proto == 17 for p in out))):
            self.assertGreaterEqual(count, sent[key], key)
            self.assertLessEqual(count, sent[key] + 2, key)
        # A connection's SYN is the kernel's: it may try a second time, no more.
        tries = collections.Counter(p.sport for p in out if p.proto == 6 and p.dport == 53)
        self.assertLessEqual(max(tries.values()), 2)


if __name__ == "__main__":
    kplab.main()
