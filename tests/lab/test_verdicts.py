#!/usr/bin/env python3
"""Which thing failed: the verdicts, one incident each, with the real daemon."""
import json
import os
import time

import kplab
from kplab import Daemon, stamp, wait_for

OPEN = ("confirmed", "recovering")


class Verdicts(kplab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.daemon = cls.enterClassContext(Daemon(cls.lab, start=False))
        cls.daemon.write(kplab.lab_yaml(
            cls.daemon.socket, trace={"interval": "5s", "max-hops": 32},
            verdict={"false-alarms": "1/1h", "recover-after": "5s"}))
        cls.daemon.start()

    def setUp(self):
        self.daemon.wait_clear(60)
        wait_for(lambda: {p["edge_state"] for p in self.daemon.status()["paths"]} == {"up"},
                 "both edges answer", 60)
        self.known = {i["id"] for i in self.incidents()}
        self.began = time.time()

    def incidents(self, **more):
        return self.daemon.call("ListIncidents", **more)["incidents"]

    def new(self):
        return [i for i in self.incidents() if i["id"] not in self.known]

    def settles(self, wanted, where, timeout=60):
        """Until exactly one new incident is open, of this class; all it was before is kept."""
        def check():
            open_ones = [i for i in self.new() if i["phase"] in OPEN]
            assert [i["class"] for i in open_ones] == [wanted], self.new()
            assert open_ones[0]["where"] == where, open_ones[0]
            return open_ones[0]
        incident = wait_for(check, f"{wanted} at {where}", timeout)
        self.assertEqual(self.daemon.status()["verdict"], wanted)
        self.assertIn(incident["confidence"], ("medium", "high"))
        self.assertGreater(stamp(incident["began"]), self.began - 3)
        self.assertTrue(incident["evidence"])
        allowed = {"unknown", wanted}
        self.assertLessEqual({c["class"] for c in incident["class_history"]}, allowed)
        return incident

    def closes(self, incident, timeout=60):
        def check():
            now = next(i for i in self.incidents() if i["id"] == incident["id"])
            assert now["phase"] == "closed", now
            return now
        closed = wait_for(check, "it closes", timeout)
        self.assertGreater(stamp(closed["ended"]), stamp(closed["began"]))
        self.assertEqual(self.daemon.status()["verdict"], "clear")
        self.assertEqual([i["id"] for i in self.new()], [incident["id"]], "one incident")
        return closed

    def one(self, fault, wanted, where):
        with self.lab.fault(*fault):
            incident = self.settles(wanted, where)
        self.closes(incident)
        return incident

    def replays(self, incident):
        """Its exported evidence, judged again by nothing but kpwatchctl, says the same."""
        path = os.path.join(self.daemon.dir, "evidence.jsonl")
        code, text, err = self.daemon.ctl("export", str(incident["id"]))
        self.assertEqual((code, err), (0, ""))
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        code, text, err = self.daemon.ctl("replay", path, "-o", "jsonl")
        self.assertEqual((code, err), (0, ""))
        told = [json.loads(line)["kp"].get("incident") for line in text.splitlines()]
        again = [i for i in told if i and i["id"] == incident["id"]][-1]
        for key in ("uuid", "class", "phase", "where", "began", "confirmed", "ended", "targets",
                    "paths", "class_history"):
            self.assertEqual(again[key], incident[key], key)

    def test_a_path_cut_behind_its_last_visible_hop(self):
        incident = self.one(["cut china-unicom"], "path-outage", "china-unicom")
        self.replays(next(i for i in self.incidents() if i["id"] == incident["id"]))
        text = " ".join(e["text"] for e in incident["evidence"])
        self.assertIn("at or beyond the border", text)
        self.assertNotIn("internal", text)

    def test_the_other_path_cut_with_carrier(self):
        self.one(["cut transtelecom --carrier"], "path-outage", "transtelecom")

    def test_the_border_dead_with_edges_alive(self):
        # Fresh: soon after a transit outage this would be its relapse.
        self.daemon.stop()
        self.daemon.start()
        self.setUp()
        self.one(["blackhole border"], "country-outage", "all paths")

    def test_everything_silent_but_the_anchors(self):
        self.one(["transit-down"], "transit-outage", "before the edges")

    def test_our_own_uplink(self):
        self.one(["vantage-down"], "vantage-fault", "lab1")

    def test_name_servers_alone(self):
        self.one(["drop-udp53"], "dns-outage", "name servers")

    def test_hosts_and_services_beside_each_other(self):
        with self.lab.fault("host-down rodong --silent", "drop kcna 443", "drop-icmp",
                            "rst vok 443"):
            # ICMP that is filtered and a port that refuses are no outages; targets that
            # answer ICMP alone are silent for good, and each says so.
            only_icmp = {"rtr-178-129", "rtr-178-130"}
            def others():
                return [i for i in self.new() if i["where"] not in only_icmp]
            wait_for(lambda: sorted((i["class"], i["where"]) for i in others()
                                    if i["phase"] in OPEN) ==
                     [("host-outage", "rodong"), ("service-outage", "kcna-v6/tls"),
                      ("service-outage", "kcna/tls")], "one host and one service", 120)


if __name__ == "__main__":
    kplab.main()
