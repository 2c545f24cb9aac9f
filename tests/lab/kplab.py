"""What the lab tests share: a lab, the daemon in it, kpwatchctl, captures.

    python3 test_NAME.py KPWATCHD KPWATCHCTL [unittest arguments]

The daemon only ever runs inside a lab (tests/lab/lab), which has no link to the
outside.  Exit code 77: this machine cannot have a lab; the reason is printed.
"""
import calendar
import collections
import contextlib
import faulthandler
import ipaddress
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
LAB = os.path.join(HERE, "lab")
KPWATCHD = KPWATCHCTL = ""
DELAY = "0"
LONGEST = 240  # seconds that one file of tests may take
STATES = ("unknown", "up", "degraded", "down")


def wait_for(check, what, timeout=20.0):
    """Calls check until it returns something true and raises no AssertionError."""
    end = time.monotonic() + timeout
    while True:
        why = ""
        try:
            value = check()
            if value:
                return value
        except AssertionError as error:
            why = f": {error}"
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what}{why}")
        time.sleep(0.02)


def stamp(text):
    """Unix seconds of a time as the daemon writes it."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{6})Z", text)
    assert match, f"{text!r} is not RFC 3339 in UTC with microseconds"
    whole = time.strptime(match[1] + " UTC", "%Y-%m-%dT%H:%M:%S %Z")
    return calendar.timegm(whole) + float(match[2])


def rfc3339(seconds):
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1e6):06}Z"


# ---- the lab ----

def _clean_up_after_us(name, directory):
    """Whatever becomes of this process, its lab goes: a process of its own waits
    for the end of the pipe that only we hold."""
    ours, theirs = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        os.close(theirs)
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.read(ours, 1)
        subprocess.run([LAB, "-n", name, "down"], check=False)
        shutil.rmtree(directory, ignore_errors=True)
        os._exit(0)
    os.close(ours)
    os.wait()
    return theirs


class Lab:
    """A lab of our own.  with Lab("name") as lab: …"""

    def __init__(self, label, delay=DELAY):
        self.name = f"it-{label}-{os.getpid()}"
        self.delay = delay
        self.dir = tempfile.mkdtemp(prefix="kp-it.")
        self.guard = None
        self.v4, self.v6 = {}, {}  # addresses as the vantage sees them, by namespace

    def __enter__(self):
        self.guard = _clean_up_after_us(self.name, self.dir)
        self.verb("up", "--delay", self.delay)
        for line in self.verb("status").splitlines():
            words = line.split()
            if len(words) >= 3 and words[2].startswith("2001:2:"):
                self.v4[words[0]] = words[1]
                self.v6[words[0]] = str(ipaddress.ip_address(words[2]))
        return self

    def __exit__(self, *error):
        self.verb("down")
        shutil.rmtree(self.dir, ignore_errors=True)
        os.close(self.guard)

    def verb(self, *words):
        done = subprocess.run([LAB, "-n", self.name, *words], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=180, check=False)
        assert done.returncode == 0, f"lab {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def command(self, ns, *words):
        return [LAB, "-n", self.name, "exec", ns, *words]

    def exec(self, ns, *words, code=0):
        """Runs a command in a namespace; what it prints."""
        done = subprocess.run(self.command(ns, *words), capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60, check=False)
        assert done.returncode == code, f"{words}: {done.returncode} {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    @contextlib.contextmanager
    def fault(self, *faults):
        """with lab.fault("cut china-unicom", …): yields when that began and was done."""
        before = time.time()
        for words in faults:
            self.verb(*words.split())
        try:
            yield before, time.time()
        finally:
            self.verb("heal")

    @contextlib.contextmanager
    def run(self, ns, *words):
        """A command that runs meanwhile; it is ended by SIGTERM."""
        process = subprocess.Popen(self.command(ns, *words), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=20)

    def ping(self, address):
        """(reply TTL, shortest round trip in seconds) by ping(8)."""
        text = self.exec("vantage", "ping", "-n", "-c", "3", "-i", "0.1", "-W", "2", address)
        return (int(re.search(r"ttl=(\d+)", text)[1]),
                float(re.search(r"= ([\d.]+)/", text)[1]) / 1000)


# ---- configurations ----

def lab_yaml(socket_path, **lines):
    """The lab's own configuration; lines: another value for a one-line section."""
    with open(os.path.join(HERE, "kpwatchd.yaml"), encoding="utf-8") as file:
        text = file.read()
    for key, value in {"control": {"socket": socket_path}, **lines}.items():
        text, count = re.subn(rf"(?m)^{key}: .*$", lambda _: f"{key}: {flow(value)}", text)
        assert count == 1, f"{count} lines '{key}:' in the lab's configuration"
    return text


def flow(value):
    return json.dumps(value, ensure_ascii=False)


