#!/usr/bin/env python3
"""Names: targets without an address are found by name, and a name that says
something else is told, and never followed out of the allow list."""
import time

import kplab
from kplab import Capture, Daemon, VarlinkError, wait_for

SERVERS = ("tld-ns1", "tld-ns2", "cust-ns1", "cust-ns2")
WEB = {"probes": ["web", "ping"]}


class Names(kplab.Case):
    def setUp(self):
        self.hosts = dict(self.lab.v4)
        self.addCleanup(self.lab.verb, "heal")

    def conf(self, targets, allow=("198.18.176.0/24",), **more):
        return kplab.conf(targets, allow=list(allow), paths={},
                          **{"resolve-at": [self.hosts[name] for name in SERVERS], **more})

    def addressed(self, daemon, name, address, sent=3):
        """Until a target has this address and is answered there."""
        def check():
            target = daemon.target(name)
            self.assertEqual(target["address"], address)
            self.assertGreater(target["probes"][0]["answered"], sent)
            self.assertEqual(target["probes"][0]["result"], "answered")
            return target
        return wait_for(check, f"{name} at {address}")

    def mismatches(self, daemon, since=None):
        return [(e["kp"]["target"]["name"], e["kp"]["dns"]["expected"], e["kp"]["dns"]["found"])
                for e in daemon.events("dns.mismatch", since=since)]

    def hijacked(self, daemon, name, address):
        """The name now says so, and the daemon is made to ask again."""
        self.lab.verb("hijack", name, address)
        daemon.ctl("reload")

    def test_found_by_name(self):
        targets = [{"name": "mfa", "host": "mfa.gov.kp", **WEB},
                   {"name": "naenara", "host": "naenara.com.kp", **WEB},
                   {"name": "kcna", "host": "kcna.kp", "address": self.hosts["kcna"], **WEB},
                   {"name": "nobody", "host": "no-such-name.gov.kp", **WEB}]
        with Daemon(self.lab, self.conf(targets)) as daemon:
            for name in ("mfa", "naenara", "kcna"):
                self.addressed(daemon, name, self.hosts[name])
            nobody = daemon.target("nobody")
            self.assertIsNone(nobody["address"])
            self.assertEqual(nobody["state"], "unknown")
            self.assertEqual([p["sent"] for p in nobody["probes"]], [0, 0])
            with self.assertRaises(VarlinkError) as caught:
                daemon.call("Probe", target="nobody")
            self.assertEqual(caught.exception.error, "org.kpwatchd.Monitor.Refused")
            self.assertEqual(self.mismatches(daemon), [])
            # No name server answers: what was found last stays, though asked again.
            with self.lab.fault(*(f"stop {name} --freeze" for name in SERVERS)):
                daemon.ctl("reload")
                sent = self.addressed(daemon, "mfa", self.hosts["mfa"])["probes"][0]["answered"]
                self.addressed(daemon, "mfa", self.hosts["mfa"], sent + 5)

    def test_by_either_family(self):
        """The family follows from what may be asked."""
        for allow, addresses in ((("198.18.176.0/24",), self.lab.v4),
                                 (("2001:2:0:176::/64",), self.lab.v6)):
            targets = [{"name": "mfa", "host": "mfa.gov.kp", **WEB}]
            with Daemon(self.lab, kplab.conf(
                    targets, allow=list(allow), paths={},
                    **{"resolve-at": [addresses["tld-ns1"], addresses["cust-ns1"]]})) as daemon:
                self.addressed(daemon, "mfa", addresses["mfa"])

    def test_pinned_name_lies(self):
        """It is told once, and the configured address asked all the same."""
        six = self.lab.v6["vok"]
        targets = [{"name": "vok", "host": "vok.rep.kp", "address": self.hosts["vok"], **WEB},
                   {"name": "vok-v6", "host": "vok.rep.kp", "address": six, **WEB}]
        text = self.conf(targets, ("198.18.176.0/24", "2001:2:0:176::/64"))
        with Daemon(self.lab, text) as daemon:
            self.addressed(daemon, "vok", self.hosts["vok"])
            self.hijacked(daemon, "vok.rep.kp", "198.19.9.9")
            wanted = [("vok", self.hosts["vok"])]
            wait_for(lambda: [m[:2] for m in self.mismatches(daemon)] == wanted, "it is told")
            self.assertIn("198.19.9.9", self.mismatches(daemon)[0][2])
            event = daemon.events("dns.mismatch")[0]
            self.assertEqual(event["event"]["kind"], "alert")
            self.assertEqual(event["log"]["level"], "warning")
            sent = daemon.probe("vok", "web")["answered"]
            daemon.ctl("reload")
            self.addressed(daemon, "vok", self.hosts["vok"], sent + 8)
            self.assertEqual(daemon.target("vok")["state"], "up")
            self.assertEqual([m[:2] for m in self.mismatches(daemon)], wanted)
            self.hijacked(daemon, "vok.rep.kp", "2001:2:0:99::1")
            wanted.append(("vok-v6", six))
            wait_for(lambda: [m[:2] for m in self.mismatches(daemon)] == wanted, "it is told")
            # Right again, and wrong again, is news.
            self.lab.verb("heal")
            daemon.ctl("reload")
            self.addressed(daemon, "vok", self.hosts["vok"],
                           daemon.probe("vok", "web")["answered"] + 5)
            self.hijacked(daemon, "vok.rep.kp", "198.19.9.9")
            wanted.append(wanted[0])
            wait_for(lambda: [m[:2] for m in self.mismatches(daemon)] == wanted, "it is told again")

    def test_referral(self):
        """A name whose zone is not with the first servers asked, but with others."""
        targets = [{"name": "kcna", "host": "kcna.kp", **WEB},
                   {"name": "rodong", "host": "rodong.rep.kp", **WEB}]
        with Daemon(self.lab, self.conf(targets)) as daemon:
            self.addressed(daemon, "kcna", self.hosts["kcna"])
            self.addressed(daemon, "rodong", self.hosts["rodong"])
            self.assertEqual(self.mismatches(daemon), [])

    def test_name_leads_out(self):
        """Outside the allow list: unknown, told, and not one packet goes there."""
        outside = self.hosts["ttk-10"]  # exists, and would answer
        targets = [{"name": "mfa", "host": "mfa.gov.kp", **WEB},
                   {"name": "kcna", "address": self.hosts["kcna"], **WEB}]
        with Daemon(self.lab, self.conf(targets)) as daemon, Capture(self.lab, "ip") as capture:
            self.addressed(daemon, "mfa", self.hosts["mfa"], 12)
            wait_for(lambda: daemon.target("mfa")["state"] == "up", "up")
            told = time.time()
            self.hijacked(daemon, "mfa.gov.kp", outside)
            wait_for(lambda: daemon.target("mfa")["state"] == "unknown", "unknown")
            self.assertIsNone(daemon.target("mfa")["address"])
            self.assertGreater(kplab.stamp(daemon.target("mfa")["since"]), told - 0.05)
            [(name, expected, found)] = self.mismatches(daemon)
            self.assertEqual((name, expected), ("mfa", None))
            self.assertIn(outside, found)
            state = daemon.events("target.state")[-1]["kp"]
            self.assertEqual(state["target"]["name"], "mfa")
            self.assertEqual((state["state"]["from"], state["state"]["to"]), ("up", "unknown"))
            daemon.ctl("probe", "mfa", code=1)
            silent = time.time()
            sent = [p["sent"] for p in daemon.target("mfa")["probes"]]
            others = daemon.probe("kcna", "web")["sent"]
            for _ in range(3):
                daemon.ctl("reload")
                others += 5
                wait_for(lambda: daemon.probe("kcna", "web")["sent"] > others, "kcna is asked")
            self.assertEqual([p["sent"] for p in daemon.target("mfa")["probes"]], sent)
            self.assertEqual(len(self.mismatches(daemon)), 1)
            quiet = time.time()
            self.lab.verb("heal")
            daemon.ctl("reload")
            self.addressed(daemon, "mfa", self.hosts["mfa"], sent[0] + 5)
            wait_for(lambda: daemon.target("mfa")["state"] == "up", "up")
        sent = [p for p in capture.packets if p.out]
        self.assertGreater(len(sent), 50)
        self.assertEqual([p for p in sent if p.dst == outside], [])
        self.assertEqual([p for p in sent if p.dst == self.hosts["mfa"]
                          and silent + 0.2 < p.time < quiet], [])

    def test_move_inside(self):
        """A name may move to another allowed address; that one is asked from then on."""
        targets = [{"name": "mfa", "host": "mfa.gov.kp", **WEB}]
        with Daemon(self.lab, self.conf(targets)) as daemon, Capture(self.lab, "ip") as capture:
            self.addressed(daemon, "mfa", self.hosts["mfa"])
            answered = daemon.probe("mfa", "web")["answered"]
            self.hijacked(daemon, "mfa.gov.kp", self.hosts["vok"])
            self.addressed(daemon, "mfa", self.hosts["vok"], answered + 5)
            moved = time.time()
            wait_for(lambda: daemon.probe("mfa", "web")["answered"] > answered + 12, "more answers")
            self.assertEqual(self.mismatches(daemon), [])
        self.assertEqual([p for p in capture.packets if p.out and p.time > moved
                          and p.dst == self.hosts["mfa"] and p.flags != kplab.RST], [])

    def test_pinned_by_hand(self):
        """The way out of a hijack: an address in the configuration, with or without
        the name, is asked at once, whatever the name says."""
        for host in ({"host": "mfa.gov.kp"}, {}):
            targets = [{"name": "mfa", "host": "mfa.gov.kp", **WEB}]
            with Daemon(self.lab, self.conf(targets)) as daemon:
                self.addressed(daemon, "mfa", self.hosts["mfa"])
                self.hijacked(daemon, "mfa.gov.kp", "198.19.9.9")
                wait_for(lambda: daemon.target("mfa")["address"] is None, "not followed")
                targets = [{"name": "mfa", "address": self.hosts["mfa"], **host, **WEB}]
                daemon.write(self.conf(targets))
                daemon.ctl("reload")
                self.addressed(daemon, "mfa", self.hosts["mfa"],
                               daemon.probe("mfa", "web")["answered"] + 3)
            self.lab.verb("heal")

    def test_allow_list_shrinks(self):
        """A found address that is no longer allowed is left alone."""
        targets = [{"name": "mfa", "host": "mfa.gov.kp", **WEB}]
        with Daemon(self.lab, self.conf(targets)) as daemon, Capture(self.lab, "ip") as capture:
            self.addressed(daemon, "mfa", self.hosts["mfa"])
            servers = [self.hosts[name] + "/32" for name in SERVERS]
            daemon.write(self.conf(targets, servers))
            daemon.ctl("reload")
            shrunk = time.time()
            wait_for(lambda: [m[0] for m in self.mismatches(daemon)] == ["mfa"], "it is told")
            target = daemon.target("mfa")
            self.assertEqual((target["state"], target["address"]), ("unknown", None))
            with self.assertRaises(VarlinkError):
                daemon.call("Probe", target="mfa")
            daemon.write(self.conf(targets))
            widened = time.time()
            daemon.ctl("reload")
            self.addressed(daemon, "mfa", self.hosts["mfa"], target["probes"][0]["answered"] + 3)
        self.assertEqual([p for p in capture.packets if p.out and p.dst == self.hosts["mfa"]
                          and shrunk + 0.2 < p.time < widened], [])


if __name__ == "__main__":
    kplab.main()
