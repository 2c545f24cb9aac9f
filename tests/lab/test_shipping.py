#!/usr/bin/env python3
"""An incident as the monitoring people already run sees it: journald, rsyslog,
syslog-ng, lnav, logrotate, Prometheus, Alertmanager and Icinga, the real ones."""
import http.client
import json
import os
import re
import signal
import subprocess

import counterparts
import kplab
from counterparts import CONF, Counterparts, shipped
from kplab import Daemon, wait_for

KEPT = ("incident", "target.state", "path.state", "vantage.health")


def flat(value, prefix=""):
    """{"kp.incident.class": …} of nested objects; null members left out."""
    if not isinstance(value, dict):
        return {} if value is None else {prefix: value}
    out = {}
    for key, member in value.items():
        out.update(flat(member, f"{prefix}.{key}" if prefix else key))
    return out


class Shipping(kplab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.others = cls.enterClassContext(Counterparts(cls.lab))
        cls.events = cls.others.path("events.jsonl")
        cls.daemon = cls.enterClassContext(Daemon(cls.lab, start=False))
        text = kplab.lab_yaml(
            cls.daemon.socket, trace={"interval": "5s", "max-hops": 32},
            verdict={"false-alarms": "1/1h", "recover-after": "3s"},
            log={"level": "info", "journal": "on", "syslog": True, "sample": "1%",
                 "file": {"path": cls.events}})
        cls.daemon.write(text + 'metrics: {listen: "127.0.0.1:9879"}\n')
        cls.daemon.start()
        cls.daemon.wait_clear(60)
        with cls.lab.fault("cut china-unicom"):
            cls.incident = wait_for(cls.outage, "a path outage", 60)
            wait_for(lambda: cls.others.query('ALERTS{alertstate="firing",alertname="KpOutage"}'),
                     "Prometheus fires", 30)
            cls.firing = json.loads(wait_for(cls.alerts, "Alertmanager has it", 30))
            cls.checked = cls.daemon.ctl("check", code=2).out
        wait_for(cls.closed, "it closes", 60)

    @classmethod
    def outage(cls):
        status = cls.daemon.status()
        assert status["verdict"] == "path-outage", status["summary"]
        return status["incidents"][0]

    @classmethod
    def alerts(cls):
        text = cls.others.get("http://127.0.0.1:9093/api/v2/alerts")
        return text if "KpOutage" in text else None

    @classmethod
    def closed(cls):
        return [e for e in cls.daemon.events("incident.closed")
                if e["kp"]["incident"]["id"] == cls.incident["id"]]

    def told(self):
        """The events that must be everywhere, by their id."""
        return {e["event"]["id"]: e for e in self.daemon.events(*KEPT)}

    def all_arrive(self, read, what):
        """read() gives what a reader has, by id; until it has all, each once."""
        def check():
            told, there = self.told(), read()
            ids = [i for i, _ in there if i in told]
            assert len(ids) == len(set(ids)), "doubled"
            assert set(ids) == set(told), f"{len(ids)} of {len(told)}"
            return {i: e for i, e in there if i in told}
        got = wait_for(check, f"{what} has every event: {self.others.said()}", 20)
        self.assertLess({"incident.opened", "incident.closed", "path.state"},
                        {e["event"]["action"] for e in self.told().values()})
        return got

    def test_file(self):
        got = self.all_arrive(lambda: [(e["event"]["id"], e) for e in
                                       self.others.lines("events.jsonl")], "the file")
        self.assertEqual(got, self.told())

    def test_journald(self):
        def read():
            return [(e["KPWATCHD_EVENT_ID"], e) for e in self.others.journal("SYSLOG_IDENTIFIER=kpwatchd")]
        got = self.all_arrive(read, "the journal")
        for key, event in self.told().items():
            entry = got[key]
            self.assertEqual(json.loads(entry["KPWATCHD_JSON"]), event)
            self.assertEqual(entry["MESSAGE"], event["message"])
            self.assertRegex(entry["MESSAGE_ID"], "^[0-9a-f]{32}$")
            self.assertIn(entry["PRIORITY"], "34567")
            for name, value in flat({"event": event["event"], **event["kp"]}).items():
                field = "KPWATCHD_" + name.removesuffix(".name").replace(".", "_").upper()
                if value == []:
                    self.assertNotIn(field, entry)
                    continue
                if isinstance(value, list) and len(value) == 1:
                    value = value[0]
                there = entry[field]
                if isinstance(value, list):  # the journal does not keep their order
                    text = isinstance(value[0], str)
                    there = [t if text else json.loads(t) for t in there]
                    self.assertCountEqual(there, value, field)
                else:
                    there = there if isinstance(value, str) else json.loads(there)
                    self.assertEqual(there, value, field)

    def test_journal_catalog(self):
        self.lab.exec("vantage", "sh", "-ec", f"""
            mkdir -p /run/cat /run/empty
            mount -t tmpfs none /var/lib/systemd
            mkdir -p /run/catalog; cp {CONF}/kpwatchd.catalog /run/catalog/
            mount --bind /run/catalog /usr/lib/systemd/catalog
            mkdir -p /var/lib/systemd/catalog
            journalctl --update-catalog""")
        text = self.lab.exec("vantage", "journalctl", "--directory=/run/log/journal", "-x", "-q",
                             "--no-pager", "KPWATCHD_EVENT_ACTION=incident.closed")
        self.assertIn(f"Incident {self.incident['id']} is over", text)
        self.assertIn(f"kpwatchctl explain {self.incident['id']}", text)

    def test_rsyslog(self):
        got = self.all_arrive(lambda: [(e["event"]["id"], e) for e in
                                       self.others.lines("rsyslog.json")], "rsyslog")
        self.assertEqual(got, self.told())

    def test_syslog_ng(self):
        got = self.all_arrive(lambda: [(e["event"]["id"], e) for e in
                                       self.others.lines("syslog-ng.json")], "syslog-ng")
        self.assertEqual(got, self.told())
        with open(self.others.path("syslog-ng.parsed"), encoding="utf-8") as file:
            parsed = file.read()
        for key, event in self.told().items():
            kind = event["kp"].get("incident", {}).get("class", "")
            self.assertIn(f'{key} {event["event"]["action"]} {kind}\n', parsed)

    def test_prometheus(self):
        alert = next(a for a in self.firing if a["labels"]["alertname"] == "KpOutage")
        self.assertEqual(alert["labels"]["class"], "path-outage")
        self.assertEqual(alert["labels"]["vantage"], "my-vantage")
        self.assertIn("path-outage", alert["annotations"]["summary"])
        down = self.others.query('max_over_time(kpwatchd_path_targets{path="china-unicom",state="down"}[5m])')
        total = self.daemon.path("china-unicom")
        self.assertEqual(float(down[0]["value"][1]),
                         sum(total["targets_" + s] for s in ("up", "down", "degraded", "unknown")))
        for expression in json.loads(shipped("prometheus/dashboard.json"))["panels"]:
            for target in expression["targets"]:
                query = target["expr"].replace("$vantage", ".*")
                self.assertIsNotNone(self.others.query(query), query)

    def test_metrics_text(self):
        text = self.daemon.ctl("metrics").out
        served = self.others.get("http://127.0.0.1:9879/metrics")
        names = lambda t: re.findall(r"(?m)^([a-z_]+\{?[^ ]*) ", t)
        self.assertEqual(names(text), names(served))
        self.assertEqual(len(names(text)), len(set(names(text))))
        done = subprocess.run(["promtool", "check", "metrics"], input=served, text=True,
                              capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        known = set(re.findall(r"(?m)^# TYPE (\S+)", served))
        asked = ""
        for name in ("dashboard.json", "alerts.yml", "recording.yml"):
            asked += shipped("prometheus/" + name)
        for name in re.findall(r"\b(?:kpwatchd_[a-z_]+|process_[a-z_]+)", re.sub(r"record: \S+", "", asked)):
            self.assertIn(re.sub("_(bucket|sum|count)$", "", name), known | {"kpwatchd_answered"})
        status = self.daemon.status()
        self.assertIn("\nkpwatchd_vantage_healthy 1\n", served)
        self.assertIn(f'kpwatchd_build_info{{version="{status["daemon"]["version"]}"}} 1\n', served)
        opened = len({e["kp"]["incident"]["id"] for e in self.daemon.events("incident.opened")})
        self.assertEqual(sum(int(n) for n in re.findall(
            r"(?m)^kpwatchd_incidents_opened_total\{.*\} (\d+)$", served)), opened)

    def test_promtool(self):
        for words in (["check", "rules", "alerts.yml", "recording.yml"],
                      ["test", "rules", "alerts.test.yml"], ["check", "config", "scrape.yml"]):
            done = subprocess.run(["promtool", *words], cwd=CONF + "/prometheus", text=True,
                                  capture_output=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def http(self, *options, path="/metrics"):
        return self.others.get("http://127.0.0.1:9879" + path, "-o", "/dev/null", "-w",
                               "%{http_code} %{size_download} %header{content-length}", *options)

    def test_http_limits(self):
        code, size, length = self.http().split()
        self.assertEqual((code, size), ("200", length))
        self.assertEqual(self.http("-I").split()[:2], ["200", "0"])
        for options in (("-X", "POST"), ("-X", "PUT"), ("-X", "DELETE"), ("-X", "TRACE")):
            self.assertEqual(self.http(*options)[0], "5", options)  # not implemented
        self.assertEqual(self.http("-H", "Host: evil.example")[:3], "421")
        self.assertEqual(self.http("-H", "Host: localhost:9879")[:3], "200")
        self.assertEqual(self.http("-H", "Host: [::1]:9879")[:3], "200")
        self.assertEqual(self.http("-H", "X: " + "x" * 9000)[:1], "4")
        self.assertEqual(self.http(path="/")[:3], "404")
        self.assertEqual(self.http("-X", "GET", "-d", "x" * 100)[:1], "4")

    def test_http_crowd(self):
        """Forty that connect and say little: no more than 16 are let in, others wait."""
        code = ("import socket, time\n"
                "crowd = [socket.create_connection(('127.0.0.1', 9879)) for _ in range(40)]\n"
                "[s.send(b'GET /metrics HTTP/1.1\\r\\nX') for s in crowd]\n"
                "print('all', flush=True)\n"
                "time.sleep(60)\n")
        with self.lab.run("vantage", "python3", "-c", code) as crowd:
            self.assertEqual(crowd.stdout.readline(), "all\n")
            wait_for(lambda: self.guests() == 16, "the first are let in")
            self.daemon.status()
            self.assertEqual(self.guests(), 16)
        wait_for(lambda: self.http()[:3] == "200", "it serves again")

    def guests(self):
        """Connections that the daemon holds; those it did not accept have no owner yet."""
        text = self.lab.exec("vantage", "ss", "-Htnp", "sport = :9879")
        return text.count('"kpwatchd"')

    def test_lnav(self):
        home = self.others.path("home")
        os.makedirs(home, exist_ok=True)
        env = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "TERM": "xterm"}
        subprocess.run(["lnav", "-i", CONF + "/shippers/lnav.json"], env=env, check=True,
                       capture_output=True, timeout=30)
        query = (";SELECT log_level, \"kp/incident/class\", \"kp/incident/phase\", log_body FROM kpwatchd_log "
                 "WHERE \"event/action\" = 'incident.closed'")
        done = subprocess.run(["lnav", "-n", "-c", query, "-c", ":write-json-to -", self.events],
                              env=env, capture_output=True, text=True, timeout=30, check=False)
        self.assertIn("path-outage", done.stdout, done.stderr)
        self.assertIn("closed", done.stdout)

    def test_icinga(self):
        self.assertRegex(self.checked, r"^\S+ (CRITICAL|OK|WARNING|UNKNOWN)[^|\n]*\|[^|\n]+\n$")
        conf = self.others.write("icinga.conf", 'const PluginDir = "/x"\n'
                                 'object CheckerComponent "checker" {}\n' + shipped("icinga/kpwatchd.conf"))
        done = subprocess.run(["icinga2", "daemon", "-C", "-c", conf, "-D",
                               "DataDir=" + self.others.dir, "-D", "LogDir=" + self.others.dir,
                               "-D", "CacheDir=" + self.others.dir, "-D", "InitRunDir=" + self.others.dir],
                              env={**os.environ, "ICINGA2_USER": "root", "ICINGA2_GROUP": "root"},
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("2 Services", done.stdout)

    def test_logrotate(self):
        """Rotated again and again while events come: nothing lost, doubled or cut."""
        conf = self.others.write("logrotate.conf", shipped(
            "logrotate", ("/var/log/kpwatchd/events.jsonl", self.events),
            ("    compress\n    delaycompress\n", ""), ("    notifempty\n", ""),
            ("systemctl kill -s USR1 --kill-whom=main kpwatchd.service", f"kill -USR1 {self.daemon.pid}")))
        os.chmod(conf, 0o644)
        os.chmod(self.others.dir, 0o755)
        for _ in range(5):
            for target in ("kcna", "rodong", "vok"):
                self.daemon.call("Mute", name=target, for_seconds=60, reason="x")
                self.daemon.call("Unmute", name=target)
                self.daemon.call("Reload")
            subprocess.run(["logrotate", "-f", "-s", self.others.path("rotated"), conf], check=True,
                           capture_output=True, timeout=30)
            wait_for(lambda: os.path.exists(self.events), "the file is made anew")
        def check():
            lines = []
            for number in (5, 4, 3, 2, 1, 0):
                lines += self.others.lines("events.jsonl" + (f".{number}" if number else ""))
            sequence = [e["event"]["sequence"] for e in lines]
            last = self.daemon.stats()["events"]["published"]
            assert sequence == list(range(1, last + 1)), (sequence[:3], len(sequence), last)
            return True
        wait_for(check, "every event is in one of the files", 20)

    def test_stuck_readers(self):
        """journald and syslog stand still: nothing is late here, and when they go on they get
        everything."""
        gaps = self.daemon.stats()["gaps"]
        # exec's own process stands before the reader; these are in the lab's PID namespace.
        find = "for p in /proc/[0-9]*; do grep -qE '^(%s)$' $p/comm && echo ${p#/proc/}; done; true"
        pids = self.lab.exec("vantage", "sh", "-c", find % "systemd-journal|rsyslogd|syslog-ng|python3").split()
        self.assertGreaterEqual(len(pids), 4)
        self.lab.exec("vantage", "kill", "-STOP", *pids)
        try:
            for _ in range(150):
                self.daemon.call("Reload")
            wait_for(lambda: len([e for e in self.daemon.events("daemon.health")
                                  if "reader is stuck" in e["message"]]) >= 2, "it is said", 20)
            self.assertEqual(self.daemon.stats()["gaps"], gaps)
            self.assertLess(self.daemon.stats()["scheduler_lag_seconds"], 0.5)
        finally:
            self.lab.exec("vantage", "kill", "-CONT", *pids)
        def arrived(read):
            told = {e["event"]["id"] for e in self.daemon.events("config.reload", "daemon.health", *KEPT)}
            there = [i for i in read() if i in told]
            assert len(there) == len(set(there)), "doubled"
            assert set(there) == told, f"{len(there)} of {len(told)}"
            return True
        wait_for(lambda: arrived(lambda: [e["KPWATCHD_EVENT_ID"] for e in self.others.journal("SYSLOG_IDENTIFIER=kpwatchd")]),
                 "the journal has all", 30)
        wait_for(lambda: arrived(lambda: [e["event"]["id"] for e in self.others.lines("rsyslog.json")]),
                 "rsyslog has all", 30)
        self.assertEqual(self.daemon.status()["daemon"]["events_dropped"], 0)


if __name__ == "__main__":
    REASON = counterparts.missing()
    if REASON is not None:
        print(f"SKIP: {REASON}")
        raise SystemExit(77)
    kplab.main()
