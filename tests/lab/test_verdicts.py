#!/usr/bin/env python3
"""Which thing failed: the verdicts, one incident each, with the real daemon and real
routers.  Each scenario must reach its class and place, pass through no other class
that it was sure of, go through confirmed, recovering, closed, and stay polite.

One class of tests has one lab.  With KP_LAB_ALL set also those run that CI leaves out
(tests/lab/verdicts --all); with KP_LAB_TELL what is said is printed at once."""
import contextlib
import json
import os
import sys
import threading
import time
import unittest

import kplab
from kplab import Capture, Daemon, Varlink, stamp, wait_for

ALL = bool(os.environ.get("KP_LAB_ALL"))
TELL = bool(os.environ.get("KP_LAB_TELL"))
kplab.LONGEST = 1800 if ALL else 280
long_form = unittest.skipUnless(ALL, "only in tests/lab/verdicts --all")
OPEN = ("confirmed", "recovering")
SLOW = 150  # seconds that a busy machine may take for what takes it 30
ONLY_ICMP = {"rtr-178-129", "rtr-178-130"}


class Story:
    """What the daemon says of incidents and moves from now on."""

    def __init__(self, daemon):
        self.events = []
        self.link = Varlink(daemon.socket)
        self.link.send("Subscribe", {"kinds": ["incident", "path.move"]}, more=True)
        self.link.receive()  # the snapshot
        self.link.socket.settimeout(None)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with contextlib.suppress(OSError, ConnectionError, kplab.VarlinkError):
            while True:
                event = self.link.receive()["event"]
                self.events.append((event["event"]["action"], event["kp"]))
                if TELL:
                    print(event["@timestamp"], event["event"]["action"], event["message"],
                          file=sys.stderr)

    def close(self):
        with contextlib.suppress(OSError):  # closed before
            self.link.socket.shutdown(2)
        self.link.close()

    def incidents(self):
        return [kp["incident"] for action, kp in self.events if action.startswith("incident.")]

    def phases(self, number):
        """Of one incident, each as often as it was entered."""
        phases = [i["phase"] for i in self.incidents() if i["id"] == number]
        return [p for n, p in enumerate(phases) if n == 0 or p != phases[n - 1]]

    def moves(self):
        return [kp for action, kp in self.events if action == "path.move"]


class Scenarios(kplab.Case):
    birth = ()  # faults that were there before the daemon

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for words in cls.birth:
            cls.lab.verb(*words.split())

    def heal(self):
        self.healed = time.time()
        self.lab.verb("heal")
        for words in self.birth:
            self.lab.verb(*words.split())

    @contextlib.contextmanager
    def fault(self, *faults):
        try:
            for words in faults:
                self.lab.verb(*words.split())
            yield
        finally:
            self.heal()

    def setUp(self):
        """A daemon for each: soon after a related outage, one would be its relapse."""
        silent = {words.split()[1] for words in self.birth if words.startswith("silence-edge")}
        self.daemon = self.enterContext(Daemon(self.lab, start=False))
        # A path counts as back after 10 s: with longer to go it is seen recovering.
        self.daemon.write(kplab.lab_yaml(
            self.daemon.socket, trace={"interval": "10s", "max-hops": 16},
            verdict={"false-alarms": "1/1h", "recover-after": "15s"}))
        self.daemon.start()
        self.daemon.wait_clear(SLOW)
        wait_for(lambda: {p["name"] for p in self.daemon.status()["paths"]
                          if p["edge_state"] == "up"} | silent ==
                 {"china-unicom", "transtelecom"}, "the edges answer", SLOW)
        self.story = Story(self.daemon)
        self.addCleanup(self.story.close)
        self.began = time.time()

    def incidents(self):
        return self.daemon.call("ListIncidents")["incidents"]

    def settles(self, wanted, where):
        """Until exactly one new incident is open, of this class and sure of it."""
        def check():
            open_ones = [i for i in self.incidents() if i["phase"] in OPEN]
            assert [(i["class"], i["where"]) for i in open_ones] == [(wanted, where)], self.incidents()
            assert open_ones[0]["confidence"] in ("medium", "high"), open_ones
            return open_ones[0]
        incident = wait_for(check, f"{wanted} at {where}", SLOW)
        self.assertEqual(self.daemon.status()["verdict"], wanted)
        self.assertGreater(stamp(incident["began"]), self.began - 3)
        self.assertLess(stamp(incident["began"]), stamp(incident["confirmed"]))
        self.assertTrue(incident["evidence"])
        why = self.daemon.ctl("explain", str(incident["id"]), "--json")
        self.assertTrue(why["closes_when"])
        return incident

    def closes(self, incident):
        def check():
            now = next(i for i in self.incidents() if i["id"] == incident["id"])
            assert now["phase"] == "closed", now
            return now
        closed = wait_for(check, "it closes", SLOW)
        # The first answer was asked for when it healed, or just before.
        self.assertGreater(stamp(closed["ended"]), self.healed - 2.5)
        wait_for(lambda: self.story.phases(incident["id"])[-1:] == ["closed"], "that is told")
        self.assertEqual(self.daemon.status()["verdict"], "clear")
        self.replays(closed)
        return closed

    def sure_of_nothing_but(self, *wanted):
        """Whatever was said with confidence was (class, place) of these."""
        said = {(i["class"], i["where"]) for i in self.story.incidents()
                if i["confidence"] != "low" and i["class"] != "unknown"}
        self.assertLessEqual(said, set(wanted))

    def one(self, faults, wanted, where):
        with Capture(self.lab, "tcp or udp or icmp or icmp6 or ip6 proto 6") as capture:
            with self.fault(*faults):
                incident = self.settles(wanted, where)
            self.closes(incident)
        self.sure_of_nothing_but((wanted, where))
        self.assertEqual([i["id"] for i in self.incidents()], [incident["id"]], "one incident")
        self.assertEqual(self.story.phases(incident["id"]), ["confirmed", "recovering", "closed"])
        self.polite(capture)
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

    def all_replay(self):
        for incident in self.incidents():
            self.replays(incident)

    def polite(self, capture):
        """The limits of tests/lab/kpwatchd.yaml, over any 10 s: 100/s and 5/s to one
        address with bursts of 10.  A late process may send two seconds' worth at once."""
        kplab.assert_polite(self, capture.packets, total=100, each=5, burst=10)


