#!/usr/bin/env python3
"""Faults of the machine under the daemon: nobody is said to be down for them, and
all is as before when they are over.  KP_LONG=1: the long forms (tests/lab/faults)."""
import contextlib
import errno
import multiprocessing
import os
import resource
import socket
import statistics
import subprocess
import time

import kplab
import shim
from kplab import VarlinkError, wait_for

LONG = bool(os.environ.get("KP_LONG"))
if LONG:
    kplab.LONGEST = 3000
WATCHED = {"kcna": ["web", "tls", "ping"], "rodong": ["web", "ping"], "ttk-10": ["web", "ping"],
           "tld-ns1": ["soa", "soa-by-tcp", "dns-tcp"], "tld-ns2": ["soa", "ping"],
           "ttk-11": ["web"]}
KINDS = ("icmp", "tcp-syn", "dns")


class Faults(kplab.Case):
    def conf(self, **sections):
        targets = [{"name": name, "address": self.lab.v4[name], "probes": probes,
                    "paths": ["transtelecom" if name.startswith("ttk") else "china-unicom"]}
                   for name, probes in WATCHED.items()]
        targets.append({"name": "kcna-v6", "address": self.lab.v6["kcna"],
                        "probes": ["web", "ping"], "paths": ["china-unicom"]})
        return kplab.conf(targets, **sections)

    @contextlib.contextmanager
    def daemon(self, **sections):
        with shim.Daemon(self.lab, self.conf(**sections)) as daemon:
            daemon.wait_clear()
            yield daemon
            self.nobody_down(daemon)
            daemon.wait_clear()
            self.assertEqual(daemon.stop(), 0)

    def nobody_down(self, daemon):
        told = [e["message"] for e in daemon.events("target.state", "path.state", "incident")
                if e["kp"].get("state", {"to": "down"})["to"] in ("down", "degraded")]
        self.assertEqual(told, [])

    def cpu(self, daemon):
        with open(f"/proc/{daemon.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def more(self, daemon, number=3):
        """Until each probe has so many more answers."""
        def answers():
            return {(t["name"], p["name"]): p["answered"] for t in daemon.targets().values()
                    for p in t["probes"]}
        before = answers()
        wait_for(lambda: all(now >= before[key] + number for key, now in answers().items()),
                 f"{number} more answers each")


class Clocks(Faults):
    """The wall clock jumps; the process stands still; the machine sleeps."""

    def test_steps(self):
        with self.daemon() as daemon:
            gaps = daemon.stats()["gaps"]
            for step in (7200, -7200, 1, 0, -86400 * 400, 0) * (10 if LONG else 1):
                daemon.orders["wall_ns"] = int(step * 1e9)
                self.more(daemon, 4)
                told = kplab.stamp(daemon.status()["at"]) - time.time()
                self.assertLess(abs(told - step), 5, "it follows the clock")
                for target in daemon.targets().values():
                    for probe in target["probes"]:
                        self.assertLess(probe["rtt_seconds"], 0.25, target["name"])
                        self.assertEqual(probe["result"], "answered")
            self.assertEqual(daemon.stats()["gaps"], gaps, "no answer was missed")
            for kind, counters in daemon.stats()["probes"].items():
                self.assertEqual(counters["results"]["timeout"], 0, kind)

    def pass_time(self, seconds):
        end = time.monotonic() + seconds
        wait_for(lambda: time.monotonic() > end, "time passes", seconds + 5)

    def gap(self, daemon, reason, before):
        wait_for(lambda: daemon.stats()["gaps"] > before, "the gap is noticed")
        health = daemon.events("daemon.health")[-1]["message"]
        self.assertIn(reason, health)

    def test_stalls(self):
        with self.daemon() as daemon:
            for seconds in (5, 30, 120) if LONG else (5,):
                gaps = daemon.stats()["gaps"]
                with daemon.stopped():
                    self.pass_time(seconds)
                self.gap(daemon, "stalled", gaps)
                self.more(daemon)

    def test_suspend(self):
        """As after a night: the clocks that count sleep are ahead."""
        with self.daemon() as daemon:
            for hours in (1, 9):
                gaps = daemon.stats()["gaps"]
                with daemon.stopped():
                    for word in ("boot_ns", "wall_ns"):
                        daemon.orders[word] += int(hours * 3600e9)
                self.gap(daemon, "suspended", gaps)
                self.more(daemon)


class Address(Faults):
    """Our own address changes: what was under way is lost, and nobody is down for it."""

    def test_renumbered(self):
        with self.daemon() as daemon, kplab.Capture(self.lab, "tcp or icmp") as capture:
            for number, (theirs, ours) in enumerate((("198.19.1.5", "198.19.1.6"),
                                                     ("198.19.1.1", "198.19.1.2")) * 2):
                self.lab.exec("transit", "ip", "address", "replace", theirs + "/30", "dev", "vantage")
                self.lab.exec("vantage", "ip", "address", "flush", "dev", "transit", "scope", "global",
                              "to", "198.19.1.0/24")
                self.lab.exec("vantage", "ip", "address", "add", ours + "/30", "dev", "transit")
                self.lab.exec("vantage", "ip", "route", "replace", "198.18.0.0/15", "via", theirs)
                self.more(daemon, 4)
                sources = {p.src for p in capture.so_far()[-20:] if p.out and p.version == 4}
                self.assertEqual(sources, {ours}, f"change {number}")
                daemon.wait_clear()


class Sockets(Faults):
    """Every error that a send or a receive can have."""
    usual = ("EACCES EAGAIN EHOSTUNREACH EINTR EINVAL EMSGSIZE ENETDOWN ENETUNREACH ENOBUFS ENODEV "
             "ENOMEM EPERM").split()

    def setUp(self):
        self.names = sorted(errno.errorcode.values()) if LONG else self.usual

    def test_sends(self):
        """Each fails all sends for a while, then every third."""
        with self.daemon() as daemon:
            for name in self.names:
                before = daemon.stats()["probes"]
                daemon.orders["send_errno"] = getattr(errno, name)
                daemon.orders["send_every"] = 1
                wait_for(lambda b=before: all(
                    daemon.stats()["probes"][kind]["results"]["local-error"] >
                    b[kind]["results"]["local-error"] for kind in KINDS), name)
                daemon.orders["send_every"] = 3
                failed = daemon.orders["sends_failed"]
                wait_for(lambda f=failed: daemon.orders["sends_failed"] > f + 3, name)
                daemon.orders["send_errno"] = 0
            self.more(daemon)
            errors = {p["error"] for t in daemon.targets().values() for p in t["probes"]}
            self.assertEqual(errors, {None})
            self.assertEqual(daemon.status()["targets"]["down"], 0)

    def test_receives(self):
        """Every third fails: what was there is read with the next."""
        with self.daemon() as daemon:
            for name in self.names:
                daemon.orders["recv_errno"] = getattr(errno, name)
                daemon.orders["recv_every"] = 3
                failed = daemon.orders["recvs_failed"]
                wait_for(lambda f=failed: daemon.orders["recvs_failed"] > f + 3, name)
            daemon.orders["recv_errno"] = 0

    def test_deaf(self):
        """None works for a while: that is our fault, and is said to be."""
        with self.daemon() as daemon:
            daemon.orders["recv_errno"] = errno.ENOMEM
            daemon.orders["recv_every"] = 1
            wait_for(lambda: daemon.status()["vantage"]["healthy"] is False, "it is us", 40)
            self.assertEqual(daemon.status()["targets"]["down"], 0)
            daemon.orders["recv_errno"] = 0
            wait_for(lambda: daemon.status()["vantage"]["healthy"], "we hear again", 40)

    def nobody_down(self, daemon):
        if self.id().endswith("test_deaf"):  # an incident, but nobody's but ours
            classes = {c["class"] for i in daemon.call("ListIncidents")["incidents"]
                       for c in i["class_history"]}
            self.assertLessEqual(classes, {"unknown", "vantage-fault"})
            return
        super().nobody_down(daemon)


class Memory(Faults):
    """Allocations fail, one at a time and many, in the daemon and all its libraries."""
    stride = 1 if LONG else 9

    def calls(self):
        for method in ("GetStatus", "ListPaths", "ListTargets", "ListIncidents", "ListEvents",
                       "GetHistory", "GetMetrics", "GetStats", "ListMutes", "CheckConfig", "Reload"):
            yield method, {}
        yield "Probe", {"target": "kcna"}
        yield "Trace", {"target": "kcna"}
        yield "GetTrace", {"target": "kcna"}
        yield "Mute", {"name": "rodong", "for_seconds": 60, "reason": "memory"}
        yield "Unmute", {"name": "rodong"}
        yield "Explain", {"id": "1"}

    def try_call(self, daemon, method, parameters):
        """Done, refused, or hung up on: all may be."""
        try:
            link = kplab.Varlink(daemon.socket)
        except OSError:
            return
        try:
            link.call(method, **parameters)
        except (VarlinkError, ConnectionError):
            pass
        finally:
            link.close()

    def test_calls(self):
        """For each call the first, the second, ... allocation from it on fails."""
        history = os.path.join(self.lab.dir, "memory.db")
        with self.daemon(history={"path": history, "keep": "1d"}) as daemon:
            tried = 0
            for method, parameters in self.calls():
                nth = 1
                while True:
                    daemon.orders["alloc_at"] = nth
                    self.try_call(daemon, method, parameters)
                    if daemon.orders["alloc_at"] > 0:
                        break  # it needs no more than that
                    tried += 1
                    nth += self.stride
                    self.assertLess(nth, 1000000)
                daemon.orders["alloc_at"] = 0
                self.assertIsNone(daemon.process.poll(), method)
            print(f"{tried} calls with one allocation failing", flush=True)
            daemon.call("Reload")
            self.more(daemon)

    def test_while_watching(self):
        """Every so many-th fails, then all of them for a moment."""
        history = os.path.join(self.lab.dir, "watching.db")
        with self.daemon(history={"path": history, "keep": "1d"}) as daemon:
            for every in (50, 7, 3, 2, 1):
                daemon.drop_connection()
                failed = daemon.orders["allocs_failed"]
                daemon.orders["alloc_every"] = every
                end = time.monotonic() + (20 if LONG else 1)
                while time.monotonic() < end:
                    for method, parameters in self.calls():
                        self.try_call(daemon, method, parameters)
                daemon.orders["alloc_every"] = 0
                self.assertGreater(daemon.orders["allocs_failed"], failed, every)
                self.assertIsNone(daemon.process.poll(), f"every {every}")
                self.more(daemon)

    def test_start(self):
        """A start in which one allocation fails: it says so and ends, or runs and ends well."""
        probe = shim.Daemon(self.lab, self.conf())
        with probe:
            needed = probe.orders["allocs"]
        ended = {0: 0, 1: 0}
        for nth in range(1, needed + 1, 1 if LONG else max(1, needed // 30)):
            daemon = shim.Daemon(self.lab, self.conf(), start=False)
            daemon.orders["alloc_at"] = nth
            code = self.start_and_stop(daemon)
            self.assertIn(code, ended, f"allocation {nth}: {daemon.log()}")
            ended[code] += 1
            if code == 1:
                self.assertNotEqual(daemon.log(), "", f"allocation {nth}")
        print(f"{needed} allocations; of starts with one failing {ended[1]} said so, "
              f"{ended[0]} went on", flush=True)

    def start_and_stop(self, daemon):
        daemon.spawn()

        def over():
            if daemon.process.poll() is not None:
                return "ended"
            with contextlib.suppress(OSError, ConnectionError):
                link = kplab.Varlink(daemon.socket)
                link.close()
                return "listens"
            return None
        if wait_for(over, "it listens or ends") == "ended":
            return daemon.process.returncode
        return daemon.stop()


class Descriptors(Faults):
    """None is left: probes go on, and so does all else once there are some again."""

    def limit(self, daemon, number):
        hard = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (number, hard))

    def test_none_left(self):
        with self.daemon() as daemon:
            usual = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)[0]
            before = daemon.stats()["probes"]
            sent = {kind: before[kind]["sent"] for kind in KINDS}
            daemon.drop_connection()
            self.limit(daemon, 3)
            with contextlib.closing(kplab.Varlink(daemon.socket)) as guest:  # in the queue
                guest.send("GetStatus", {})
                began = time.monotonic()
                used = self.cpu(daemon)
                wait_for(lambda: time.monotonic() > began + (10 if LONG else 3), "a while", 20)
                self.assertLess(self.cpu(daemon) - used, 0.3 * (time.monotonic() - began),
                                "it does not spin")
                away = time.monotonic() - began
                self.limit(daemon, usual)
                guest.receive()
                recovered = time.monotonic() - began - away
            self.more(daemon)
            stats = daemon.stats()
            for kind in ("icmp", "tcp-syn"):
                self.assertGreater(stats["probes"][kind]["sent"] - sent[kind], away, "it goes on")
                self.assertEqual(stats["probes"][kind]["results"]["local-error"], 0, kind)
                self.assertEqual(stats["probes"][kind]["results"]["timeout"], 0, kind)
            self.assertGreater(stats["probes"]["dns"]["results"]["local-error"], 0)
            print(f"answered {recovered * 1000:.0f} ms after there were descriptors again; "
                  f"lag {stats['scheduler_lag_seconds']} s", flush=True)
            if LONG:
                self.assertLess(recovered, 1)



class Floods(Faults):
    """Junk: what the socket filters see, and what passes them (SYN/ACKs and RSTs to ports of
    ours, as from somebody who has listened)."""
    nobody = "198.18.176.250"
    rate = 100000 if LONG else 20000
    seconds = 30 if LONG else 3

    def setUp(self):
        self.lab.exec("transit", "ip", "route", "replace", "blackhole", self.nobody + "/32")

    def flood(self, daemon, kinds):
        """(share of a core, calls' 99th percentile) meanwhile."""
        took, used, began = [], self.cpu(daemon), time.monotonic()
        command = self.lab.command(
            "transit", os.environ["KP_FORGER"], "--to", "198.19.1.2", "--from", self.nobody,
            "--rate", str(self.rate), "--count", str(self.rate * self.seconds), "--kinds", kinds)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as forger:
            while forger.poll() is None:
                before = time.monotonic()
                daemon.call("GetStatus")
                took.append(time.monotonic() - before)
                time.sleep(0.01)
            share = (self.cpu(daemon) - used) / (time.monotonic() - began)
            p99 = statistics.quantiles(took, n=100)[98]
            print(f"{forger.stdout.read().strip()} s: {share * 100:.1f} % of a core, status p50 "
                  f"{statistics.median(took) * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms", flush=True)
            self.assertEqual(forger.returncode, 0)
        return share, p99

    def idle(self, daemon):
        used, began = self.cpu(daemon), time.monotonic()
        self.more(daemon, 40 if LONG else 4)
        return (self.cpu(daemon) - used) / (time.monotonic() - began)

    def test_seen(self):
        with self.daemon() as daemon:
            idle, before = self.idle(daemon), daemon.stats()
            share, p99 = self.flood(daemon, "eedcu")
            self.more(daemon)
            after = daemon.stats()
            for kind in KINDS:
                self.assertEqual(after["probes"][kind]["results"]["timeout"],
                                 before["probes"][kind]["results"]["timeout"], kind)
            self.assertEqual(after["gaps"], before["gaps"])
            if LONG:
                self.assertLess(share - idle, 0.05)
                self.assertLess(p99, 0.02)

    def test_passing(self):
        with self.daemon() as daemon:
            before = daemon.stats()["probes"]["tcp-syn"]["discarded"]["bad_cookie"]
            share, p99 = self.flood(daemon, "sa")
            thrown = daemon.stats()["probes"]["tcp-syn"]["discarded"]["bad_cookie"] - before
            gaps = daemon.stats()["gaps"]
            print(f"{thrown} looked at; windows unknown: {gaps}", flush=True)
            self.assertGreater(thrown, self.rate)
            if LONG:
                self.assertLess(share, 0.35)
                self.assertLess(p99, 0.02)


class Clients(Faults):
    """A crowd of rude ones does not keep a good one from its answers."""
    number = 1000 if LONG else 200
    crowd = 8

    def rude(self, path, turn):
        with contextlib.suppress(OSError):
            link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            with contextlib.closing(link):
                link.settimeout(0.2)
                link.connect(path)
                ask = b'{"method":"org.kpwatchd.Monitor.%s","parameters":{%s}%s}\0'
                link.sendall((
                    b'{"method":"org.kp',  # half a line
                    b"x" * (10 << 20),  # ten megabytes
                    ask % (b"ListTargets", b"", b"") * 200,  # and never reads
                    b"[" * 60000 + b"\0", b"\0" * 5000, b"\xff\xfe{}\0", b"",
                    ask % (b"Subscribe", b"", b',"more":true'),
                    ask % (b"Export", b'"since":"2020-01-01T00:00:00.000000Z"', b',"more":true'),
                    ask % (b"Reload", b'"x":{"y":[[[[1]]]]}', b',"oneway":true') * 20,
                )[turn % 10])
                link.recv(1 if turn % 3 else 100)

    def rude_ones(self, path, first):
        for turn in range(first, self.number, self.crowd):
            self.rude(path, turn)

    def memory(self, daemon):
        with open(f"/proc/{daemon.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    def test_rude(self):
        with self.daemon() as daemon:
            self.more(daemon, 10)
            before, most, took = self.memory(daemon), 0, []
            crowd = [multiprocessing.Process(target=self.rude_ones, args=(daemon.socket, first))
                     for first in range(self.crowd)]
            for process in crowd:
                process.start()
            while any(process.is_alive() for process in crowd):
                began = time.monotonic()
                daemon.call("GetStatus")
                took.append(time.monotonic() - began)
                most = max(most, self.memory(daemon) - before)
                time.sleep(0.005)
            p99 = statistics.quantiles(took, n=100)[98]
            print(f"{self.number} rude clients: {len(took)} calls of a good one, "
                  f"p50 {statistics.median(took) * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, "
                  f"memory +{most / 2**20:.1f} MiB", flush=True)
            self.assertLess(most, 8 << 20)
            if LONG:
                self.assertLess(p99, 0.02)


if __name__ == "__main__":
    kplab.main()
