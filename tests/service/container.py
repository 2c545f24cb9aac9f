#!/usr/bin/env python3
"""The package under a real systemd, watching the lab: a container in the lab's vantage, so
nothing it sends can leave.  Installed, looked at, a path cut, reloaded, hung, upgraded,
socket-activated, purged.
usage: container.py SOURCE_DIR DIR_OF_THE_PACKAGE"""
import contextlib
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE, PACKAGES = (os.path.abspath(path) for path in sys.argv[1:3])
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(SOURCE, "tests/lab"))
import kplab  # pylint: disable=wrong-import-position
from kplab import wait_for  # pylint: disable=wrong-import-position

WATCHDOG = "[Service]\nWatchdogSec=2s\n"  # in place of 30 s
HIERARCHIES = ("unified", "systemd")  # of control groups, where the machine has the old ones


class Container:
    """A Debian that runs from memory over the cached root, in the lab's vantage."""

    def __init__(self, lab, root):
        self.lab = lab
        self.groups = [path for path in (f"/sys/fs/cgroup/{h}/{lab.name}" for h in HIERARCHIES)
                       if os.path.isdir(os.path.dirname(path))]
        if not self.groups and os.path.exists("/sys/fs/cgroup/cgroup.procs"):
            self.groups = [f"/sys/fs/cgroup/{lab.name}"]
        with open(f"/tmp/kp-lab.{lab.name}/init", encoding="ascii") as file:
            init = file.read().split()[0]
        self.log = open(os.path.join(lab.dir, "console"), "wb")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--boot", f"--directory={root}", "--volatile=overlay",
             f"--network-namespace-path=/proc/{init}/root/run/netns/vantage", "--register=no",
             "--keep-unit", "--console=pipe", f"--machine={lab.name}"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
            env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            preexec_fn=self.enter_groups)
        self.init = wait_for(self.find_init, "the container has a first process")
        try:
            wait_for(lambda: self.run("systemctl", "is-system-running", code=None) == "running\n",
                     "the container is up", 60)
        except AssertionError:
            print(self.run("systemctl", "list-jobs", "--failed", code=None), self.console(),
                  file=sys.stderr)
            self.close()
            raise

    def enter_groups(self):
        for group in self.groups:
            os.makedirs(group, exist_ok=True)
            with open(group + "/cgroup.procs", "w", encoding="ascii") as file:
                file.write("0")

    def find_init(self):
        assert self.process.poll() is None, f"nspawn ended: {self.console()}"
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children",
                  encoding="ascii") as file:
            children = file.read().split()
        for child in children:  # at first helpers, too
            with contextlib.suppress(OSError), open(f"/proc/{child}/comm", encoding="ascii") as file:
                if file.read() == "systemd\n":
                    return int(child)
        return None

    def console(self):
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return file.read()[-3000:]

    def run(self, *words, code=0, user=None):
        """What a command prints."""
        enter = ["nsenter", "-t", str(self.init), "-m", "-u", "-i", "-n", "-p", "-C", "--"]
        who = ["setpriv", f"--reuid={user[0]}", f"--regid={user[1]}",
               *([f"--groups={user[2]}"] if len(user) > 2 else ["--clear-groups"])] if user else []
        done = subprocess.run(enter + who + list(words), stdin=subprocess.DEVNULL, timeout=90,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
                                   "DEBIAN_FRONTEND": "noninteractive"}, check=False)
        assert code is None or done.returncode == code, f"{words}: {done.returncode} {done.stdout}"
        return done.stdout

    def path(self, name):
        return f"/proc/{self.init}/root{name}"

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)  # a clean shutdown
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(timeout=20)
        self.log.close()
        for group in self.groups:
            for directory, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(directory)


def next_version(package, directory):
    """The same package, one version on."""
    tree = os.path.join(directory, "tree")
    subprocess.run(["dpkg-deb", "-R", package, tree], check=True)
    with open(tree + "/DEBIAN/control", encoding="utf-8") as file:
        control = re.sub(r"(?m)^Version: .*$", lambda m: m[0] + "+next", file.read())
    with open(tree + "/DEBIAN/control", "w", encoding="utf-8") as file:
        file.write(control)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, directory], check=True,
                   stdout=subprocess.DEVNULL)
    return glob.glob(directory + "/*.deb")[0]