class Paths(Scenarios):
    def test_china_cut_behind_its_last_visible_hop(self):
        incident = self.one(["cut china-unicom"], "path-outage", "china-unicom")
        text = " ".join(e["text"] for e in incident["evidence"])
        self.assertIn("at or beyond the border", text)
        self.assertNotIn("internal", text)

    def test_russia_cut_with_carrier(self):
        self.one(["cut transtelecom --carrier"], "path-outage", "transtelecom")

    @long_form
    def test_china_cut_with_carrier(self):
        self.one(["cut china-unicom --carrier"], "path-outage", "china-unicom")

    @long_form
    def test_russia_cut_without_carrier(self):
        self.one(["cut transtelecom"], "path-outage", "transtelecom")

    @long_form
    def test_china_cut_before_its_edge(self):
        self.one(["cut china-unicom --upstream"], "path-outage", "china-unicom")

    @long_form
    def test_a_fifth_of_everything_lost(self):
        """Loss is no outage."""
        with Capture(self.lab, "tcp or udp or icmp or icmp6 or ip6 proto 6") as capture, \
                self.fault("loss china-unicom 20%"):
            end = time.monotonic() + 60
            wait_for(lambda: time.monotonic() > end or
                     any(i["class"] == "degraded" for i in self.incidents()), "a minute", 120)
        self.daemon.wait_clear(SLOW)
        self.all_replay()
        self.sure_of_nothing_but(("degraded", "china-unicom"))
        self.polite(capture)


class Wide(Scenarios):
    def test_the_border_dead_with_edges_alive(self):
        self.one(["blackhole border"], "country-outage", "all paths")

    def test_the_border_and_edges_dead(self):
        self.one(["blackhole border-silent"], "transit-outage", "before the edges")

    @long_form
    def test_everything_silent_but_the_anchors(self):
        self.one(["transit-down"], "transit-outage", "before the edges")

    def test_our_own_uplink(self):
        self.one(["vantage-down"], "vantage-fault", "lab1")

    @long_form
    def test_both_paths_cut_one_after_the_other(self):
        with self.fault("cut china-unicom"):
            first = self.settles("path-outage", "china-unicom")
            self.lab.verb("cut", "transtelecom")
            now = self.settles("country-outage", "all paths")
            self.assertEqual(now["id"], first["id"], "one event is one incident")
        self.closes(now)
        self.assertEqual([c["class"] for c in now["class_history"]][-2:],
                         ["path-outage", "country-outage"])
        self.sure_of_nothing_but(("path-outage", "china-unicom"), ("country-outage", "all paths"))


