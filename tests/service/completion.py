#!/usr/bin/env python3
"""Completion in the shells themselves, with names from a daemon that pretends.
usage: completion.py SOURCE_DIR KPWATCHCTL"""
import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE, KPWATCHCTL = (os.path.abspath(path) for path in sys.argv[1:3])
sys.path.insert(0, os.path.join(SOURCE, "tests/ctl"))
import fake_varlink as fake  # pylint: disable=wrong-import-position


class Completion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        os.symlink(KPWATCHCTL, os.path.join(cls.dir, "kpwatchctl"))
        cls.socket = os.path.join(cls.dir, "control.sock")
        server = fake.start(cls.socket, fake.Daemon())
        cls.addClassCleanup(server.server_close)
        cls.addClassCleanup(server.shutdown)
        cls.env = {"PATH": cls.dir + ":" + os.environ["PATH"], "HOME": cls.dir, "LANG": "C.UTF-8",
                   "TERM": "dumb"}

    def shell(self, *words):
        if shutil.which(words[0]) is None:
            self.skipTest(f"no {words[0]}")
        done = subprocess.run(words, env=self.env, capture_output=True, text=True, timeout=60,
                              cwd=self.dir, stdin=subprocess.DEVNULL, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def bash(self, line):
        words = line.split(" ")
        listed = " ".join(f"'{word}'" for word in words)
        return sorted(self.shell(
            "bash", "--norc", "-c",
            f'eval "$(kpwatchctl completion bash)"; compopt() {{ echo FILES; }}; '
            f'COMP_WORDS=({listed}); COMP_CWORD={len(words) - 1}; _kpwatchctl; '
            'printf "%s\\n" "${COMPREPLY[@]}"').split())

    def fish(self, line):
        out = self.shell("fish", "--no-config", "-c",
                         f"kpwatchctl completion fish | source; complete -C '{line}'")
        return sorted(row.split("\t")[0] for row in out.splitlines())

    def zsh(self, line, wanted):
        """Types the line and a tab at a real prompt; until the screen shows it."""
        if shutil.which("zsh") is None:
            self.skipTest("no zsh")
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(self.dir)
            os.execvpe("zsh", ["zsh", "-f", "-i"], self.env)
        try:
            for text in ("PS1='READY> '; autoload -Uz compinit; compinit -u -D; "
                         "eval \"$(kpwatchctl completion zsh)\"; echo LOA''DED\n", line + "\t"):
                os.write(fd, text.encode())
                marker = "LOADED" if text.endswith("\n") else wanted
                seen, end = "", time.monotonic() + 30
                while marker not in seen:
                    self.assertLess(time.monotonic(), end, f"no {marker!r} in {seen!r}")
                    if select.select([fd], [], [], 0.1)[0]:
                        seen += os.read(fd, 4096).decode(errors="replace")
        finally:
            os.close(fd)
            os.kill(pid, 9)
            os.waitpid(pid, 0)

    def test_bash(self):
        at = f"kpwatchctl -s {self.socket} "
        self.assertEqual(self.bash("kpwatchctl inc"), ["incidents"])
        self.assertIn("completion", self.bash("kpwatchctl "))
        self.assertEqual(self.bash(at + "targets kc"), ["kcna"])
        self.assertEqual(self.bash(at + "paths "), ["china-unicom", "transtelecom"])
        self.assertTrue({"kcna", "china-unicom"} <= set(self.bash(at + "mute ")))
        self.assertEqual(self.bash(at + "targets --group = n"), ["news"])
        self.assertEqual(self.bash("kpwatchctl targets --state d"), ["degraded", "down"])
        self.assertEqual(self.bash("kpwatchctl targets --s"), ["--socket", "--state"])
        self.assertEqual(self.bash("kpwatchctl check-config "), ["FILES"])
        # Without a daemon there are no names, and no noise.
        self.assertEqual(self.bash(f"kpwatchctl -s {self.dir}/none targets k"), [])

    def test_fish(self):
        at = f"kpwatchctl -s {self.socket} "
        self.assertEqual(self.fish("kpwatchctl inc"), ["incidents"])
        self.assertEqual(self.fish(at + "targets kc"), ["kcna"])
        self.assertEqual(self.fish("kpwatchctl targets --state=d"),
                         ["--state=degraded", "--state=down"])

    def test_zsh(self):
        self.zsh("kpwatchctl inc", "kpwatchctl incidents")
        self.zsh(f"kpwatchctl -s {self.socket} targets kc", "targets kcna")

    def test_syntax(self):
        for shell, flag in (("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")):
            path = os.path.join(self.dir, "script." + shell)
            with open(path, "w", encoding="utf-8") as file:
                subprocess.run([KPWATCHCTL, "completion", shell], stdout=file, check=True)
            if shutil.which(shell):
                self.shell(shell, flag, path)
        wrong = subprocess.run([KPWATCHCTL, "completion", "bsh"], capture_output=True, text=True,
                               check=False)
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("did you mean 'bash'?", wrong.stderr)


unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=1)