class Service(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(kplab.Lab("container"))
        cls.box = Container(cls.lab, ROOT)
        cls.addClassCleanup(cls.box.close)

    # -- what is asked again and again --

    def ctl(self, *words, **more):
        return self.box.run("kpwatchctl", *words, **more)

    def status(self):
        return json.loads(self.ctl("status", "--json"))

    def unit(self, *names):
        text = self.box.run("systemctl", "show", "kpwatchd.service",
                            *(f"--property={name}" for name in names))
        return dict(line.split("=", 1) for line in text.splitlines())

    def journal(self, action):
        text = self.box.run("journalctl", "--no-pager", "-o", "json", "-u", "kpwatchd.service",
                            f"KPWATCHD_EVENT_ACTION={action}")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def incident(self):
        return [i for i in json.loads(self.ctl("incidents", "--open", "--json"))["incidents"]
                if i["class"] == "path-outage"][0]

    def configuration(self, **more):
        targets = [{"name": name, "address": self.lab.v4[name], "probes": ["web"],
                    "paths": ["transtelecom" if name.startswith("ttk") else "china-unicom"]}
                   for name in ("kcna", "rodong", "vok", "maritime", "web-91", "ttk-gw", "ttk-10",
                                "ttk-11")]
        return kplab.conf(targets, log={"sample": "0%", "file": {
            "path": "/var/log/kpwatchd/events.jsonl"}}, metrics={"listen": "127.0.0.1:9879"},
            history={"path": "/var/lib/kpwatchd/history.db"}, **more)

    # -- the life of an installation, in this order --

    def test_life(self):
        steps = (self.install, self.watch, self.cut, self.reload, self.hang, self.upgrade,
                 self.activate, self.purge)
        for step in steps:
            began = time.monotonic()
            try:
                step()
            except BaseException:
                print(self.box.run("journalctl", "--no-pager", "-n", "60", code=None),
                      file=sys.stderr)
                raise
            print(f"{step.__name__}: {time.monotonic() - began:.1f} s", file=sys.stderr)

    def install(self):
        self.box.write("/etc/kpwatchd/kpwatchd.yaml", self.configuration())
        self.box.write("/etc/systemd/system/kpwatchd.service.d/test.conf", WATCHDOG)
        shutil.copy(PACKAGE, self.box.path("/root/first.deb"))
        said = self.box.run("dpkg", "--force-confold", "-i", "/root/first.deb")
        self.assertIn("look with: kpwatchctl status", said)
        self.assertEqual(self.box.run("systemctl", "is-active", "kpwatchd").strip(), "active")
        self.assertEqual(self.box.run("systemctl", "is-enabled", "kpwatchd").strip(), "enabled")
        pid = self.unit("MainPID")["MainPID"]
        text = self.box.run("cat", f"/proc/{pid}/status")
        of = dict(re.findall(r"(?m)^(\w+):\s*(.*)$", text))
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(of[name], 16), 0, name)
        self.assertEqual((of["NoNewPrivs"], of["Seccomp"]), ("1", "2"))
        self.assertNotEqual(of["Uid"].split()[0], "0")

    def watch(self):
        wait_for(lambda: self.status()["verdict"] == "clear", "all is clear", 60)

        def said():
            self.assertEqual(self.unit("StatusText")["StatusText"], self.status()["summary"])
            return True
        wait_for(said, "systemd knows it in words")
        # Readers are members of the group; changing is for root and the daemon.
        group = self.box.run("getent", "group", "kpwatchd").split(":")[2]
        self.ctl("status", user=("65534", "65534", group))
        self.ctl("reload", user=("65534", "65534", group), code=4)
        self.ctl("status", user=("65534", "65534"), code=4)
        self.assertIn("kpwatchd_vantage_healthy 1", self.ctl("metrics"))
        doctor = json.loads(self.ctl("doctor", "--json", code=None))["checks"]
        wrong = {check["name"] for check in doctor if check["ok"] is False}
        self.assertLessEqual(wrong, {"clock"})
        for path in ("/var/lib/kpwatchd/history.db", "/var/log/kpwatchd/events.jsonl"):
            self.assertEqual(self.box.run("stat", "-c", "%U:%G %a", path).strip(),
                             "kpwatchd:kpwatchd 640")

    def cut(self):
        self.lab.verb("cut", "china-unicom")
        wait_for(lambda: self.journal("incident.opened"), "an incident in the journal", 60)
        wait_for(self.incident, "a path is out", 60)
        told = wait_for(lambda: [e for e in self.journal("incident.opened") +
                                 self.journal("incident.updated")
                                 if e.get("KPWATCHD_INCIDENT_CLASS") == "path-outage"],
                        "the journal says which", 30)[-1]
        self.assertEqual(told["KPWATCHD_INCIDENT_WHERE"], "china-unicom")
        self.assertEqual(told["KPWATCHD_INCIDENT_UUID"], self.incident()["uuid"])
        type(self).uuid = self.incident()["uuid"]

    def reload(self):
        self.box.run("systemctl", "reload", "kpwatchd")
        pid = self.unit("MainPID")
        self.box.write("/etc/kpwatchd/kpwatchd.yaml",
                       self.configuration().replace("per-address-rate", "per-adress-rate"))
        self.box.run("systemctl", "reload", "kpwatchd", code=1)
        journal = self.box.run("journalctl", "--no-pager", "-u", "kpwatchd", "-n", "20")
        self.assertIn("did you mean 'per-address-rate'?", journal)
        unit = self.unit("ActiveState", "StatusText")
        self.assertEqual(unit["ActiveState"], "active")
        self.assertIn("The last reload was refused: ", unit["StatusText"])
        self.box.write("/etc/kpwatchd/kpwatchd.yaml", self.configuration())
        self.box.run("systemctl", "reload", "kpwatchd")
        self.assertEqual(self.unit("MainPID"), pid)
        self.assertEqual(self.incident()["uuid"], self.uuid)

    def hang(self):
        before = self.unit("MainPID")["MainPID"]
        self.box.run("systemctl", "kill", "--signal=STOP", "--kill-whom=main", "kpwatchd")
        wait_for(lambda: self.unit("NRestarts")["NRestarts"] == "1" and
                 self.unit("ActiveState")["ActiveState"] == "active", "the watchdog", 30)
        self.assertNotEqual(self.unit("MainPID")["MainPID"], before)
        self.assertIn("Watchdog timeout", self.box.run(
            "journalctl", "--no-pager", "-u", "kpwatchd", "-n", "60"))
        self.assertEqual(self.incident()["uuid"], self.uuid)

    def upgrade(self):
        before = self.unit("MainPID")["MainPID"]
        with tempfile.TemporaryDirectory() as directory:
            shutil.copy(next_version(PACKAGE, directory), self.box.path("/root/next.deb"))
        self.box.run("dpkg", "-i", "/root/next.deb")
        self.assertNotEqual(self.unit("MainPID")["MainPID"], before)
        self.assertEqual(self.incident()["uuid"], self.uuid)
        self.assertIn("limits:", self.box.run("cat", "/etc/kpwatchd/kpwatchd.yaml"))
        down = self.unit("InactiveEnterTimestampMonotonic", "ActiveEnterTimestampMonotonic")
        away = int(down["ActiveEnterTimestampMonotonic"]) - int(
            down["InactiveEnterTimestampMonotonic"])
        print(f"upgrade: {away / 1e6:.2f} s without the daemon", file=sys.stderr)
        self.lab.verb("heal")
        wait_for(lambda: self.status()["verdict"] == "clear", "all is clear again", 60)
        self.assertEqual([i for i in json.loads(self.ctl("incidents", "--json"))["incidents"]
                          if i["uuid"] == self.uuid][0]["phase"], "closed")

    def activate(self):
        self.box.run("systemctl", "stop", "kpwatchd")
        self.ctl("status", code=3)
        self.box.run("systemctl", "enable", "--now", "kpwatchd.socket")
        self.assertEqual(self.box.run("systemctl", "is-active", "kpwatchd", code=3).strip(),
                         "inactive")
        self.assertEqual(self.status()["schema"], 1)  # asked, and so started
        socket = "/run/kpwatchd/control.sock"
        inode = os.stat(self.box.path(socket)).st_ino
        self.box.run("systemctl", "restart", "kpwatchd")
        self.assertEqual(os.stat(self.box.path(socket)).st_ino, inode)
        self.assertEqual(self.status()["schema"], 1)

    def purge(self):
        self.box.run("dpkg", "--remove", "kpwatchd")
        self.assertTrue(os.path.exists(self.box.path("/etc/kpwatchd/kpwatchd.yaml")))
        self.assertTrue(os.path.exists(self.box.path("/var/lib/kpwatchd/history.db")))
        self.box.run("kpwatchctl", "status", code=127)
        shutil.rmtree(self.box.path("/etc/systemd/system/kpwatchd.service.d"))
        self.box.run("dpkg", "--purge", "kpwatchd")
        left = self.box.run("sh", "-c", "find / -xdev -iname '*kpwatch*' -not -path '/proc/*' "
                            "-not -path '/var/lib/systemd/catalog/*' -not -path '/sys/*'")
        self.assertEqual(left, "")
        self.box.run("getent", "passwd", "kpwatchd", code=2)
        self.box.run("getent", "group", "kpwatchd", code=2)
        self.assertEqual(self.box.run("systemctl", "--failed", "--plain", "--no-legend"), "")


def skip(reason):
    print(f"SKIP: {reason}")
    sys.exit(77)


if kplab.why_not() is not None:
    skip(kplab.why_not())
made = glob.glob(PACKAGES + "/kpwatchd_*.deb")
if not made:
    skip("no package was built")
PACKAGE = made[0]
done_root = subprocess.run([HERE + "/root"], capture_output=True, text=True, check=False)
if done_root.returncode == 77:
    skip(done_root.stderr.strip().removeprefix("SKIP: "))
assert done_root.returncode == 0, done_root.stderr
ROOT = done_root.stdout.strip()
unittest.main(argv=["container", *sys.argv[3:]], verbosity=1)
