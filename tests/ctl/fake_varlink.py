"""A kpwatchd that only pretends: canned replies over varlink.

    python3 fake_varlink.py SOCKET [clear|outage]     stand-alone, to look at screens
"""
import json
import os
import socket
import socketserver
import sys
import threading
import time

MONITOR = "org.kpwatchd.Monitor."
SERVICE = "org.varlink.service."


def stamp(seconds_ago=0.0):
    t = time.time() - seconds_ago
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(t))
    return "%s.%06dZ" % (whole, int(t % 1 * 1e6))


def path(name, title, state="up", since=11130, spark=None, **more):
    down = state == "down"
    return {
        "name": name, "title": title, "state": state, "since": stamp(since),
        "answered_ratio": 0.0 if down else 0.9983,
        "rtt_p50_seconds": None if down else 0.2951,
        "rtt_p95_seconds": None if down else 0.3104,
        "edge_state": "unknown", "last_hop": None if down else "103.35.255.254",
        "targets_up": 0 if down else 12, "targets_degraded": 0,
        "targets_down": 12 if down else 0, "targets_unknown": 0,
        "muted_until": None,
        "spark": spark if spark is not None else [None] * 4 + [1.0] * 40 + [0.75] + [1.0] * 15,
        **more,
    }


def probe(name, kind="tcp-syn", result="answered", **more):
    answered = result == "answered"
    return {
        "name": name, "type": kind, "state": "up" if answered else "down",
        "result": result, "rtt_seconds": 0.2951 if answered else None,
        "reply_ttl": 44 if answered else None, "at": stamp(12),
        "cause": None, "sender": None, "error": None, "dns": None,
        "baseline_ratio": 0.998, "baseline_rtt_seconds": 0.2904,
        "sent": 12345, "answered": 12290, "late": 3,
        "recent_rtt_seconds": [0.29] * 20 + [0.31, 0.45, None, 0.30] + [0.29] * 8
        if answered else [0.29] * 24 + [None] * 8,
        **more,
    }


def target(name, title, probes, **more):
    return {
        "name": name, "title": title, "host": name + ".kp", "address": "175.45.176.71",
        "group": "news", "path": "china-unicom", "path_source": "trace",
        "state": "up", "since": stamp(11130), "muted_until": None, "anchor": False,
        "probes": probes, **more,
    }


def targets():
    return [
        target("kcna", "KCNA", [probe("web"), probe("tls")]),
        target("mfa", "Ministry of Foreign Affairs",
               [probe("web", result="timeout"),
                probe("tls", result="unreachable", cause="admin-prohibited", sender="175.45.177.1")],
               group="government", state="down", since=stamp(200), path="transtelecom",
               path_source="config", address="175.45.176.67"),
        target("ns1", "ns1.kptc.kp",
               [probe("soa", "dns", dns={"rcode": 0, "aa": True, "tc": False, "ttl_seconds": 3600,
                                         "serial": 2025112201})],
               group="dns", address="175.45.176.15", muted_until=stamp(-7230)),
        target("evil", "\x1b]0;owned\x07\x1b[2J\u009b31m", [], host=None, address=None, group=None,
               path=None, path_source=None, state="unknown", since=None),
    ]


TARGETS = targets()  # for what does not depend on the time


