#!/usr/bin/env python3
"""What a service manager sees: readiness, words, watchdog, reload, a socket handed down."""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import kplab
from kplab import Daemon, wait_for


class Island:
    """As much of a lab as is needed here: a network with only itself in it."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="kp-it.")
        self.process = subprocess.Popen(["unshare", "--net", "--", "sh", "-c",
                                         "ip link set lo up; ip addr add 198.18.0.1/15 dev lo; "
                                         "echo up; exec cat"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == "up\n"

    def command(self, _, *words):
        return ["nsenter", f"--net=/proc/{self.process.pid}/ns/net", "--", *words]

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=20)
        shutil.rmtree(self.dir, ignore_errors=True)


class Manager:
    """The other end of $NOTIFY_SOCKET."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.told = []
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while True:
            try:
                text = self.socket.recv(4096).decode()
            except OSError:
                return
            self.told.append((time.monotonic(), dict(
                line.split("=", 1) for line in text.splitlines())))

    def values(self, key, begin=0):
        return [fields[key] for _, fields in self.told[begin:] if key in fields]

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)
        self.socket.close()
        os.unlink(self.path)


class Managed(Daemon):
    """kpwatchd with an environment of its own."""

    environment = ()

    def spawn(self):
        words = ["env", *self.environment, "sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh",
                 kplab.KPWATCHD, "-c", self.conf, *self.options]
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                self.lab.command("vantage", *words), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, pass_fds=self.fds)

    fds = ()


