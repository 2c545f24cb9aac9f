"""The programs of other people that read what kpwatchd tells: each is started inside
a lab's vantage, on configurations made of the shipped snippets."""
import glob
import json
import os
import shutil
import subprocess

from kplab import wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CONF = os.path.join(ROOT, "conf")
CACHE = "/var/cache/kpwatchd-tests/"  # packages that are only unpacked (tests/packages)
UNPACKED = CACHE + "syslog-ng-core"
os.environ["PATH"] += f":{CACHE}prometheus/usr/bin"
JOURNALD = "/usr/lib/systemd/systemd-journald"
NEEDED = ("journalctl", "rsyslogd", "lnav", "logrotate", "prometheus", "promtool",
          "prometheus-alertmanager", "icinga2", "curl")

# One datagram socket, two readers: each gets the very bytes that were sent.
TEE = """
import socket, sys
def connected(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.connect(path)
    return s
inlet = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
inlet.bind(sys.argv[1])
outlets = [connected(path) for path in sys.argv[2:]]
while True:
    datagram = inlet.recv(1 << 18)
    for outlet in outlets:
        outlet.send(datagram)
"""


def missing():
    """What the machine lacks; None: nothing."""
    for program in NEEDED:
        if shutil.which(program) is None:
            return f"there is no {program}"
    if not os.path.exists(JOURNALD):
        return f"there is no {JOURNALD}"
    if not os.path.exists(UNPACKED + "/usr/sbin/syslog-ng"):
        return "syslog-ng is not unpacked (tests/install unpack)"
    return None


def shipped(name, *changes):
    with open(os.path.join(CONF, name), encoding="utf-8") as file:
        text = file.read()
    for before, after in changes:
        assert before in text, (name, before)
        text = text.replace(before, after)
    return text