def incident(id=12, **more):
    return {
        "id": id, "uuid": "0190a1b2-c3d4-7ef6-8700-0000000000%02x" % id,
        "class": "path-outage", "phase": "confirmed", "confidence": "high",
        "where": "transtelecom", "began": stamp(200), "confirmed": stamp(160), "ended": None,
        "targets": ["ttk-gw", "ttk-10"], "targets_total": 2, "paths": ["transtelecom"],
        "class_history": [{"at": stamp(160), "class": "unknown"},
                          {"at": stamp(130), "class": "path-outage"}],
        "evidence": [
            {"rule": "targets", "text": "2 of 14 watched targets are silent, more than one host "
             "explains", "excludes": "host-outage", "value": 2.0, "threshold": 14.0},
            {"rule": "anchors", "text": "3 of 3 anchor probes are answered: our own connection "
             "works", "excludes": "vantage-fault", "value": 3.0, "threshold": 1.0},
            {"rule": "edges", "text": "2 of 2 last visible hops before the border answer: what is "
             "silent lies at or beyond the border", "excludes": "transit-outage", "value": 2.0,
             "threshold": 1.0},
            {"rule": "other-paths", "text": "China Unicom carries on: it answers",
             "excludes": "country-outage", "value": 0.9983, "threshold": 0.5},
            {"rule": "lead", "text": "this explanation is over a hundred times likelier than the "
             "next best one", "excludes": None, "value": 9.31, "threshold": 4.605}],
        "merged_into": None, **more,
    }


def incidents():
    """The closed past, and what is open in an outage."""
    return [incident(7, **{"class": "host-outage"}, where="kcna", phase="closed",
                     confidence="medium", began=stamp(90000), confirmed=stamp(89950),
                     ended=stamp(86000), targets=["kcna"], targets_total=1,
                     paths=["china-unicom"], class_history=[{"at": stamp(89950),
                                                             "class": "host-outage"}]),
            incident(12)]


def strip(name, answered, kind="path", down=0.0):
    n = len(answered)
    cells = {"answered_ratio": answered, "sent": [60.0 if a is not None else 0.0 for a in answered],
             "rtt_p50_seconds": [0.295 if a else None for a in answered],
             "rtt_p95_seconds": [0.31 if a else None for a in answered],
             "up_seconds": [900.0] * n, "degraded_seconds": [0.0] * n,
             "down_seconds": [0.0] * n, "unknown_seconds": [0.0] * n}
    seen = [a for a in answered if a is not None]
    return {"kind": kind, "name": name, "cells": cells,
            "whole": {"answered_ratio": sum(seen) / len(seen), "sent": 60.0 * len(seen),
                      "rtt_p50_seconds": 0.295, "rtt_p95_seconds": 0.31, "up_seconds": 900.0 * n - down,
                      "degraded_seconds": 0.0, "down_seconds": down, "unknown_seconds": 0.0}}


def history():
    return {"schema": 1, "since": "2026-01-01T00:00:00.000000Z",
            "until": "2026-01-02T00:00:00.000000Z", "step_seconds": 900,
            "strips": [strip("china-unicom", [1.0] * 80 + [0.5] * 4 + [1.0] * 8 + [None] * 4),
                       strip("transtelecom", [1.0] * 60 + [0.0] * 20 + [1.0] * 16, down=18000.0)],
            "incidents": incidents()[:1],
            "gaps": [{"began": "2026-01-01T23:00:00.000000Z", "ended": "2026-01-02T00:00:00.000000Z",
                      "reason": "rebooted"}]}


def trace(before=False):
    def hop(ttl, address=None, rtt=None, path=None, is_target=False):
        return {"ttl": ttl, "address": address, "rtt_seconds": rtt, "path": path,
                "is_target": is_target}
    hops = [hop(1, "198.51.100.1", 0.00041), hop(2), hop(3, "203.0.113.9", 0.0123),
            hop(4, "219.158.3.1", 0.1822, "china-unicom"),
            hop(5, "219.158.9.77", 0.21, "china-unicom"),
            hop(6, "103.35.255.254", 0.2341, "china-unicom"), hop(7), hop(8),
            hop(9, "175.45.176.71", 0.2951, None, True)]
    if before:
        hops[1] = hop(2, "198.51.100.77", 0.002)
        hops[4] = hop(5, "219.158.9.41", 0.209, "china-unicom")
    return {"target": "kcna", "at": stamp(700 if before else 100), "reached": True,
            "path": "china-unicom", "hops": hops, "running": False}