PROBES = {
    "ping": {"type": "icmp", "size": 56},
    "web": {"type": "tcp-syn", "port": 80},
    "tls": {"type": "tcp-syn", "port": 443},
    "dns-tcp": {"type": "tcp-syn", "port": 53},
    "soa": {"type": "dns", "name": "kp", "qtype": "SOA"},
    "soa-by-tcp": {"type": "dns", "name": "kp", "qtype": "SOA", "transport": "tcp"},
}
PATHS = {
    "china-unicom": {"title": "China Unicom", "asn": [4837], "edge": ["198.19.35.254"],
                     "hops": ["198.19.32.0/22", "198.19.219.0/24"]},
    "transtelecom": {"title": "TransTeleCom", "asn": [20485], "edge": ["198.19.43.153"],
                     "hops": ["198.19.40.0/22"]},
}
ANCHORS = [{"name": f"anchor-{i}", "address": f"198.19.0.{i}", "probes": ["ping"]}
           for i in (1, 2, 3)]
QUICK = {"interval": "200ms", "timeout": "500ms", "jitter": "10%"}
WIDE = {"total-rate": "1000/s", "per-address-rate": "100/s", "burst": 100}


def conf(targets, **sections):
    """A configuration as text, one line an entry, so that errors have a place."""
    top = {"version": 1, "vantage": {"name": "it"}, "allow": ["198.18.0.0/15", "2001:2::/48"],
           "limits": WIDE, "defaults": QUICK, "probes": PROBES, "paths": PATHS,
           "anchors": ANCHORS, "targets": targets, "verdict": {"false-alarms": "1/1h", "recover-after": "1s"},
           "log": {"journal": "off", "sample": "0%"}, **sections}
    out = []
    for key, value in top.items():
        if value and key in ("probes", "paths"):
            out += [f"{key}:", *(f"  {name}: {flow(v)}" for name, v in value.items())]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            out += [f"{key}:", *(f"  - {flow(v)}" for v in value)]
        elif value is not None:
            out.append(f"{key}: {flow(value)}")
    return "\n".join(out) + "\n"


# ---- talking to the daemon ----

class VarlinkError(Exception):
    def __init__(self, error, parameters):
        super().__init__(f"{error} {parameters}")
        self.error, self.parameters = error, parameters


