#!/usr/bin/env python3
"""Start and end: configurations good and bad, sockets, privileges, signals."""
import grp
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import stat

import kplab
from kplab import Daemon, VarlinkError, wait_for

BAD = """version: 1
vantage: {name: bad}
allow: [198.18.176.0/24]
limits: {total-rate: 10/s, bursts: 5}
probes:
  web: {type: tcp-syn, port: 80}
  ping: {type: icmp, sise: 56}
  dns: {type: dns, name: kp, transport: sctp}
  bare: {type: tcp-syn}
targets:
  - {name: one, address: 198.18.176.71, probes: [web]}
  - {name: one, address: 198.18.176.68, probes: [web]}
  - {name: two, address: 198.18.177.1, probes: [web]}
  - {name: three, address: 198.18.176.69, probes: [wep]}
  - {name: four, address: 198.18.176.69, probes: [web], probes: [web]}
  - {name: five, address: 198.18.176.69, probes: [web], interval: 5}
  - {name: six, address: 192.168.1.300, probes: [web]}
"""
# What each mistake's place and words are.
WRONG = (("bursts", "bursts", "did you mean 'burst'?"), ("sise", "sise", "did you mean 'size'?"),
         ("sctp", "sctp", ""), ("bare", "{type: tcp-syn}", "port"),
         ("{name: one, address: 198.18.176.68", "one", ""), ("{name: two", "198.18.177.1", "allow"),
         ("wep", "wep", "did you mean 'web'?"), ("{name: four", "probes: [web]}", "probes"),
         ("interval: 5", "5}", ""), ("{name: six", "192.168.1.300", ""))