def status(kind="clear"):
    out = kind == "outage"
    paths = [path("china-unicom", "China Unicom"),
             path("transtelecom", "TransTeleCom", "down", 200,
                  [1.0] * 40 + [0.25] + [0.0] * 19) if out else
             path("transtelecom", "TransTeleCom", targets_up=2)]
    return {
        "schema": 1, "at": stamp(),
        "verdict": "path-outage" if out else "clear",
        "summary": "TransTeleCom: silent since %sZ; China Unicom carries on."
                   % stamp(200)[:19] if out else
                   "All clear: 14 of 14 targets answer as usual.",
        "vantage": {"name": "fra1", "healthy": True, "anchors_up": 3, "anchors_total": 3,
                    "anchors": []},
        "paths": paths,
        "targets": {"total": 14, "up": 12 if out else 14, "degraded": 0,
                    "down": 2 if out else 0, "unknown": 0},
        "incidents": [incident()] if out else [],
        "suspicions": [{"what": "target", "where": "kcna", "since": stamp(12), "score": 7.54,
                        "threshold": 21.3}] if out else [],
        "daemon": {"version": "0.1.0", "started_at": stamp(270000), "uptime_seconds": 270000.5,
                   "config_loaded_at": stamp(11130), "probes_per_second": 1.42,
                   "events_dropped": 0},
    }


def event(n, ago=0.0, action="path.state", message="China Unicom is down", level="notice"):
    return {"@timestamp": stamp(ago),
            "event": {"id": "fra1-1-%d" % n, "sequence": n, "action": action, "kind": "event"},
            "log": {"level": level}, "message": message,
            "kp": {"path": {"name": "china-unicom", "previous": None}}}


def events():
    return [event(1, 86400 * 2, "daemon.start", "watching 14 targets", "info"),
            event(2, 200, message="TransTeleCom is down"),
            event(4, 100, "probe.result", "kcna web: answered in 295 ms", "debug"),
            event(3, 30, "dns.mismatch", "mfa.gov.kp: \x1b[31mgone\n", "warning")]


class Fault(Exception):
    def __init__(self, error, **parameters):
        super().__init__(error)
        self.reply = {"error": error, "parameters": parameters}


def not_found(name, kind, nearest=None):
    extra = {"nearest": nearest} if nearest else {}
    return Fault(MONITOR + "NotFound", name=name, kind=kind, **extra)


DIAGNOSTIC = {"file": "/etc/kpwatchd/kpwatchd.yaml", "line": 3, "column": 5,
              "severity": "error", "text": "unknown key 'alow', did you mean 'allow'?",
              "source": "    alow: []", "source_column": 5}


