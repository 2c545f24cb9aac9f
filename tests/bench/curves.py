"""How kpwatchd grows (scale --curves): one daemon after the other, with more and more probes,
then with more and more paths; each figure becomes a panel of one SVG picture."""
import json
import math
import os
import socket
import time

import bench

PROBES = (10, 100, 1000, 10000, 30000, 100000)  # on 2 paths
PATHS = (2, 20, 200)                            # for MANY probes
MANY = 10000
INTERVAL = 10     # seconds between two probes of the same kind to a target
TARGETS = 11000   # a configuration has at most 1 MiB: beyond, a target has several probes
SECONDS = 10      # of measuring CPU time
ASKED = 200       # requests for status
ROUNDS = {10: 80, 100: 80, 1000: 60, 10000: 30, 30000: 20, 100000: 16}  # of the core alone

PANELS = (("CPU, % of a core", "cpu"), ("resident memory, MiB", "rss"),
          ("start to first probe, ms", "start"), ("reload, ms", "reload"),
          ("status p99, ms", "status"), ("first byte of targets, ms", "targets"),
          ("verdict: core per answer, ns", "answer"), ("verdict: longest judging, ms", "judging"))


# ---- measuring ----

class Line:
    """A connection to the control socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(path)

    def ask(self, method):
        """Seconds to the first byte, and to the end, of the reply."""
        call = {"method": f"org.kpwatchd.Monitor.{method}", "parameters": {}}
        began, first, data = time.monotonic(), None, b""
        self.socket.sendall(json.dumps(call).encode() + b"\0")
        while not data.endswith(b"\0"):
            data = self.socket.recv(1 << 20)
            if not data:
                raise bench.Failed(f"{method}: the daemon closed the connection")
            first = first or time.monotonic() - began
        return first, time.monotonic() - began


def first_probe(build, work, config):
    """The running daemon, and how many seconds it took until its first probe left."""
    daemon = bench.Daemon(build, work, config)
    before, began = bench.packets_left(), time.monotonic()
    daemon.__enter__()
    while bench.wire_counts(daemon)[1] <= before:
        if time.monotonic() > began + 30:
            raise bench.Failed("no probe left within 30 s")
        time.sleep(0.001)
    return daemon, time.monotonic() - began


def live(build, work, probes, paths):
    each = -(-probes // TARGETS)
    targets = [("icmp", bench.address(4, i), f"t{i:x}") for i in range(probes // each)]
    names = [f"p{i}" for i in range(min(paths, len(targets)))]
    config = bench.configure(work, targets, INTERVAL, 0.001, names, each)
    daemon, start = first_probe(build, work, config)
    try:
        bench.warm_up(daemon, probes, 1, INTERVAL)
        a = bench.sample(daemon)
        line = Line(daemon.socket)
        status, until = [], time.monotonic() + SECONDS
        while time.monotonic() < until:
            status.append(line.ask("GetStatus")[1])
            time.sleep(SECONDS / ASKED)
        b = bench.sample(daemon)
        listed = sorted(line.ask("ListTargets")[0] for _ in range(3))[1]
        began = time.monotonic()
        daemon.ctl("reload")
        reload = time.monotonic() - began
    finally:
        daemon.__exit__()
    return {"cpu": (b["cpu"] - a["cpu"]) / (b["at"] - a["at"]) * 100, "rss": b["rss"] / 1024,
            "start": start * 1e3, "reload": reload * 1e3, "targets": listed * 1e3,
            "status": sorted(status)[int(len(status) * .99)] * 1e3}


def core(program, probes, paths):
    """What judging costs while a path falls silent, without sockets."""
    said = bench.run(program, str(probes), str(min(paths, probes)), str(ROUNDS[probes]),
                     seconds=300).split()
    return {"answer": float(said[2]), "judging": float(said[3])}


def point(build, work, probes, paths):
    got = live(build, work, probes, paths)
    got.update(core(core_program(), probes, paths))
    print(f"{probes:6} {paths:4}  " + "".join(f"{got[key]:9.2f}" for _, key in PANELS), flush=True)
    return got


def core_program():
    program = os.path.join(bench.ROOT, "build/dev/tests/bench/kp_bench_core")
    if not os.path.exists(program):
        raise bench.Failed("no kp_bench_core: cmake --preset dev && cmake --build --preset dev")
    return program


def measure(build, work, picture):
    print("probes paths  " + ", ".join(title for title, _ in PANELS))
    by_probes = [(n, point(build, work, n, 2)) for n in PROBES]
    by_paths = [(n, point(build, work, MANY, n)) for n in PATHS]
    with open(picture, "w", encoding="utf-8") as f:
        f.write(draw(by_probes, by_paths))


# ---- drawing ----

WIDE, HIGH, LEFT, TOP = 250, 170, 46, 62  # of a panel, its margin, of the title
COLUMNS = 4


def scale(values, low, high):
    """A logarithmic axis from the decade below to the one above: a function, and its ticks."""
    first = math.floor(math.log10(max(min(values), 1e-3)))
    last = max(math.ceil(math.log10(max(max(values), 1e-3))), first + 1)
    return (lambda v: low + (math.log10(max(v, 1e-3)) - first) / (last - first) * (high - low),
            [10 ** n for n in range(first, last + 1)])


def short(value):
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def panel(x, y, title, xs, ys):
    across, steps = scale(xs, x + LEFT, x + WIDE - 14)
    up, marks = scale(ys, y + HIGH - 26, y + 26)
    out = [f'<text x="{x + LEFT}" y="{y + 15}" class="t">{title}</text>']
    for v in steps:
        out.append(f'<line x1="{across(v):.1f}" x2="{across(v):.1f}" y1="{y + 26}" '
                   f'y2="{y + HIGH - 26}" class="g"/><text x="{across(v):.1f}" y="{y + HIGH - 12}" '
                   f'text-anchor="middle">{short(v)}</text>')
    for v in marks:
        out.append(f'<line x1="{x + LEFT}" x2="{x + WIDE - 14}" y1="{up(v):.1f}" y2="{up(v):.1f}" '
                   f'class="g"/><text x="{x + LEFT - 5}" y="{up(v) + 3:.1f}" '
                   f'text-anchor="end">{short(v)}</text>')
    spots = [(across(a), up(b)) for a, b in zip(xs, ys)]
    out.append('<polyline points="' + " ".join(f"{a:.1f},{b:.1f}" for a, b in spots) + '"/>')
    out += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.5"/>' for a, b in spots]
    return out


def machine():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        model = next((l.split(":")[1].strip() for l in f if l.startswith("model name")), "?")
    return f"{model}, {os.cpu_count()} cores, Linux {os.uname().release.split('-')[0]}"


def draw(by_probes, by_paths):
    rows = len(PANELS) // COLUMNS
    height = 2 * (TOP + rows * HIGH)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{COLUMNS * WIDE}" height="{height}" '
           'font-family="sans-serif" font-size="10" fill="#333">',
           "<style>.t{font-size:12px;font-weight:bold}.h{font-size:14px}.g{stroke:#ddd}"
           "polyline{fill:none;stroke:#06c;stroke-width:1.5}circle{fill:#06c}</style>",
           f'<rect width="{COLUMNS * WIDE}" height="{height}" fill="#fff"/>']
    for y, what, points in ((0, f"by probes, each once in {INTERVAL} s, on 2 paths", by_probes),
                            (height // 2, f"by paths, with {MANY:,} probes", by_paths)):
        out.append(f'<text x="12" y="{y + 30}" class="h">kpwatchd {what}: {machine()}</text>')
        for i, (title, key) in enumerate(PANELS):
            out += panel(i % COLUMNS * WIDE, y + TOP - 16 + i // COLUMNS * HIGH, title,
                         [n for n, _ in points], [got[key] for _, got in points])
    return "\n".join(out + ["</svg>", ""])
