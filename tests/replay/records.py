"""Records as a stranger would write them: a small pretended country, probed at
its intervals, whose answers a scenario decides."""
import heapq
import itertools
import json
import random

T0 = 1764979200.0
RTT = {"china-unicom": 0.295, "transtelecom": 0.34, None: 0.3}
EDGE = {"china-unicom": "103.35.255.254", "transtelecom": "188.43.225.153"}

PROBES = {
    "ping": "type: icmp", "web": "type: tcp-syn, port: 80", "tls": "type: tcp-syn, port: 443",
    "soa": "type: dns, name: kp, qtype: SOA",
}
TARGETS = {  # name -> (path, probes)
    "kcna": ("china-unicom", ["web", "tls"]),
    "rodong": ("china-unicom", ["web", "tls"]),
    "vok": ("china-unicom", ["web", "ping"]),
    "ns1": ("china-unicom", ["soa", "web"]),
    "ns2": ("china-unicom", ["soa"]),
    "mfa": ("china-unicom", ["web", "tls"]),
    "ttk-gw": ("transtelecom", ["web", "ping"]),
    "ttk-10": ("transtelecom", ["web"]),
    "ttk-ns": ("transtelecom", ["soa", "web"]),
}
ANCHORS = ["neutral-1", "neutral-2"]


def config(targets=TARGETS, interval=30, timeout=5, paths=EDGE, hosts=()):
    """YAML; targets in `hosts` have a name instead of an address."""
    lines = ["version: 1", "vantage: {name: test1, country: DE}", "allow: [175.45.176.0/22]",
             "resolve-at: [175.45.176.15]",
             f"defaults: {{interval: {interval}s, timeout: {timeout}s}}", "probes:"]
    lines += [f"  {name}: {{{PROBES[name]}}}" for name in PROBES]
    lines += ["paths:"]
    for path in paths:
        lines += [f"  {path}: {{edge: [{EDGE[path]}], hops: [{EDGE[path]}/32]}}"]
    lines += ["anchors:"]
    lines += [f"  - {{name: {a}, address: 9.9.9.{i + 9}, probes: [ping]}}"
              for i, a in enumerate(ANCHORS)]
    lines += ["targets:"]
    for i, (name, (path, probes)) in enumerate(targets.items()):
        where = f"host: {name}.kp" if name in hosts else f"address: 175.45.{176 + i % 4}.{i + 10}"
        on = f", paths: [{path}]" if path else ""
        lines.append(f"  - {{name: {name}, {where}, probes: [{', '.join(probes)}]{on}}}")
    return "\n".join(lines) + "\n"


class Story:
    """What is asked when; `silent` says what is not answered.  Functions get
    (t since the start, target or path or anchor, probe)."""

    def __init__(self, end, interval=30, timeout=5, targets=TARGETS, seed=1, loss=0.01,
                 edges=True, anchors=True):
        self.end, self.interval, self.timeout, self.targets = end, interval, timeout, targets
        self.random = random.Random(seed)
        self.loss, self.edges, self.anchors = loss, edges, anchors
        self.silent = lambda t, name, probe: False
        self.edge_silent = lambda t, path: False
        self.anchor_silent = lambda t, name: False
        self.path = lambda t, name: self.targets[name][0]
        self.extra = []         # further lines
        self.late = False       # some answers come after the time-out
        self.done = True        # time-outs say when they were known
        self.paths = True       # probes say their path

    def result(self, line, t, silent, rtt):
        line["t"] = round(T0 + t, 6)
        if not silent and self.random.random() >= self.loss:
            rtt = round(rtt * self.random.uniform(0.95, 1.15), 6)
            return [(t + rtt, {**line, "result": "answered", "rtt": rtt})]
        timeout = {**line, "result": "timeout"}
        if self.done:
            timeout["done"] = round(T0 + t + self.timeout, 6)
        lines = [(t + self.timeout, timeout)]
        if not silent and self.late:
            rtt = self.timeout + 1.5
            lines.append((t + rtt, {**line, "result": "answered", "rtt": rtt, "late": True}))
        return lines

    def asked(self):
        items = [("probe", n, p) for n, (_, probes) in self.targets.items() for p in probes]
        if self.edges:
            items += [("edge", p, None) for p in sorted({v[0] for v in self.targets.values() if v[0]})]
        if self.anchors:
            items += [("anchor", a, "ping") for a in ANCHORS]
        for i, item in enumerate(items):
            t = (i * 0.618034 % 1) * self.interval
            while t < self.end:
                yield t, item
                t += self.interval * self.random.uniform(0.9, 1.1)

    def lines(self):
        out = []
        for t, (kind, name, probe) in self.asked():
            if kind == "probe":
                path = self.path(t, name)
                line = {"kind": "probe", "target": name, "probe": probe}
                if self.paths and path:
                    line["path"] = path
                out += self.result(line, t, self.silent(t, name, probe), RTT[path])
            elif kind == "edge":
                line = {"kind": "edge", "path": name}
                if self.edge_silent(t, name):
                    out += self.result(line, t, True, 0)
                else:
                    out += self.result({**line, "hop": EDGE[name]}, t, False, 0.23)
            else:
                line = {"kind": "anchor", "anchor": name, "probe": probe}
                out += self.result(line, t, self.anchor_silent(t, name), 0.012)
        out += [(t, line) for t, line in self.extra]
        out.sort(key=lambda entry: entry[0])
        return [json.dumps(line) for _, line in out]