class Daemon:
    """The replies; tests change `kind`, `hooks` and `denied`."""

    def __init__(self, kind="clear"):
        self.kind = kind
        self.denied = False
        self.hooks = {}  # method -> function(handler, parameters) that does all by itself
        self.calls = []  # (method, parameters)
        self.mutes = []
        self.probed = 0
        self.traced = 0
        self.live = []  # events that a subscriber gets

    def get_status(self, p):
        return status(self.kind)

    def list_paths(self, p):
        paths = status(self.kind)["paths"]
        if p.get("path"):
            paths = [x for x in paths if x["name"] == p["path"]]
            if not paths:
                raise not_found(p["path"], "path", "china-unicom")
        return {"schema": 1, "paths": paths}

    def list_targets(self, p):
        rows = targets()
        if p.get("target"):
            rows = [t for t in rows if t["name"] == p["target"]]
            if not rows:
                near = "kcna" if p["target"].startswith("kc") else None
                raise not_found(p["target"], "target", near)
            if self.probed and time.time() - self.probed > 0.5:
                for q in rows[0]["probes"]:
                    q["at"] = stamp()
        if p.get("state"):
            rows = [t for t in rows if t["state"] == p["state"]]
        if p.get("group"):
            rows = [t for t in rows if t["group"] == p["group"]]
            if not rows:
                raise not_found(p["group"], "group", "news")
        return {"schema": 1, "targets": rows}

    def list_events(self, p):
        rows = [e for e in events() if not p.get("since") or e["@timestamp"] >= p["since"]]
        return {"schema": 1, "cursor": "c3", "complete": len(rows) == 4, "events": rows}

    def list_incidents(self, p):
        rows = incidents() if self.kind == "outage" else incidents()[:1]
        if p.get("open") is not None:
            rows = [r for r in rows if (r["phase"] != "closed") == p["open"]]
        if p.get("since"):
            rows = [r for r in rows if not r["ended"] or r["ended"] >= p["since"]]
        return {"schema": 1, "incidents": rows}

    def get_history(self, p):
        out = history()
        if p.get("target"):
            self.list_targets({"target": p["target"]})
            out["strips"] = [strip(p["target"], [1.0] * 96, "target")]
            out["incidents"] = out["gaps"] = []
        if p.get("path"):
            self.list_paths(p)
            out["strips"] = [s for s in out["strips"] if s["name"] == p["path"]]
        return out

    def explain(self, p):
        found = [r for r in incidents() if p["id"] in (str(r["id"]), r["uuid"])]
        if not found:
            raise not_found(p["id"], "incident", "12" if p["id"] == "13" else None)
        if found[0]["phase"] == "closed":
            return {"schema": 1, "incident": found[0], "closes_when": [], "escalates_when": []}
        return {"schema": 1, "incident": found[0],
                "closes_when": ["answers from at least two targets of TransTeleCom, kept up for "
                                "5 minutes"],
                "escalates_when": ["China Unicom falls silent as well: country-outage"]}

    def get_trace(self, p):
        self.list_targets({"target": p["target"]})
        rows = [trace(), trace(True)] if p["target"] == "kcna" else []
        if self.traced and rows and time.time() - self.traced > 0.5:
            rows[0]["at"] = stamp()
        return {"schema": 1, "target": p["target"], "running": False, "traces": rows}

    def trace(self, p):
        self.guard()
        self.list_targets({"target": p["target"]})
        if p["target"] == "evil":
            raise Fault(MONITOR + "Refused", reason="none of the target's probes can be traced")
        self.traced = time.time()
        return {"schema": 1, "target": p["target"], "requested_at": stamp()}

    def guard(self):
        if self.denied:
            raise Fault(SERVICE + "PermissionDenied")

    def probe(self, p):
        self.guard()
        self.list_targets({"target": p["target"]})
        if p["target"] == "evil":
            raise Fault(MONITOR + "Refused", reason="it has no address yet")
        self.probed = time.time()
        return {"schema": 1, "target": p["target"], "requested_at": stamp()}

    def mute(self, p):
        self.guard()
        if p["name"] not in ("kcna", "mfa", "china-unicom"):
            raise not_found(p["name"], "name", "kcna")
        entry = {"name": p["name"], "kind": "target", "until": stamp(-p["for_seconds"]),
                 "reason": p["reason"]}
        self.mutes.append(entry)
        return {"schema": 1, "mute": entry}

    def unmute(self, p):
        self.guard()
        if not any(m["name"] == p["name"] for m in self.mutes):
            raise not_found(p["name"], "name")
        self.mutes = [m for m in self.mutes if m["name"] != p["name"]]
        return {"schema": 1, "name": p["name"]}

    def list_mutes(self, p):
        return {"schema": 1, "mutes": self.mutes}

    def reload(self, p):
        self.guard()
        if self.kind == "outage":
            raise Fault(MONITOR + "InvalidConfig", diagnostics=[DIAGNOSTIC])
        return {"schema": 1, "config_loaded_at": stamp(), "diagnostics": []}

    def check_config(self, p):
        bad = self.kind == "outage"
        return {"schema": 1, "valid": not bad, "diagnostics": [DIAGNOSTIC] if bad else []}

    def set_log_level(self, p):
        self.guard()
        return {"schema": 1, "level": p["level"], "previous": "info"}

    def get_metrics(self, _):
        return {"schema": 1, "content_type": "text/plain; version=0.0.4; charset=utf-8",
                "text": "# TYPE kpwatchd_up gauge\nkpwatchd_up{a=\"\\\\\"} 1\n"}

    def get_stats(self, p):
        kinds = [{"type": t, "sent": 100000 + i, "late": 7,
                  "results": {"answered": 99000, "refused": 1, "timeout": 900,
                              "unreachable": 90, "local-error": 9},
                  "send_errors": {},
                  "discarded": {"bad_checksum": 1, "bad_cookie": 2, "wrong_source": 3,
                                "duplicate": 4, "late": 5, "malformed": 6}}
                 for i, t in enumerate(("icmp", "tcp-syn", "dns"))]
        return {"schema": 1, "at": stamp(), "uptime_seconds": 270000.5, "probes": kinds,
                "deferred": 12, "denied": 0, "in_flight": 3, "slots": 512, "items": 28,
                "scheduler_lag_seconds": 0.0021, "gaps": 0,
                "events": {"published": 300, "dropped": 0, "held": 300, "held_bytes": 204800},
                "history": {"last_event": 300, "waiting": 0, "lost": 0, "error": None},
                "control": {"clients": 2, "subscribers": 1, "accepted": 90, "turned_away": 0,
                            "closed_slow": 0, "requests": 400, "bad_requests": 1,
                            "unread_bytes": 0}}

    METHODS = {"GetStatus": get_status, "ListPaths": list_paths, "ListTargets": list_targets,
               "ListEvents": list_events, "ListIncidents": list_incidents, "GetHistory": get_history, "Explain": explain,
               "GetTrace": get_trace, "Trace": trace, "Probe": probe, "Mute": mute, "Unmute": unmute,
               "ListMutes": list_mutes, "Reload": reload, "CheckConfig": check_config,
               "SetLogLevel": set_log_level, "GetStats": get_stats,
               "GetMetrics": get_metrics}


