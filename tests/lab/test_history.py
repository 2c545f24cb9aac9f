#!/usr/bin/env python3
"""The history, with the real daemon: what it stores, restarts, a full disk, odd files."""
import json
import os
import signal
import sqlite3
import subprocess

import kplab
from kplab import Daemon, VarlinkError, stamp, wait_for

PASSING = ("probe", "suspicion")  # what they are about is in the records
CHANGES = ("target", "path", "vantage", "incident")


class History(kplab.Case):
    def text(self, directory, **more):
        targets = [{"name": name, "address": self.lab.v4[name], "probes": ["ping", "web"],
                    "paths": [path]}
                   for name, path in (("kcna", "china-unicom"), ("rodong", "china-unicom"),
                                      ("ttk-10", "transtelecom"), ("ttk-gw", "transtelecom"))
                   if name in self.lab.v4]
        return kplab.conf(targets, history={"path": os.path.join(directory, "history.db")}, **more)

    def daemon(self, **more):
        daemon = Daemon(self.lab)
        daemon.db = os.path.join(daemon.dir, "history.db")
        daemon.write(self.text(daemon.dir, **more))
        return daemon

    def kept(self, daemon):
        """The events so far that are to be stored."""
        return [e for e in daemon.events() if not e["event"]["action"].startswith(PASSING)]

    def committed(self, daemon):
        """Waits until all events so far are on disk; the number of the last."""
        last = self.kept(daemon)[-1]["event"]["sequence"]
        wait_for(lambda: daemon.stats()["history"]["last_event"] >= last, "events are on disk")
        return last

    def changes(self, daemon):
        return [e for e in daemon.events(*CHANGES)]

    def stored(self, db, query):
        """What a query says of the file of a daemon that is stopped."""
        with sqlite3.connect(db) as connection:
            rows = connection.execute(query).fetchall()
        connection.close()
        return rows

    def check_file(self, db):
        self.assertEqual(self.stored(db, "PRAGMA integrity_check"), [("ok",)])
        self.assertEqual(self.stored(db, "PRAGMA foreign_key_check"), [])

    def test_past(self):
        """An outage ends up in strips, incidents and evidence, and outlives the daemon."""
        daemon = self.daemon()
        with daemon:
            daemon.wait_clear()
            with self.lab.fault("cut china-unicom"):
                wait_for(lambda: daemon.path("china-unicom")["state"] == "down", "it is down", 60)
                wait_for(lambda: daemon.status()["incidents"], "an incident")
            wait_for(lambda: not daemon.status()["incidents"], "it is over", 60)
            incident = daemon.call("ListIncidents")["incidents"][-1]
            history = daemon.call("GetHistory")
            self.assertEqual([s["name"] for s in history["strips"]],
                             ["china-unicom", "transtelecom"])
            for strip in history["strips"]:
                sent = sum(strip["cells"]["sent"])
                self.assertGreater(sent, 10)
                self.assertEqual(strip["whole"]["sent"], sent)
                self.assertEqual(len(strip["cells"]["sent"]), len(strip["cells"]["answered_ratio"]))
                self.assertGreater(strip["whole"]["rtt_p50_seconds"], 0)
            self.assertLess(history["strips"][0]["whole"]["answered_ratio"], 1)
            self.assertEqual(history["incidents"][-1], incident)
            self.assertEqual(daemon.ctl("history", "--json", "--since", "400d")["step_seconds"],
                             86400 * 7)
            one = daemon.ctl("history", "--target", "kcna", "--json")["strips"]
            self.assertEqual([(s["kind"], s["name"]) for s in one], [("target", "kcna")])
            self.assertIn("china-unicom", daemon.ctl("history").out)
            daemon.ctl("history", "--path", "china-unicorn", code=1)
            self.committed(daemon)
            told = self.changes(daemon)
            self.assertEqual(daemon.stop(), 0)
        self.check_file(daemon.db)
        rows = self.stored(daemon.db, "SELECT envelope FROM events ORDER BY seq")
        kept = {json.loads(row[0])["event"]["id"]: json.loads(row[0]) for row in rows}
        for event in told:
            self.assertEqual(kept[event["event"]["id"]], event)
        (lines,), = self.stored(daemon.db,
                                "SELECT group_concat(lines, '') FROM records WHERE kept")
        results = [json.loads(line) for line in lines.splitlines()]
        self.assertGreater(sum(r.get("result") == "timeout" for r in results), 3)
        self.assertTrue(any(r["kind"] == "incident" for r in results))
        with daemon:
            again = daemon.call("ListIncidents")["incidents"]
            self.assertEqual([i["uuid"] for i in again], [incident["uuid"]])
            self.assertEqual(daemon.call("Explain", id=incident["uuid"])["incident"], incident)
            daemon.ctl("explain", str(incident["id"]))
            self.replays(daemon, incident)

    def replays(self, daemon, incident):
        """The evidence on disk leads to the same incident once more."""
        lines = daemon.ctl("export", incident["uuid"]).out
        self.assertEqual(json.loads(lines.splitlines()[0])["kind"], "header")
        file = os.path.join(daemon.dir, "export.jsonl")
        with open(file, "w", encoding="utf-8") as out:
            out.write(lines)
        events = [json.loads(line)
                  for line in daemon.ctl("replay", file, "-o", "jsonl").out.splitlines()]
        last = [e["kp"]["incident"] for e in events if e["event"]["action"] == "incident.closed"]
        for key in ("class", "where", "began", "confirmed", "ended", "class_history"):
            self.assertEqual(last[-1][key], incident[key], key)

    def restart(self, number):
        """In the middle of an outage: it is still the one incident afterwards, what was
        acknowledged is there, and the time away is a gap, and is told."""
        daemon = self.daemon(verdict={"false-alarms": "1/1h", "recover-after": "3s"})
        with daemon:
            daemon.wait_clear()
            daemon.ctl("mute", "ttk-gw", "--for", "1h", "--reason", "test")
            before = self.counters(daemon)
            with self.lab.fault("cut china-unicom"):
                wait_for(lambda: daemon.path("china-unicom")["state"] == "down", "it is down", 60)
                incident, = wait_for(lambda: daemon.status()["incidents"], "an incident")
                self.stop_and_look(daemon, number)
                daemon.start()
                same, = daemon.status()["incidents"]
                self.assertEqual((same["id"], same["uuid"], same["began"]),
                                 (incident["id"], incident["uuid"], incident["began"]))
                wait_for(lambda: daemon.probe("kcna", "ping")["result"] == "timeout", "a result")
                self.assertEqual(daemon.status()["verdict"], incident["class"])
            self.assertLessEqual(before, self.counters(daemon))
            self.assertTrue(daemon.target("ttk-gw")["muted_until"])
            wait_for(lambda: not daemon.status()["incidents"], "it is over", 60)
            closed, = daemon.call("ListIncidents")["incidents"]
            self.assertEqual((closed["uuid"], closed["phase"]), (incident["uuid"], "closed"))
            self.assertEqual(daemon.events("incident.opened"), [])
            gap, = daemon.call("GetHistory")["gaps"]
            self.assertEqual(gap["reason"], "restarted")
            self.assertLess(stamp(gap["began"]), stamp(gap["ended"]))
            self.assertTrue([e for e in daemon.events("daemon.health") if "away" in e["message"]])
            self.assertIn("restarted", daemon.ctl("history").out)

    def counters(self, daemon):
        return [p["sent"] for t in sorted(daemon.targets()) for p in daemon.target(t)["probes"]]

    def stop_and_look(self, daemon, number):
        last = self.committed(daemon)
        ids = {e["event"]["id"] for e in self.kept(daemon) if e["event"]["sequence"] <= last}
        daemon.stop(number)
        self.check_file(daemon.db)
        rows = self.stored(daemon.db, "SELECT envelope FROM events")
        stored = [json.loads(row[0])["event"]["id"] for row in rows]
        self.assertEqual(len(stored), len(set(stored)))
        self.assertLessEqual(ids, set(stored))

    def test_restart(self):
        self.restart(signal.SIGTERM)

    def test_kill(self):
        self.restart(signal.SIGKILL)

    def test_full_disk(self):
        """Probing goes on, it is said, and all is written once there is room."""
        daemon = self.daemon()
        disk = os.path.join(daemon.dir, "disk")
        os.mkdir(disk)
        daemon.write(self.text(disk))
        self.lab.exec("vantage", "mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk)
        self.addCleanup(self.lab.exec, "vantage", "umount", disk)
        with daemon:
            daemon.wait_clear()
            self.lab.exec("vantage", "sh", "-c", f"cat /dev/zero > {disk}/waste 2>&- || true")

            def health(good):
                return [e for e in daemon.events("daemon.health")
                        if e["kp"]["health"]["ok"] is good and "history" in e["message"]]
            wait_for(lambda: health(False), "degraded storage is said")
            self.assertIn("degraded storage", health(False)[0]["message"])
            with self.lab.fault("cut china-unicom"):
                wait_for(lambda: daemon.path("china-unicom")["state"] == "down", "it is down", 60)
            wait_for(lambda: daemon.path("china-unicom")["state"] == "up", "it is up", 60)
            self.assertTrue(daemon.stats()["history"]["error"])
            self.lab.exec("vantage", "rm", f"{disk}/waste")
            wait_for(lambda: daemon.stats()["history"]["error"] is None, "it is healed", 60)
            wait_for(lambda: health(True), "that is said")
            self.committed(daemon)
            told = {e["event"]["id"] for e in self.changes(daemon)}
            self.assertEqual(daemon.stats()["history"]["lost"], 0)
            daemon.stop()
            self.lab.exec("vantage", "cp", f"{disk}/history.db", daemon.db)
            self.check_file(daemon.db)
            rows = self.stored(daemon.db, "SELECT envelope FROM events")
            self.assertLessEqual(told, {json.loads(row[0])["event"]["id"] for row in rows})

    def test_read_only_disk(self):
        daemon = self.daemon()
        disk = os.path.join(daemon.dir, "disk")
        os.mkdir(disk)
        daemon.write(self.text(disk))
        self.lab.exec("vantage", "mount", "-t", "tmpfs", "-o", "ro", "tmpfs", disk)
        self.addCleanup(self.lab.exec, "vantage", "umount", disk)
        with daemon:
            daemon.wait_clear()
            wait_for(lambda: "degraded storage" in daemon.log(), "it is said")
            with self.assertRaises(VarlinkError):
                daemon.call("GetHistory")
            self.lab.exec("vantage", "mount", "-o", "remount,rw", disk)
            wait_for(lambda: daemon.stats()["history"]["error"] is None, "it is healed", 60)
            self.committed(daemon)
            self.assertTrue(daemon.call("GetHistory")["strips"])

    def test_odd_files(self):
        """A damaged file is moved aside, another program's is left alone; both are said."""
        daemon = self.daemon()
        with open(daemon.db, "wb") as file:
            file.write(b"\x5a" * 20000)
        with daemon:
            self.assertIn("was damaged and is now", daemon.log())
            self.assertTrue(daemon.call("GetHistory"))
        aside, = (f for f in os.listdir(daemon.dir) if ".damaged-" in f)
        with open(os.path.join(daemon.dir, aside), "rb") as file:
            self.assertEqual(file.read(), b"\x5a" * 20000)
        os.unlink(daemon.db)
        self.stored(daemon.db, "CREATE TABLE precious (a)")
        with daemon:
            self.assertIn("another program", daemon.log())
            self.assertIsNone(daemon.stats()["history"])
            daemon.ctl("history", code=1)
            self.assertTrue(daemon.call("ListIncidents"))
        self.assertEqual(self.stored(daemon.db, "SELECT count(*) FROM precious"), [(0,)])
        done = subprocess.run(["sqlite3", daemon.db, ".tables"], capture_output=True, text=True,
                              check=True)
        self.assertEqual(done.stdout.strip(), "precious")


if __name__ == "__main__":
    kplab.main()
