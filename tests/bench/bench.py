"""What the benchmarks share: two namespaces joined by a veth pair, a configuration
made for them, and the real daemon between start and end.

Nothing leaves: everything runs in namespaces made here, which hold no interface of
the machine, and only 198.18.0.0/15 and 2001:2::/48 are used (RFC 2544, RFC 5180)."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
INSIDE = "KP_BENCH_INSIDE"  # once inside: work directory, and the network we came from

MOST = 20000  # targets: all configuration files together hold 1 MiB at most
LINK = {4: ("198.19.255.1/30", "198.19.255.2/30"),
        6: ("2001:2:0:ffff::1/64", "2001:2:0:ffff::2/64")}
ROUTE = {4: "198.18.0.0/15", 6: "2001:2::/48"}
LOCAL = {4: "198.18.0.0/16", 6: "2001:2:0:1::/64"}  # what the responder answers for


class Failed(Exception):
    """Says what could not be measured."""


def address(family, i):
    """The i-th target address."""
    return f"198.18.{i // 250}.{i % 250 + 1}" if family == 4 else f"2001:2:0:1::{i + 1:x}"


# ---- a place of our own ----

def enter(seconds):
    """Runs this script again inside fresh namespaces, for at most so many seconds, and
    exits with its status; returns the work directory once inside."""
    here = str(os.stat("/proc/self/ns/net").st_ino)
    if INSIDE in os.environ:
        work, outside = os.environ[INSIDE].rsplit(":", 1)
        if here == outside:
            sys.exit(f"{INSIDE} is set, but these are no namespaces of our own")
        return work
    if os.geteuid() != 0:
        sys.exit("root is needed, to make network namespaces")
    work = tempfile.mkdtemp(prefix="kp-bench.")
    command = ["unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork",
               "--kill-child=KILL", "--mount-proc", sys.executable, *sys.argv]
    child = subprocess.Popen(command, env=dict(os.environ, **{INSIDE: f"{work}:{here}"}))
    status = 1
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    try:
        status = child.wait(timeout=seconds)
    except KeyboardInterrupt:
        status = 130
    except subprocess.TimeoutExpired:
        print(f"gave up after {seconds} s", file=sys.stderr)
    finally:
        child.kill()  # of unshare, so of every process and namespace in there
        child.wait()
        shutil.rmtree(work, ignore_errors=True)
    sys.exit(status)


def run(*command, seconds=60, **how):
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False,
                          **how)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def batch(namespace, text):
    run("ip", "-n", namespace, "-batch", "-", input=text)


def within(namespace, *command):
    return ["ip", "netns", "exec", namespace, *command]


def make_network():
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    for namespace in ("vantage", "responder"):
        run("ip", "netns", "add", namespace)
    run("ip", "link", "add", "up0", "netns", "vantage", "type", "veth",
        "peer", "name", "down0", "netns", "responder")
    for namespace, device, side in (("vantage", "up0", 0), ("responder", "down0", 1)):
        batch(namespace, "link set lo up\n" + "".join(
            f"addr add {LINK[family][side]} dev {device}{' nodad' if family == 6 else ''}\n"
            for family in (4, 6)) + f"link set {device} up\n")
    batch("vantage", "".join(
        f"route add {ROUTE[family]} via {LINK[family][1].split('/')[0]}\n" for family in (4, 6)))
    batch("responder", "".join(
        f"route add local {LOCAL[family]} dev lo\n" for family in (4, 6)))
    run(*within("responder", "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0",
                "net.ipv6.icmp.ratelimit=0"))
    for family in (4, 6):
        wait_for(lambda f=family: answers(f), 20, f"an answer over IPv{family}")


def answers(family):
    """One echo request; it also fills the neighbour tables."""
    return subprocess.run(within("vantage", "ping", "-n", "-c1", "-W1", address(family, 0)),
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=10,
                          check=False).returncode == 0


def wait_for(ready, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if ready():
            return
        time.sleep(0.05)
    raise Failed(f"no {what} within {seconds} s")


def build_program(work, name):
    """A program of one file beside this one; returns its path."""
    program = os.path.join(work, name)
    run(os.environ.get("CC", "cc"), "-O2", "-Wall", "-Wextra", "-o", program,
        os.path.join(HERE, name + ".c"))
    return program


def packets_left():
    """Packets that have left the vantage."""
    link = json.loads(run("ip", "-n", "vantage", "-s", "-j", "link", "show", "up0"))
    return link[0]["stats64"]["tx"]["packets"]


def start_dns(work, seconds):
    """Answers DNS queries to any address of the responder until it is killed or so
    many seconds are over."""
    program = build_program(work, "dns_responder")
    return subprocess.Popen(within("responder", program, str(seconds)))


# ---- the daemon ----

PROBES = {"icmp": "{type: icmp, size: 56}", "tcp-syn": "{type: tcp-syn, port: 81}",
          "dns": "{type: dns, name: kp, qtype: SOA}"}
COUNT_SECONDS = 10  # for system calls, beside the measured time
CALLS = ("sendmmsg", "recvmmsg", "epoll_wait", "read", "write", "getsockopt", "setsockopt",
         "timerfd_settime", "sendto", "recvmsg", "socket", "connect", "close", "getsockname",
         "epoll_ctl", "poll", "clock_gettime")


def configure(work, targets, interval, sample, paths=(), each=1):
    """targets: a probe type, an address and a name each, on the paths in turn.  each: so many
    probes of every (ICMP) target.  Returns the file's path."""
    rate = len(targets) * each / interval
    text = f"""version: 1
vantage: {{name: bench}}
allow: [198.18.0.0/15, "2001:2::/48"]
limits: {{total-rate: {max(rate * 2, 100):.0f}/s, per-address-rate: 10/s, burst: {max(rate / 10, 100):.0f}}}
defaults: {{interval: {interval:g}s, timeout: 2s, jitter: 10%}}
log: {{level: info, journal: off, syslog: off, sample: {sample * 100:.4f}%}}
control: {{socket: {work}/control.sock}}
probes:
"""
    text += "".join(f"  {name[0]}: {probe}\n" for name, probe in PROBES.items())
    more = [f"i{n}" for n in range(1, each)]
    text += "".join(f"  {name}: {{type: icmp, size: {56 + n}}}\n" for n, name in enumerate(more, 1))
    text += "paths:\n" if paths else ""
    text += "".join(f"  {name}: {{}}\n" for name in paths)
    text += "targets:\n"
    for i, (kind, where, name) in enumerate(targets):
        on_path = f",paths: [{paths[i % len(paths)]}]" if paths else ""
        text += (f'- {{name: {name},address: "{where}",probes: [{",".join([kind[0], *more])}]'
                 f"{on_path}}}\n")
    name = os.path.join(work, "kpwatchd.yaml")
    with open(name, "w", encoding="ascii") as f:
        f.write(text)
    return name