class Handler(socketserver.BaseRequestHandler):
    def send(self, message):
        self.request.sendall(json.dumps(message).encode() + b"\0")

    def subscribe(self, daemon, p):
        n = 0
        self.send({"continues": True,
                   "parameters": {"cursor": p.get("cursor") or "c0", "status": status(daemon.kind)}})
        while not daemon.closing:
            while n < len(daemon.live):
                item = daemon.live[n]
                n += 1
                if item is None:  # the daemon dies
                    self.request.shutdown(socket.SHUT_RDWR)
                    return
                self.send({"continues": True, "parameters": item})
            time.sleep(0.02)

    def answer(self, daemon, call):
        method = call["method"].removeprefix(MONITOR)
        p = call.get("parameters", {})
        daemon.calls.append((method, p))
        if method in daemon.hooks:
            return daemon.hooks[method](self, p)
        if method == "Subscribe":
            return self.subscribe(daemon, p)
        if method not in daemon.METHODS:
            return self.send({"error": SERVICE + "MethodNotFound", "parameters": {"method": method}})
        try:
            self.send({"parameters": daemon.METHODS[method](daemon, p)})
        except Fault as fault:
            self.send(fault.reply)
        return None

    def handle(self):
        daemon = self.server.daemon
        data = b""
        try:
            while True:
                part = self.request.recv(65536)
                if not part:
                    return
                data += part
                while b"\0" in data:
                    one, data = data.split(b"\0", 1)
                    self.answer(daemon, json.loads(one))
        except (BrokenPipeError, ConnectionResetError, OSError):
            pass


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 16


def start(socket_path, daemon):
    daemon.closing = False
    if os.path.exists(socket_path):
        os.unlink(socket_path)
    server = Server(socket_path, Handler)
    server.daemon = daemon
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


def stop(server):
    server.daemon.closing = True
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    fake = Daemon(sys.argv[2] if len(sys.argv) > 2 else "clear")
    start(sys.argv[1], fake)
    for count in range(4, 1000000):
        time.sleep(3)
        fake.live.append({"seq": count, "cursor": "c%d" % count,
                          "event": event(count, message="event number %d" % count)})