class Counterparts:
    """with Counterparts(lab) as others: …; files of theirs are in others.dir."""

    def __init__(self, lab):
        self.lab, self.dir = lab, os.path.join(lab.dir, "others")
        self.running = {}

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def start(self, name, *words, env=None):
        with open(self.path(name + ".out"), "wb") as out:
            self.running[name] = subprocess.Popen(
                # Not as nsenter's own child: that stops itself where its child is stopped.
                self.lab.command("vantage", "sh", "-c", '"$@" & trap "kill $!" TERM; wait; wait',
                                 "sh", *words), stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, env={**os.environ, **(env or {})})

    def ready(self, path):
        wait_for(lambda: self.lab.exec("vantage", "sh", "-c",
                                       f"test -e {path} && echo yes || true").strip(),
                 f"{path} is there: {self.said()}", 30)

    def said(self):
        texts = []
        for name in self.running:
            with open(self.path(name + ".out"), encoding="utf-8", errors="replace") as out:
                texts.append(f"{name}: {out.read()[-800:]}")
        return "\n".join(texts)

    def private_dev(self):
        """A /dev of the lab's own, where /dev/log can be made."""
        self.lab.exec("vantage", "sh", "-ec", """
            mkdir -p /run/dev
            mount -t tmpfs -o mode=755 none /run/dev
            for d in null zero full random urandom tty net shm fd stdin stdout stderr; do
                [ -e /dev/$d ] && cp -a /dev/$d /run/dev/
            done
            mount --move /run/dev /dev""")

    def __enter__(self):
        os.mkdir(self.dir)
        self.private_dev()
        self.start_journald()
        self.start_rsyslog()
        self.start_syslog_ng()
        self.ready("/run/rsyslog.sock")
        self.ready("/run/syslog-ng.sock")
        self.start("tee", "python3", "-c", TEE, "/dev/log", "/run/rsyslog.sock",
                   "/run/syslog-ng.sock")
        self.ready("/dev/log")
        self.ready("/run/systemd/journal/socket")
        self.start_prometheus()
        return self

    def __exit__(self, *error):
        if error[0] is not None:
            print(self.said())
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            process.wait(timeout=20)

    # -- each of them --

    def start_journald(self):
        self.lab.exec("vantage", "sh", "-ec", """
            mkdir -p /run/systemd/journald.conf.d /run/log/journal /run/systemd/journal
            printf '[Journal]\\nStorage=volatile\\nReadKMsg=no\\nForwardToSyslog=no\\n' \
                >/run/systemd/journald.conf.d/lab.conf""")
        self.start("journald", JOURNALD)

    def journal(self, *matches):
        text = self.lab.exec("vantage", "journalctl", "--directory=/run/log/journal", "-o", "json",
                             "--no-pager", "-q", "--all", *matches)
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def start_rsyslog(self):
        conf = self.write("rsyslog.conf", f"""
global(maxMessageSize="64k" workDirectory="{self.dir}")
module(load="imuxsock" SysSock.Name="/run/rsyslog.sock")
""" + shipped("shippers/rsyslog.conf", ("/var/log/kpwatchd.json", self.path("rsyslog.json"))))
        self.lab.exec("vantage", "rsyslogd", "-N1", "-f", conf)
        self.start("rsyslog", "rsyslogd", "-n", "-i", self.path("rsyslog.pid"), "-f", conf)

    def start_syslog_ng(self):
        root = UNPACKED
        modules = glob.glob(root + "/usr/lib/syslog-ng/[0-9]*")[0]
        libraries = os.path.dirname(modules) + ":" + modules
        # What is parsed is shown by a file of a kind of our own.
        parsed = """destination d_parsed {
    file("PATH" template("${.cee.event.id} ${.cee.event.action} ${.cee.kp.incident.class}\n"));
};
log { source(s_src); filter(f_kpwatchd); parser(p_kpwatchd); destination(d_parsed); };
""".replace("PATH", self.path("syslog-ng.parsed"))
        conf = self.write("syslog-ng.conf", """@version: 3.38
@module json-plugin
@module affile
@module afsocket
@module basicfuncs
@module syslogformat
source s_src { unix-dgram("/run/syslog-ng.sock"); };
""" + shipped("shippers/syslog-ng.conf", ("/var/log/kpwatchd.json", self.path("syslog-ng.json"))) +
                          parsed)
        self.start("syslog-ng", root + "/usr/sbin/syslog-ng", "-F", "--no-caps", "-f", conf,
                   "--module-path", modules, "-R", self.path("syslog-ng.persist"),
                   "-p", self.path("syslog-ng.pid"), "-c", self.path("syslog-ng.ctl"),
                   env={"LD_LIBRARY_PATH": libraries})

    def start_prometheus(self):
        self.write("alertmanager.yml", "route: {receiver: none}\nreceivers: [{name: none}]\n")
        self.start("alertmanager", "prometheus-alertmanager",
                   "--config.file=" + self.path("alertmanager.yml"),
                   "--storage.path=" + self.path("alertmanager"), "--cluster.listen-address=",
                   "--web.listen-address=127.0.0.1:9093")
        scrape = shipped("prometheus/scrape.yml", ("15s", "1s"))
        self.write("prometheus.yml", f"""global: {{evaluation_interval: 1s}}
rule_files: ["{CONF}/prometheus/alerts.yml", "{CONF}/prometheus/recording.yml"]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:9093"]}}]}}]}}
{scrape}""")
        self.start("prometheus", "prometheus", "--config.file=" + self.path("prometheus.yml"),
                   "--storage.tsdb.path=" + self.path("prometheus"),
                   "--web.listen-address=127.0.0.1:9090")

    def get(self, url, *options):
        return self.lab.exec("vantage", "curl", "-sS", "-g", "--max-time", "10", *options, url)

    def query(self, expression):
        done = json.loads(self.get("http://127.0.0.1:9090/api/v1/query", "-G", "--data-urlencode",
                                   "query=" + expression))
        assert done["status"] == "success", (expression, done)
        return done["data"]["result"]

    def lines(self, name):
        try:
            with open(self.path(name), encoding="utf-8") as file:
                return [json.loads(line) for line in file if line.endswith("\n")]
        except FileNotFoundError:
            return []