class Varlink:
    """One connection to a control socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(20)
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise
        self.bytes = b""

    def send(self, method, parameters, **flags):
        if "." not in method:
            method = "org.kpwatchd.Monitor." + method
        message = {"method": method, "parameters": parameters, **flags}
        self.socket.sendall(json.dumps(message).encode() + b"\0")

    def receive(self):
        while b"\0" not in self.bytes:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("the daemon closed the connection")
            self.bytes += more
        message, _, self.bytes = self.bytes.partition(b"\0")
        message = json.loads(message)
        if "error" in message:
            raise VarlinkError(message["error"], message.get("parameters", {}))
        return message["parameters"]

    def call(self, method, **parameters):
        self.send(method, parameters)
        return self.receive()

    def close(self):
        self.socket.close()


Done = collections.namedtuple("Done", "code out err")


def ctl(socket_path, *words, code=0, env=None, prefix=()):
    """Runs kpwatchctl.  With --json the parsed reply, else (code, out, err)."""
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TZ": "UTC", **(env or {})}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
        if name in os.environ:
            environment[name] = os.environ[name]
    done = subprocess.run([*prefix, KPWATCHCTL, "-s", socket_path, *words], timeout=60,
                          stdin=subprocess.DEVNULL, capture_output=True, env=environment,
                          check=False)
    out, err = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == code, f"{words}: {done.returncode}, not {code}: {out}{err}"
    return json.loads(out) if code == 0 and "--json" in words else Done(done.returncode, out, err)


class Daemon:
    """kpwatchd in the vantage of a lab.  with Daemon(lab, text) as daemon: …"""

    def __init__(self, lab, text=None, *, name="d", options=(), start=True):
        self.lab, self.options, self.start_at_once = lab, options, start
        self.prefix = ()  # words before the command
        self.dir = tempfile.mkdtemp(prefix=name + "-", dir=lab.dir)
        self.socket = os.path.join(self.dir, "control.sock")
        self.conf = os.path.join(self.dir, "kpwatchd.yaml")
        self.log_file = os.path.join(self.dir, "log")
        self.process = self.connection = self.pid = None
        if text is not None:
            self.write(text)

    def write(self, text):
        """Puts a configuration in place at once, as an editor would."""
        if "control:" not in text:
            text += f"control: {flow({'socket': self.socket})}\n"
        with open(self.conf + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(self.conf + ".new", self.conf)

    def __enter__(self):
        return self.start() if self.start_at_once else self

    def __exit__(self, *error):
        if error[0] is not None:
            print(f"--- log of {self.dir}:\n{self.log()[-6000:]}---", file=sys.stderr)
        if self.process is not None:
            self.stop()

    def spawn(self):
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                self.lab.command("vantage", *self.prefix, KPWATCHD, "-c", self.conf, *self.options),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start(self):
        self.spawn()
        wait_for(self._ready, "the daemon is ready")
        self.pid = wait_for(self.find_pid, "the daemon's process")
        return self

    def _ready(self):
        assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.log()}"
        self.drop_connection()
        try:
            return self.call("GetStatus")
        except OSError:
            return None

    def fails(self):
        """Starts what must not start; what it says."""
        self.spawn()
        code = self.process.wait(timeout=20)
        self.process = None
        assert code == 1, f"exit code {code}: {self.log()}"
        return self.log()

    def processes(self):
        """Those that entered the lab, and then the daemon."""
        look = [self.process.pid]
        while look:
            pid = look.pop()
            yield pid
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
                    look += [int(word) for word in children.read().split()]

    def find_pid(self):
        """The process itself, below those that entered the lab."""
        for pid in self.processes():
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/comm", encoding="ascii") as comm:
                    if comm.read() == "kpwatchd\n":
                        return pid
        return None

    def kill(self, number):
        os.kill(self.pid, number)

    @contextlib.contextmanager
    def stopped(self):
        """It stands still meanwhile; so does nsenter, which follows its child."""
        self.kill(signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in reversed(list(self.processes())):
                os.kill(pid, signal.SIGCONT)

    def stop(self, number=signal.SIGTERM):
        """Its exit code."""
        self.drop_connection()
        pid = self.pid or self.find_pid()
        if self.process.poll() is None and pid:
            os.kill(pid, number)
        code = self.process.wait(timeout=20)
        self.process = self.pid = None
        return code

    def log(self):
        with contextlib.suppress(OSError):
            with open(self.log_file, encoding="utf-8") as file:
                return file.read()
        return ""

    def drop_connection(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def call(self, method, **parameters):
        if self.connection is None:
            self.connection = Varlink(self.socket)
        return self.connection.call(method, **parameters)

    def ctl(self, *words, **more):
        return ctl(self.socket, *words, **more)

    def status(self):
        return self.call("GetStatus")

    def path(self, name):
        return self.call("ListPaths", path=name)["paths"][0]

    def targets(self):
        return {t["name"]: t for t in self.call("ListTargets")["targets"]}

    def target(self, name):
        return self.call("ListTargets", target=name)["targets"][0]

    def probe(self, name, probe):
        return next(p for p in self.target(name)["probes"] if p["name"] == probe)

    def events(self, *kinds, since=None):
        return self.call("ListEvents", kinds=list(kinds) or None, since=since)["events"]

    def stats(self):
        """GetStats, with its list of probes keyed by type."""
        stats = self.call("GetStats")
        return {**stats, "probes": {p["type"]: p for p in stats["probes"]}}

    def wait_clear(self, timeout=30):
        """Until every probe has a baseline and answers."""
        def check():
            status = self.status()
            assert status["verdict"] == "clear", status["summary"]
            assert status["vantage"]["healthy"] is True
            assert {path["state"] for path in status["paths"]} == {"up"}, status["paths"]
            for target in self.call("ListTargets")["targets"]:
                states = {target["state"], *(p["state"] for p in target["probes"])}
                assert states == {"up"}, target["name"]
            return status
        return wait_for(check, "all is clear", timeout)


# ---- captures ----

Packet = collections.namedtuple(
    "Packet", "time out version src dst proto ttl sport dport flags seq ack kind payload")
SYN, RST, ACK, FIN = 0x02, 0x04, 0x10, 0x01


def _packet(when, sll, data):
    version = data[0] >> 4
    if version == 4:
        head = (data[0] & 15) * 4
        src, dst = data[12:16], data[16:20]
        proto, ttl, body = data[9], data[8], data[head:int.from_bytes(data[2:4], "big")]
    else:
        src, dst = data[8:24], data[24:40]
        proto, ttl, body = data[6], data[7], data[40:40 + int.from_bytes(data[4:6], "big")]
    sport = dport = flags = seq = ack = kind = None
    if proto == 6:
        sport, dport, seq, ack, offset, flags = struct.unpack_from("!HHIIBB", body)
        body = body[(offset >> 4) * 4:]
    elif proto == 17:
        sport, dport = struct.unpack_from("!HH", body)
        body = body[8:]
    elif proto in (1, 58):
        kind, body = (body[0], body[1]), body[4:]
    return Packet(when, sll[10] == 4, version, str(ipaddress.ip_address(src)),
                  str(ipaddress.ip_address(dst)), proto, ttl, sport, dport, flags, seq, ack,
                  kind, body)


def raw_pcap(data):
    """(time, SLL2 header, bytes) of the IP packets of a pcap from "-i any"."""
    magic, _, _, _, _, _, link = struct.unpack_from("<IHHiIII", data)
    assert magic == 0xa1b2c3d4 and link == 276, (hex(magic), link)
    at = 24
    while at + 16 <= len(data):
        seconds, micros, length, _ = struct.unpack_from("<IIII", data, at)
        sll, at = data[at + 16:at + 36], at + 16 + length
        if sll[0:2] in (b"\x08\x00", b"\x86\xdd") and at <= len(data):
            yield seconds + micros / 1e6, sll, data[at - length + 20:at]


class Capture:
    """All that the vantage sends and receives.  with Capture(lab) as capture: …,
    and then capture.packets."""

    def __init__(self, lab, expression=""):
        self.lab, self.expression = lab, expression
        self.file = os.path.join(tempfile.mkdtemp(prefix="capture-", dir=lab.dir), "pcap")
        self.packets = []

    def __enter__(self):
        self.process = subprocess.Popen(
            self.lab.command("vantage", "tcpdump", "-i", "any", "-y", "LINUX_SLL2", "-n", "-U",
                             "--immediate-mode", "-B", "16384", "-s", "0", "-Z", "root",
                             "-w", self.file, *self.expression.split()),
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.said = self.process.stderr.readline()
        while self.said and "listening on" not in self.said:
            self.said = self.process.stderr.readline()
        assert self.said, "tcpdump does not start"
        return self

    def __exit__(self, *error):
        self.process.terminate()
        said = self.process.communicate(timeout=20)[1]
        if error[0] is None:
            assert re.search(r"(?m)^0 packets dropped by kernel", said), said
        self.packets = self.so_far()

    def so_far(self):
        return [_packet(*raw) for raw in self.raw()]

    def raw(self):
        with open(self.file, "rb") as file:
            return list(raw_pcap(file.read()))


def by_kernel(packet):
    """Neighbour discovery and multicast listening: the kernel's own."""
    return packet.version == 6 and (packet.proto == 0 or (
        packet.proto == 58 and (133 <= packet.kind[0] <= 137 or packet.kind[0] in (131, 132, 143))))


