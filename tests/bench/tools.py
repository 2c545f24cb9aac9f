"""The tools tests/bench/peers compares with: how each is run on the same work, and how its
output says what became of it.  All run in the vantage of bench.make_network."""
import ctypes
import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time

import bench

UNPACKED = "/var/cache/kpwatchd-tests"
SCAN = "198.18.0.0/17"
CLONE_NEWNET = 0x40000000


def pinned(core, *command):
    return bench.within("vantage", "taskset", "-c", str(core), *command)


def high_water(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as f:
            return bench.field(f.read(), "VmHWM")
    except (OSError, AttributeError):
        return 0


def totals(pattern, text):
    """The sums of the pattern's two groups."""
    found = re.findall(pattern, text)
    return [sum(int(pair[i]) for pair in found) for i in (0, 1)]


class Run:
    """A tool from its start to its end: what it said, its CPU time and its memory."""

    def __init__(self, command, most, enough=None):
        """most: seconds until it is killed; enough: killed at once where it says that."""
        self.began, self.left = time.monotonic(), bench.packets_left()
        self.rss, self.text = 0, b""
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT)
        reader = threading.Thread(target=self.read, args=(child, enough))
        reader.start()
        while reader.is_alive():
            self.rss = max(self.rss, high_water(child.pid))
            if time.monotonic() > self.began + most:
                child.kill()
            reader.join(0.2)
        _, self.status, used = os.wait4(child.pid, 0)
        child.returncode = self.status
        self.seconds = time.monotonic() - self.began
        self.cpu = used.ru_utime + used.ru_stime
        self.left = bench.packets_left() - self.left
        self.text = self.text.decode(errors="replace")

    def read(self, child, enough):
        while data := os.read(child.stdout.fileno(), 1 << 16):
            self.text += data
            if enough and enough in data:
                child.kill()

    def row(self, sent, answered, seconds=None):
        """seconds: of sending, where more than that were measured."""
        if not sent:
            raise bench.Failed(f"a tool sent nothing: {self.text[-600:]}")
        return {"sent": sent, "lost": None if answered is None else sent - answered,
                "rate": sent / (seconds or self.seconds), "cpu": self.cpu / sent * 1e6,
                "rss": self.rss}