class Daemon:
    """kpwatchd in the vantage namespace, from `with` to its end."""

    def __init__(self, build, work, config):
        self.program = os.path.join(build, "daemon", "kpwatchd")
        self.ctl_program = os.path.join(build, "ctl", "kpwatchctl")
        self.socket = os.path.join(work, "control.sock")
        self.log = os.path.join(work, "stderr")
        self.config = config
        self.process = None

    def __enter__(self):
        with open(self.log, "w", encoding="utf-8") as log:
            # `ip netns exec` becomes the daemon: the process is the daemon's own.
            self.process = subprocess.Popen(
                within("vantage", self.program, "-c", self.config),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_for(self.listens, 60, "control socket")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def listens(self):
        if self.process.poll() is not None:
            with open(self.log, encoding="utf-8") as log:
                raise Failed(f"the daemon ended by itself:\n{log.read()[-2000:]}")
        return os.path.exists(self.socket)

    def ctl(self, *arguments):
        return run(self.ctl_program, "-s", self.socket, *arguments)

    def stats(self):
        """GetStats, as `kpwatchctl stats` gives it."""
        return json.loads(self.ctl("--json", "stats"))

    def proc(self, name):
        with open(f"/proc/{self.process.pid}/{name}", encoding="utf-8") as f:
            return f.read()


# ---- taking samples ----

def raw_drops(daemon):
    """Packets the kernel threw away at the daemon's raw sockets, and UDP ones."""
    total = 0
    for name in ("net/raw", "net/raw6"):
        total += sum(int(line.split()[-1]) for line in daemon.proc(name).splitlines()[1:])
    head, values = re.findall(r"^Udp: (.*)$", daemon.proc("net/snmp"), re.M)[:2]
    total += int(dict(zip(head.split(), values.split()))["RcvbufErrors"])
    udp6 = re.findall(r"^Udp6RcvbufErrors\s+(\d+)", daemon.proc("net/snmp6"), re.M)
    return total + sum(map(int, udp6))


def wire_counts(daemon):
    """Packets that came to and left the vantage."""
    for line in daemon.proc("net/dev").splitlines():
        if line.strip().startswith("up0:"):
            values = line.split(":")[1].split()
            return int(values[1]), int(values[9])
    raise Failed("no device up0")


def sample(daemon):
    stats = daemon.stats()
    status = daemon.proc("status")
    fields = daemon.proc("stat").rsplit(")", 1)[1].split()
    tick = os.sysconf("SC_CLK_TCK")
    arrived, left = wire_counts(daemon)
    kinds = stats["probes"]
    s = {"at": time.monotonic(), "sent": sum(k["sent"] for k in kinds),
         "cpu": int(daemon.proc("schedstat").split()[0]) / 1e9,
         "ticks": (int(fields[11]) + int(fields[12])) / tick,
         "sleeps": field(status, "voluntary_ctxt_switches"),
         "preempted": field(status, "nonvoluntary_ctxt_switches"),
         "rss": field(status, "VmRSS"), "drops": raw_drops(daemon),
         "arrived": arrived, "left": left, "in_flight": stats["in_flight"],
         "late": sum(k["late"] for k in kinds), "gaps": stats["gaps"],
         "deferred": stats["deferred"], "lag": stats["scheduler_lag_seconds"],
         "discarded": sum(sum(k["discarded"].values()) for k in kinds)}
    for result in ("answered", "refused", "timeout", "unreachable", "local-error"):
        s[result] = sum(k["results"][result] for k in kinds)
    for name, value in stats.get("network", {}).items():
        if isinstance(value, int):
            s["network." + name] = value
    return s


def alive(s):
    return s["answered"] + s["refused"]


def lost(a, b):
    """Since a: what was sent and is neither answered nor in flight, or what the results
    say, whichever is more (a probe that never left may not count as sent)."""
    said = sum(b[r] - a[r] for r in ("timeout", "unreachable", "local-error"))
    return max(said, b["sent"] - a["sent"] - (alive(b) - alive(a)) -
               (b["in_flight"] - a["in_flight"]))


def warm_up(daemon, targets, rounds, interval=1):
    """Until each target has been asked so many times, once an interval (seconds)."""
    wanted = targets * rounds
    end = time.monotonic() + 30 + 2 * rounds * interval
    while (s := sample(daemon))["sent"] < wanted:
        if time.monotonic() > end:
            raise Failed(f"only {s['sent']} of {wanted} probes went out in time "
                         f"(deferred: {s['deferred']}, worst lag {s['lag']} s)")
        time.sleep(0.5)


# ---- system calls, counted from outside ----

def perf_counts(pid):
    """System calls by name, over COUNT_SECONDS; "all" for their sum."""
    names = {"raw_syscalls:sys_enter": "all"}
    names.update({f"syscalls:sys_enter_{call}": call for call in CALLS})
    done = subprocess.run(["perf", "stat", "-x,", "-e", ",".join(names), "-p", str(pid),
                           "--", "sleep", str(COUNT_SECONDS)], capture_output=True, text=True,
                          timeout=60, check=False)
    counts = {}
    for line in done.stderr.splitlines():
        part = line.split(",")
        if len(part) > 2 and part[2] in names and part[0].isdigit():
            counts[names[part[2]]] = int(part[0])
    return counts if counts.get("all") else None


def strace_counts(pid):
    """As perf_counts; slows the daemon down."""
    done = subprocess.run(["timeout", "-s", "INT", str(COUNT_SECONDS), "strace", "-c", "-f",
                           "-p", str(pid)], capture_output=True, text=True, timeout=60,
                          check=False)
    counts = {}
    for line in done.stderr.splitlines():
        found = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
        if found:
            counts["all" if found[2] == "total" else found[2]] = int(found[1])
    return counts if counts.get("all") else None


def count_calls(daemon):
    for program, count in (("perf", perf_counts), ("strace", strace_counts)):
        if not shutil.which(program):
            continue
        before = sample(daemon)
        calls = count(daemon.process.pid)
        after = sample(daemon)
        if calls:
            # kpwatchctl's requests and the counter's own start fall into the same time.
            rate = (after["sent"] - before["sent"]) / (after["at"] - before["at"])
            return program, calls, rate * COUNT_SECONDS
    return None


def find_build(given):
    places = [given] if given else [os.environ.get("KP_BUILD"), f"{ROOT}/build/release",
                                    f"{ROOT}/build/dev"]
    for place in filter(None, places):
        if os.path.exists(os.path.join(place, "daemon", "kpwatchd")):
            return os.path.realpath(place)
    raise Failed("no built kpwatchd: give its build directory with --build")


def field(text, name):
    """The number behind `name:` in a status file of /proc."""
    return int(re.search(rf"^{name}:\s+(\d+)", text, re.M).group(1))


def table(title, rows):
    """rows: name, value, what it should be (or "")."""
    print(title)
    wide = [max(len(row[i]) for row in rows) for i in (0, 1)]
    for name, value, wanted in rows:
        print(f"  {name:<{wide[0]}}  {value:>{wide[1]}}  {wanted}".rstrip())