class Names(Scenarios):
    SERVERS = ("tld-ns1", "tld-ns2", "cust-ns1", "cust-ns2")

    def test_udp_alone(self):
        self.one(["drop-udp53"], "dns-outage", "name servers")

    def test_all_stopped(self):
        self.one([f"stop {name}" for name in self.SERVERS], "dns-outage", "name servers")

    # Open: what a server answers late, when it goes on, counts as of when it was asked.
    @unittest.expectedFailure
    @long_form
    def test_all_frozen(self):
        self.one([f"stop {name} --freeze" for name in self.SERVERS], "dns-outage",
                 "name servers")


class Hosts(Scenarios):
    def test_a_host(self):
        self.one(["host-down rodong --silent"], "host-outage", "rodong")

    @long_form
    def test_a_host_said_to_be_unreachable(self):
        self.one(["host-down vok"], "host-outage", "vok")

    @long_form
    def test_a_port_that_is_silent(self):
        self.one(["drop maritime 443"], "service-outage", "maritime/tls")

    def test_side_by_side(self):
        """A dead port, ports that refuse, and ICMP that is filtered everywhere; those that
        answer ICMP alone are silent then, and each may say so."""
        with Capture(self.lab, "tcp or udp or icmp or icmp6 or ip6 proto 6") as capture, \
                self.fault("drop web-91 443", "drop-icmp", "rst shared-81 443"):
            def others():
                return [(i["class"], i["where"]) for i in self.incidents() if i["phase"] in OPEN
                        and i["where"] not in ONLY_ICMP]
            wait_for(lambda: others() == [("service-outage", "web-91/tls")], "a service", SLOW)
            wait_for(lambda: {self.daemon.probe(t, "ping")["state"] for t in
                              ("airkoryo", "ttk-gw")} == {"down"}, "ICMP is filtered", SLOW)
            self.assertEqual(others(), [("service-outage", "web-91/tls")])
            self.assertEqual(self.daemon.probe("shared-81", "tls")["result"], "refused")
            self.assertEqual(self.daemon.target("shared-81")["state"], "up")
        self.daemon.wait_clear(SLOW)
        self.all_replay()
        self.sure_of_nothing_but(("service-outage", "web-91/tls"),
                                 *(("host-outage", name) for name in ONLY_ICMP))
        self.polite(capture)


class Moving(Scenarios):
    """Real BGP: .178 has two paths, and its routers say which is in use."""

    def path_of(self, name):
        return self.daemon.target(name)["path"]

    def moved(self, path):
        return {self.path_of(f"rtr-178-{n}") for n in (129, 130, 161)} == {path}

    def test_withdrawn(self):
        with Capture(self.lab, "tcp or udp or icmp or icmp6 or ip6 proto 6") as capture, \
                self.fault("bgp"):
            wait_for(lambda: self.moved("transtelecom"), "by Russia as before")
            self.lab.verb("withdraw", "178", "transtelecom")
            wait_for(lambda: self.moved("china-unicom"), "a move to China", SLOW)
            wait_for(lambda: self.story.moves(), "that is told")
        wait_for(lambda: self.moved("transtelecom"), "back to Russia", SLOW)
        self.assertEqual(self.incidents(), [], "a move is no incident")
        self.polite(capture)

    # Open: now and then several host-outages instead of one path-outage.
    @long_form
    def test_moves_when_its_path_is_cut(self):
        """.178 is away for the hold time; .177 stays down, and that is one path."""
        with self.fault("bgp", "cut transtelecom"):
            incident = self.settles("path-outage", "transtelecom")
            wait_for(lambda: self.moved("china-unicom"), "a move to China", SLOW)
        self.closes(incident)
        self.sure_of_nothing_but(("path-outage", "transtelecom"))
        self.assertEqual([i["id"] for i in self.incidents()], [incident["id"]], "one incident")

    # Open: now and then host-outages of .178 first.
    @long_form
    def test_asymmetric_return(self):
        """Answers of .178 come by China: with it they are lost, and .177 carries on."""
        with self.fault("return 178 china-unicom"):
            self.daemon.wait_clear(SLOW)
            self.assertTrue(self.moved("transtelecom"))
            self.lab.verb("cut", "china-unicom")
            incident = self.settles("path-outage", "china-unicom")
        self.closes(incident)
        self.sure_of_nothing_but(("path-outage", "china-unicom"))
        self.assertEqual([i["id"] for i in self.incidents()], [incident["id"]], "one incident")


class SilentEdge(Scenarios):
    birth = ("silence-edge china-unicom",)

    def test_its_path_cut(self):
        self.one(["cut china-unicom"], "path-outage", "china-unicom")

    @long_form
    def test_all_behind_the_border(self):
        self.one(["blackhole border"], "country-outage", "all paths")


if __name__ == "__main__":
    kplab.main()