class Life(kplab.Case):
    def text(self, **more):
        targets = [{"name": name, "address": self.lab.v4[name], "probes": ["ping", "web"]}
                   for name in ("kcna", "ttk-10")]
        return kplab.conf(targets, **more)

    def wait_answers(self, daemon):
        wait_for(lambda: all(p["answered"] > 1 for t in daemon.targets().values()
                             for p in t["probes"]), "answers")

    # -- configurations --

    def kpwatchd(self, *words, code):
        return self.lab.exec("vantage", kplab.KPWATCHD, *words, code=code)

    def test_round_trip(self):
        """-nv prints what parses back to the same, whatever the configuration."""
        directory = pathlib.Path(self.lab.dir)
        for name, text in (("lab", kplab.lab_yaml("/run/kpwatchd/control.sock")),
                           ("made", self.text()),
                           ("least", "version: 1\nvantage: {name: x}\nallow: [198.18.0.0/15]\n"
                            "probes: {p: {type: icmp}}\n"
                            "targets: [{name: t, address: 198.18.176.71, probes: [p]}]\n")):
            first, second = directory / f"{name}-1.yaml", directory / f"{name}-2.yaml"
            first.write_text(text, "utf-8")
            self.assertEqual(self.kpwatchd("-n", "-c", str(first), code=0), "")
            second.write_text(self.kpwatchd("-nv", "-c", str(first), code=0), "utf-8")
            self.assertEqual(self.kpwatchd("-n", "-v", "-c", str(second), code=0),
                             second.read_text("utf-8"))
            self.assertIn("defaults:", second.read_text("utf-8"))
            self.assertIn("no errors", kplab.ctl("/x", "check-config", str(second)).out)

    def test_bad_configuration(self):
        """All errors in one run, each at its place, from all who can be asked."""
        file = os.path.join(self.lab.dir, "bad.yaml")
        pathlib.Path(file).write_text(BAD, "utf-8")
        wanted = []
        for line_with, at, words in WRONG:
            number, line = next((i, l) for i, l in enumerate(BAD.splitlines(), 1) if line_with in l)
            wanted.append((number, line.rindex(at) + 1, words))
        said = self.kpwatchd("-n", "-c", file, code=1)
        errors = re.findall(r"(?m)^(.*):(\d+):(\d+): error: (.*)\n(.*)\n( *)\^", said)
        self.assertEqual([(int(e[1]), int(e[2])) for e in errors], [w[:2] for w in wanted], said)
        for (name, line, column, text, source, caret), (_, _, words) in zip(errors, wanted):
            self.assertEqual(name, file)
            self.assertIn(words, text)
            self.assertEqual(source, BAD.splitlines()[int(line) - 1])
            self.assertEqual(len(caret) + 1, int(column))
        self.assertIn(said, kplab.ctl("/x", "check-config", file, code=1).err)
        done = kplab.ctl("/x", "check-config", file, "--json", code=1)
        self.assertIn(f'"line": {wanted[0][0]}', done.out)
        daemon = Daemon(self.lab, BAD)
        self.assertIn(f"{daemon.conf}:{wanted[0][0]}:{wanted[0][1]}: error:", daemon.fails())
        for missing in ("/nonexistent.yaml", self.lab.dir):
            self.assertIn(missing, self.kpwatchd("-n", "-c", missing, code=1))
        with Daemon(self.lab, self.text()) as daemon:
            daemon.write(BAD)
            theirs = daemon.call("CheckConfig")["diagnostics"]
            self.assertEqual([(d["line"], d["column"]) for d in theirs], [w[:2] for w in wanted])
            ours = daemon.ctl("check-config", daemon.conf, "--json", code=1).out
            self.assertEqual(json.loads(ours)["diagnostics"], theirs)
            with self.assertRaises(VarlinkError) as caught:
                daemon.call("Reload")
            self.assertEqual(caught.exception.parameters["diagnostics"], theirs)

    # -- sockets --

    def test_no_daemon(self):
        for path in (os.path.join(self.lab.dir, "nothing"), "/nonexistent/control.sock"):
            for verb in ("status", "paths", "targets", "events", "reload", "mutes", "stats",
                         "watch events", "probe x", "check-config", "log-level info"):
                done = kplab.ctl(path, *verb.split(), code=3)
                self.assertIn("kpwatchd", done.err)
            self.assertIn("not reachable", kplab.ctl(path, "version").out)

    def test_socket(self):
        with Daemon(self.lab, self.text()) as daemon:
            self.wait_answers(daemon)
            mode = os.stat(daemon.socket)
            self.assertEqual(stat.S_IMODE(mode.st_mode), 0o660)
            self.assertEqual(mode.st_uid, 0)
            # A second one does not take the place of the first.
            other = Daemon(self.lab, self.text() + f"control: {{socket: {daemon.socket}}}\n")
            self.assertIn("another daemon is listening", other.fails())
            daemon.drop_connection()
            self.assertEqual(daemon.status()["targets"]["total"], 2)
            self.assertEqual(os.stat(daemon.socket).st_ino, mode.st_ino)
            # One that was killed leaves its socket behind; the next replaces it.
            self.assertEqual(daemon.stop(signal.SIGKILL), 128 + signal.SIGKILL)
            self.assertTrue(os.path.exists(daemon.socket))
            kplab.ctl(daemon.socket, "status", code=3)
            daemon.start()
            self.wait_answers(daemon)
            self.assertEqual(daemon.stop(), 0)
            self.assertFalse(os.path.exists(daemon.socket))
            self.assertIn("kpwatchd stops", daemon.log())
            daemon.start()
            self.assertEqual(daemon.stop(signal.SIGINT), 0)
            self.assertFalse(os.path.exists(daemon.socket))

    def test_socket_in_the_way(self):
        daemon = Daemon(self.lab, self.text())
        pathlib.Path(daemon.socket).write_text("precious")
        self.assertIn("is not a socket", daemon.fails())
        self.assertEqual(pathlib.Path(daemon.socket).read_text(), "precious")
        os.unlink(daemon.socket)
        # Somebody else's living socket, which does not even speak varlink.
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(daemon.socket)
            other.listen(1)
            self.assertIn("another daemon is listening", daemon.fails())

    def test_stop_says_so(self):
        with Daemon(self.lab, self.text()) as daemon:
            link = kplab.Varlink(daemon.socket)
            self.addCleanup(link.close)
            link.send("Subscribe", {"kinds": ["daemon"]}, more=True)
            cursor = link.receive()["cursor"]
            daemon.stop()
            self.assertEqual(link.receive()["event"]["event"]["action"], "daemon.stop")
            with self.assertRaises(ConnectionError):
                link.receive()
            # The next run knows that a cursor is not its own.
            daemon.start()
            link = kplab.Varlink(daemon.socket)
            self.addCleanup(link.close)
            link.send("Subscribe", {"cursor": cursor}, more=True)
            self.assertIs(link.receive()["restarted"], True)

    # -- privileges --

    def of_process(self, daemon):
        text = pathlib.Path(f"/proc/{daemon.pid}/status").read_text()
        return dict(re.findall(r"(?m)^(\w+):\s*(.*)$", text))

    def assert_powerless(self, of):
        for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(of[capabilities], 16), 0, capabilities)
        self.assertEqual(of["NoNewPrivs"], "1")
        # Sanitized builds filter no system calls: they are not linked with libseccomp.
        filtered = b"libseccomp.so" in pathlib.Path(kplab.KPWATCHD).read_bytes()
        self.assertEqual(of["Seccomp"], "2" if filtered else "0")

    def test_privileges(self):
        with Daemon(self.lab, self.text()) as daemon:
            of = self.of_process(daemon)
            self.assert_powerless(of)
            self.assertEqual(of["Uid"].split(), ["0"] * 4)
            self.assertEqual(int(of["CapBnd"], 16), 0)
            self.wait_answers(daemon)
            # It reads its configuration again without them.
            daemon.ctl("reload")
            self.assertEqual(daemon.targets()["kcna"]["probes"][0]["result"], "answered")

    def test_user(self):
        user = pwd.getpwnam("nobody")
        with Daemon(self.lab, self.text(), options=("-u", user.pw_name), start=False) as daemon:
            for directory in (self.lab.dir, daemon.dir):
                os.chmod(directory, 0o755)
            daemon.start()
            of = self.of_process(daemon)
            self.assert_powerless(of)
            self.assertEqual(of["Uid"].split(), [str(user.pw_uid)] * 4)
            self.assertEqual(of["Gid"].split(), [str(user.pw_gid)] * 4)
            self.assertEqual(set(of["Groups"].split()) - {str(user.pw_gid)}, set(
                str(g.gr_gid) for g in grp.getgrall() if user.pw_name in g.gr_mem))
            self.assertEqual(int(of["CapBnd"], 16), 0)
            self.wait_answers(daemon)
            daemon.ctl("reload")
            daemon.ctl("probe", "kcna")
            before = daemon.targets()["ttk-10"]["probes"][0]["answered"]
            wait_for(lambda: daemon.targets()["ttk-10"]["probes"][0]["answered"] > before, "more")
            self.assertEqual(daemon.stop(), 0)
            # Its right to take the socket away is gone; the next start replaces it.
            daemon.start()
            self.wait_answers(daemon)
        daemon = Daemon(self.lab, self.text(), options=("-u", "no-such-user"))
        self.assertIn("no-such-user", daemon.fails())
        self.assertFalse(os.path.exists(daemon.socket))

    def test_no_rights(self):
        """Who may not open raw sockets is told what to do."""
        with Daemon(self.lab, self.text(), start=False) as daemon:
            for directory in (self.lab.dir, daemon.dir):
                os.chmod(directory, 0o755)
            binary = shutil.copy(kplab.KPWATCHD, self.lab.dir)
            said = self.lab.exec("vantage", "setpriv", "--reuid=65534", "--regid=65534",
                                 "--clear-groups", "--inh-caps=-all", "--bounding-set=-all",
                                 binary, "-c", daemon.conf, code=1)
            self.assertIn("start as root or with CAP_NET_RAW", said)

    def test_options(self):
        self.assertIn("no service manager", self.kpwatchd("-R", code=1))
        for word, code in (("-h", 0), ("--help", 0), ("-V", 0), ("-x", 2), ("-c", 2), ("extra", 2)):
            self.assertNotEqual(self.kpwatchd(word, code=code), "")


if __name__ == "__main__":
    kplab.main()