class Tools:
    """The tools, on one core; seconds: about how long each runs."""

    def __init__(self, work, core, seconds):
        self.work, self.core, self.seconds = work, core, seconds
        self.count = None  # where perf writes how many system calls there were; None: not counted
        self.bare_program = bench.build_program(work, "bare")
        link = json.loads(bench.run("ip", "-n", "responder", "-j", "link", "show", "down0"))
        self.mac = link[0]["address"]

    def run(self, *command, more=60, enough=None):
        counting = self.counting("--") if self.count else ()
        return Run(pinned(self.core, *counting, *command), self.seconds + more, enough)

    def counting(self, *how):
        return ("perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-o", self.count, *how)

    def calls(self, tool):
        """System calls per probe, in a run of its own; None: cannot be counted."""
        self.count = os.path.join(self.work, "count")
        try:
            row = tool()
            with open(self.count, encoding="utf-8") as f:
                found = re.search(r"^(\d+),.*sys_enter", f.read(), re.M)
            return int(found[1]) / row["sent"] if found else None
        except (bench.Failed, OSError):
            return None
        finally:
            self.count = None

    def names(self, count):
        path = os.path.join(self.work, f"addresses-{count}")
        with open(path, "w", encoding="ascii") as f:
            f.writelines(bench.address(4, i) + "\n" for i in range(count))
        return path

    def bare(self, mode, count, rate):
        run = self.run(self.bare_program, mode, str(count), str(rate), str(self.seconds))
        if run.status != 0:
            raise bench.Failed(f"bare {mode}: {run.text}")
        sent, answered, _, cpu, calls = map(float, run.text.split())
        row = run.row(sent, answered, self.seconds)
        return dict(row, cpu=cpu / sent, calls=calls / sent)

    def fping(self, count, spread=True):
        run = self.run("fping", "-4", "-q", "-c", str(self.seconds), "-p", "1000", "-t", "900",
                       "-i", f"{1000 / count if spread else 0:.3g}", "-b", "56", "-f", self.names(count))
        sent, got = totals(r"xmt/rcv/%loss = (\d+)/(\d+)/", run.text)
        row = run.row(sent, got) if sent else run.row(run.left, None)
        return dict(row, aborted=os.WIFSIGNALED(run.status) or os.WEXITSTATUS(run.status) > 1,
                    said=" ".join(run.text.splitlines()[-1:])[:100])

    def oping(self, count):
        run = self.run("oping", "-4", "-i", "1", "-c", str(self.seconds), "-f", self.names(count))
        return run.row(*totals(r"(\d+) packets transmitted, (\d+) received", run.text), self.seconds)

    def scamper(self, count):
        out = os.path.join(self.work, "scamper")
        run = self.run("scamper", "-c", f"ping -c {self.seconds} -i 1", "-p", str(count), "-f",
                       self.names(count), "-O", "text", "-o", out)
        with open(out, encoding="ascii") as f:
            said = totals(r"(\d+) packets transmitted, (\d+) packets received", f.read())
        os.unlink(out)
        return run.row(*said)

    def zmap(self, rate, module="tcp_synscan"):
        meta = os.path.join(self.work, "zmap")
        port = ["-p", "81"] if module == "tcp_synscan" else []
        run = self.run("zmap", "-M", module, *port, "-r", str(rate), "-i", "up0", "-S",
                       bench.LINK[4][0].split("/")[0], "-G", self.mac, "-b", "/dev/null", "-o",
                       "/dev/null", "-c", "1", "-T", "1", "-n", str(rate * self.seconds), "-m",
                       meta, "-q", SCAN)
        try:
            with open(meta, encoding="utf-8") as f:
                said = json.load(f)
        except OSError:
            raise bench.Failed(f"zmap: {run.text[-400:]}") from None
        return run.row(said["total_sent"], said["success_total"] + said["failure_total"],
                       run.seconds - 1)

    def masscan(self, rate):
        """It tells no refusals, and sends more than its SYNs; killed where it would only wait."""
        run = self.run("masscan", SCAN, "-p81", "--rate", str(rate), "-e", "up0", "--source-ip",
                       bench.LINK[4][0].split("/")[0], "--source-port", "61998", "--router-mac",
                       self.mac, "--wait", "1", "-oL", "/dev/null", enough=b"waiting")
        return run.row(1 << 15, None)

    def dnsperf(self, rate):
        queries = os.path.join(self.work, "queries")
        with open(queries, "w", encoding="ascii") as f:
            f.write("kp SOA\n")
        run = self.run("dnsperf", "-s", bench.address(4, 0), "-d", queries, "-l", str(self.seconds),
                       "-Q", str(rate), "-q", "1000", "-c", "1", "-T", "1")
        sent, got = (int(re.search(rf"Queries {what}:\s+(\d+)", run.text)[1])
                     for what in ("sent", "completed"))
        return run.row(sent, got, self.seconds)

    def blackbox(self, count):
        """Asked as Prometheus does, each target once a second; its clients are not counted."""
        config = os.path.join(self.work, "blackbox.yml")
        with open(config, "w", encoding="ascii") as f:
            f.write("modules: {icmp: {prober: icmp, timeout: 2s, "
                    "icmp: {preferred_ip_protocol: ip4, payload_size: 56}}}\n")
        program = f"{UNPACKED}/prometheus-blackbox-exporter/usr/bin/prometheus-blackbox-exporter"
        child = subprocess.Popen(
            pinned(self.core, program, f"--config.file={config}", "--log.level=error",
                   "--web.listen-address=127.0.0.1:9115"),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            clients = Clients(count, self.seconds)
            before = process_cpu(child.pid)
            if self.count:
                subprocess.Popen(self.counting("-p", str(child.pid), "--", "sleep",
                                               str(self.seconds - 1)))
            clients.run()
            cpu, rss = process_cpu(child.pid) - before, high_water(child.pid)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
        if not clients.asked:
            raise bench.Failed("blackbox_exporter answered nothing")
        return {"sent": clients.asked, "lost": clients.asked - clients.good,
                "rate": clients.asked / clients.took, "cpu": cpu / clients.asked * 1e6, "rss": rss}


def process_cpu(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e9


class Clients:
    """Threads in the vantage that ask blackbox_exporter for each target in its turn."""
    THREADS = 16

    def __init__(self, count, seconds):
        self.count, self.seconds = count, seconds
        self.asked = self.good = 0
        self.took = float(seconds)
        self.lock = threading.Lock()
        self.ready = threading.Barrier(self.THREADS + 1, timeout=30)
        self.threads = [threading.Thread(target=self.work, args=(i,), daemon=True)
                        for i in range(self.THREADS)]
        for thread in self.threads:
            thread.start()

    def run(self):
        self.began = time.monotonic()
        self.ready.wait()
        for thread in self.threads:
            thread.join()
        self.took = time.monotonic() - self.began

    def connect(self):
        connection = http.client.HTTPConnection("127.0.0.1", 9115, timeout=5)
        for _ in range(100):
            try:
                connection.connect()
                return connection
            except ConnectionRefusedError:
                time.sleep(0.1)
        raise bench.Failed("blackbox_exporter does not listen")

    def work(self, number):
        with open("/run/netns/vantage", encoding="ascii") as f:
            if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), CLONE_NEWNET) != 0:
                raise bench.Failed("cannot enter the vantage")
        connection = self.connect()
        self.ready.wait()
        asked = good = 0
        end = self.began + self.seconds
        for i in range(number, self.count * self.seconds, self.THREADS):
            due = self.began + i / self.count
            if time.monotonic() > end:
                break
            time.sleep(max(0, due - time.monotonic()))
            connection.request("GET", f"/probe?module=icmp&target={bench.address(4, i % self.count)}")
            good += b"probe_success 1" in connection.getresponse().read()
            asked += 1
        with self.lock:
            self.asked += asked
            self.good += good