def assert_polite(test, packets, total, each, burst):
    """Over any 10 s: at most so many a second in total, and to one address, besides the
    burst.  A process that is late may send two seconds' worth at once."""
    span, late = 10, 2
    def probe(p):
        return p.out and not by_kernel(p) and (
            p.proto == 17 or (p.proto == 6 and p.flags == SYN) or
            (p.proto in (1, 58) and p.kind[0] in (8, 128)))
    probes = sorted((p.time, p.dst) for p in packets if probe(p))
    test.assertTrue(probes)
    by_address = collections.defaultdict(list)
    for when, dst in probes:
        by_address[dst].append(when)
    for times, rate, whom in [([when for when, _ in probes], total, "in total"),
                              *((times, each, dst) for dst, times in by_address.items())]:
        first = 0
        for n, when in enumerate(times):
            while times[first] < when - span:
                first += 1
            test.assertLessEqual(n + 1 - first, burst + rate * (span + late), whom)


def fields(test, thing, spec, where=""):
    """Checks that an object has the fields of spec, each fit for its check: a type,
    a tuple of types or of values, or a function."""
    for key, want in spec.items():
        test.assertIn(key, thing, where)
        value, place = thing[key], f"{where}.{key} = {thing[key]!r}"
        if isinstance(want, type):
            test.assertIs(type(value), want, place)
        elif callable(want):
            test.assertTrue(want(value), place)
        else:
            test.assertTrue(type(value) in want or value in want, place)


# ---- running ----

def why_not():
    """Why this machine cannot have a lab; None: it can."""
    if os.geteuid() != 0:
        return "root is needed to make network namespaces"
    for tool in ("unshare", "nsenter", "ip", "nft", "nsd", "nginx", "kdig", "tcpdump", "ping"):
        if shutil.which(tool) is None:
            return f"there is no {tool}"
    done = subprocess.run(["unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork",
                           "--mount-proc", "true"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return "namespaces are refused: " + done.stderr.strip()
    return None if os.path.exists("/dev/net/tun") else "there is no /dev/net/tun"


def main():
    global KPWATCHD, KPWATCHCTL
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    KPWATCHD, KPWATCHCTL = (os.path.abspath(path) for path in sys.argv[1:3])
    reason = why_not()
    if reason is not None:
        print(f"SKIP: {reason}")
        sys.exit(77)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    faulthandler.dump_traceback_later(LONGEST, exit=True)
    unittest.main(module="__main__", argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)


class Case(unittest.TestCase):
    """Tests that share one lab, named after the file."""

    delay = DELAY
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        label = os.path.basename(sys.argv[0]).removeprefix("test_").removesuffix(".py")
        cls.lab = cls.enterClassContext(Lab(label, cls.delay))