class Service(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.lab = Island()
        cls.addClassCleanup(cls.lab.close)

    def setUp(self):
        with open(kplab.KPWATCHD, "rb") as file:
            if b"libsystemd.so" not in file.read():
                self.skipTest("built without libsystemd")

    def text(self, name="kcna", **more):
        return kplab.conf([{"name": name, "address": "198.18.176.71",
                            "probes": ["ping", "web"]}], **more)

    def test_notify(self):
        manager = Manager(self.lab.dir)
        self.addCleanup(manager.close)
        daemon = Managed(self.lab, self.text())
        daemon.environment = (f"NOTIFY_SOCKET={manager.path}", "WATCHDOG_USEC=400000")
        with daemon:
            wait_for(lambda: manager.values("READY"), "READY=1")
            ready = manager.told[0]
            self.assertEqual(ready[1], {"READY": "1"})
            # In words, and kept up to date.
            wait_for(lambda: manager.values("STATUS")[-1:] == [daemon.status()["summary"]],
                     "the summary")
            # The loop feeds the watchdog; a loop that hangs does not.
            wait_for(lambda: len(manager.values("WATCHDOG")) > 4, "fed")
            daemon.kill(signal.SIGSTOP)
            wait_for(lambda: manager.told[-1][0] < time.monotonic() - 0.8, "nothing more", 5)
            daemon.kill(signal.SIGCONT)
            begin = len(manager.told)
            wait_for(lambda: manager.values("WATCHDOG", begin), "fed again")
            # A good reload.
            begin, before = len(manager.told), time.monotonic_ns() // 1000
            daemon.ctl("reload")
            wait_for(lambda: manager.values("READY", begin), "READY=1 again")
            reloading = next(f for _, f in manager.told[begin:] if "RELOADING" in f)
            self.assertGreaterEqual(int(reloading["MONOTONIC_USEC"]), before)
            self.assertLessEqual(int(reloading["MONOTONIC_USEC"]), time.monotonic_ns() // 1000)
            # A bad one: who asked is told, and so is who looks later.
            daemon.write(self.text().replace("interval", "intervall"))
            begin = len(manager.told)
            done = daemon.ctl("reload", code=1)
            self.assertIn("did you mean 'interval'?", done.err)
            wait_for(lambda: any("The last reload was refused: " in text and "intervall" in text
                                 for text in manager.values("STATUS", begin)), "why")
            self.assertTrue(manager.values("READY", begin))
            daemon.write(self.text())
            begin = len(manager.told)
            daemon.ctl("reload")
            wait_for(lambda: any("refused" not in text for text in
                                 manager.values("STATUS", begin)), "forgiven")
            daemon.stop()
            wait_for(lambda: manager.values("STOPPING"), "STOPPING=1")

    def test_file_by_reload(self):
        """The system call filter leaves room for a thread, and for none but that."""
        daemon = Managed(self.lab, self.text())
        with daemon:
            path = os.path.join(daemon.dir, "events.jsonl")
            daemon.write(self.text(log={"journal": "off", "file": {"path": path}}))
            daemon.ctl("reload")
            wait_for(lambda: os.path.exists(path) and os.path.getsize(path), "events in the file")
            self.assertEqual(daemon.stop(), 0)

    def findings(self, daemon):
        done = subprocess.run(
            self.lab.command("vantage", kplab.KPWATCHCTL, "-s", daemon.socket, "doctor", "--json"),
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False)
        checks = {c["name"]: c for c in json.loads(done.stdout)["checks"]}
        self.assertEqual(done.returncode, int(any(c["ok"] is False for c in checks.values())))
        return checks

    def nft(self, *rules):
        """Rules for what comes in or goes out, until the test is over."""
        chains = "".join(f"add chain inet t {hook} {{ type filter hook {hook} priority 0; }}\n"
                         for hook in ("input", "output"))
        subprocess.run(self.lab.command("vantage", "nft", "-f", "-"), text=True, check=True,
                       input="add table inet t\n" + chains + "".join(
                           f"add rule inet t {rule}\n" for rule in rules))
        self.addCleanup(subprocess.run, self.lab.command("vantage", "nft", "delete", "table",
                                                         "inet", "t"), check=True)

    def test_doctor(self):
        """The usual troubles, real ones."""
        targets = [{"name": name, "address": address, "probes": ["ping", "web"]}
                   for name, address in (("four", "198.18.176.71"), ("six", "2001:2::71"))]
        daemon = Managed(self.lab, kplab.conf(targets))
        checks = self.findings(daemon)
        self.assertIs(checks["daemon"]["ok"], False)
        self.assertIn("systemctl start", checks["daemon"]["advice"])
        self.assertNotIn("anchors", checks)
        with daemon:
            wait_for(lambda: self.findings(daemon)["answers"]["ok"], "answers")
            checks = self.findings(daemon)
            for name in ("daemon", "rights", "ports", "configuration", "sending"):
                self.assertIs(checks[name]["ok"], True, name)
            wait_for(lambda: self.findings(daemon)["ipv6"]["ok"] is False, "IPv6 is missing")
            self.assertIsNone(checks["paths"]["ok"])
            wait_for(lambda: self.findings(daemon)["anchors"]["ok"], "the anchors are judged")
            daemon.write("version: 1\n")
            self.assertIs(self.findings(daemon)["configuration"]["ok"], False)
            self.nft("output tcp flags syn / syn,ack drop")
            wait_for(lambda: self.findings(daemon)["sending"]["ok"] is False, "SYNs are dropped")
            self.assertIn("tcp-syn", self.findings(daemon)["sending"]["text"])
            daemon.stop()

    def test_doctor_incoming(self):
        self.nft("input ip protocol icmp icmp type echo-reply drop")
        daemon = Managed(self.lab, self.text())
        with daemon:
            wait_for(lambda: self.findings(daemon)["answers"]["ok"] is False, "no echo comes back")
            self.assertIn("let ICMP in", self.findings(daemon)["answers"]["advice"])

    def test_not_ready(self):
        """What cannot start never says that it is ready."""
        manager = Manager(self.lab.dir)
        self.addCleanup(manager.close)
        daemon = Managed(self.lab, self.text(control={"socket": "/proc/none/control.sock"}))
        daemon.environment = (f"NOTIFY_SOCKET={manager.path}",)
        self.assertIn("/proc/none", daemon.fails())
        self.assertEqual(manager.told, [])

    def test_activation(self):
        """A socket handed down outlives the daemon; nobody is refused meanwhile."""
        daemon = Managed(self.lab, self.text())
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(daemon.socket)
            listener.listen(8)
            # The daemon expects it as descriptor 3.
            saved = os.dup(3) if os.path.exists("/proc/self/fd/3") else None
            moved = os.dup(listener.fileno())
            self.assertNotEqual(moved, 3)
            if saved is not None:
                self.addCleanup(lambda: (os.dup2(saved, 3), os.close(saved)))
            os.dup2(moved, 3)
            os.close(moved)
            daemon.fds, daemon.environment = (3,), ("LISTEN_FDS=1",)
            inode = os.stat(daemon.socket).st_ino
            with daemon:
                self.assertEqual(daemon.status()["targets"]["total"], 1)
                self.assertEqual(daemon.stop(), 0)
                self.assertEqual(os.stat(daemon.socket).st_ino, inode)
                # Asked while nobody is there; answered by the next.
                early = kplab.Varlink(daemon.socket)
                self.addCleanup(early.close)
                early.send("GetStatus", {})
                daemon.start()
                self.assertEqual(early.receive()["targets"]["total"], 1)
                # Another place in the configuration: said, and the one handed down is used.
                daemon.stop()
                daemon.write(self.text(control={"socket": daemon.socket + ".other"}))
                daemon.start()
                self.assertIn("kpwatchd.socket put it", daemon.log())
                self.assertFalse(os.path.exists(daemon.socket + ".other"))
            with socket.socket(socket.AF_INET) as wrong:
                os.dup2(wrong.fileno(), 3)
                self.assertIn("socket activation must", daemon.fails())


if __name__ == "__main__":
    kplab.main()
