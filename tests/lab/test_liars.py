#!/usr/bin/env python3
"""Name servers that lie, drip, loop or say nothing: each is told for what it is, and a
time-out is kept.  Every behaviour has a server with an address of its own."""
import json
import os

import kplab
from kplab import Daemon, wait_for

SERVER = r"""
import select, socket, struct, sys

def name_end(q):
    at = 12
    while q[at]:
        at += 1 + q[at]
    return at + 5
def head(q, flags=0x8400, qd=1, an=0, ns=0, ar=0, number=None):
    return struct.pack("!HHHHHH", int.from_bytes(q[:2], "big") if number is None else number, flags, qd, an, ns, ar)
def question(q):
    return q[12:name_end(q)]
SOA = b"\x01a\x00\x01b\x00" + struct.pack("!IIIII", 7, 1, 2, 3, 4)
def rr(owner=b"\xc0\x0c", kind=6, cls=1, ttl=60, data=SOA, length=None):
    return owner + struct.pack("!HHIH", kind, cls, ttl, len(data) if length is None else length) + data
def whole(q, **h):
    return head(q, **{"an": 1, **h}) + question(q) + rr()
def other_question(q, **change):
    x = bytearray(question(q))
    for at, value in change.items():
        x[int(at[1:])] = value
    return head(q, an=1) + bytes(x) + rr()
loop = lambda q, owner: head(q, an=1) + question(q) + rr(owner)

# behaviour: (wanted result, the datagrams that answer a query)
UDP = {
  "right": ("answered", lambda q: [whole(q)]),
  "twice": ("answered", lambda q: [whole(q)] * 2),
  "many-copies": ("answered", lambda q: [whole(q)] * 50),
  "empty-then-right": ("answered", lambda q: [b"", whole(q)]),
  "junk-then-right": ("answered", lambda q: [b"\xff" * 40, whole(q)]),
  "wrong-id-then-right": ("answered", lambda q: [bytes([q[0] ^ 1]) + whole(q)[1:], whole(q)]),
  "truncated-flag": ("answered", lambda q: [whole(q, flags=0x8600)]),
  "no-records": ("answered", lambda q: [head(q) + question(q)]),
  "no-such-name": ("answered", lambda q: [head(q, 0x8403) + question(q)]),
  "not-authoritative": ("answered", lambda q: [whole(q, flags=0x8000)]),
  "recursion-said": ("answered", lambda q: [whole(q, flags=0x8580)]),
  "servfail": ("refused", lambda q: [head(q, 0x8002) + question(q)]),
  "refused": ("refused", lambda q: [head(q, 0x8005) + question(q)]),
  "servfail-bare": ("timeout", lambda q: [head(q, 0x8002, qd=0)]),
  "silent": ("timeout", lambda q: []),
  "empty": ("timeout", lambda q: [b""]),
  "one-byte": ("timeout", lambda q: [q[:1]]),
  "header-cut": ("timeout", lambda q: [whole(q)[:11]]),
  "header-only": ("timeout", lambda q: [head(q)]),
  "question-cut": ("timeout", lambda q: [whole(q)[:14]]),
  "no-question": ("timeout", lambda q: [head(q, qd=0, an=1) + rr(b"\x00")]),
  "two-questions": ("timeout", lambda q: [head(q, qd=2) + question(q) * 2]),
  "many-questions": ("timeout", lambda q: [head(q, qd=65535) + question(q)]),
  "query-back": ("timeout", lambda q: [q]),
  "wrong-id": ("timeout", lambda q: [bytes([q[0] ^ 1]) + whole(q)[1:]]),
  "next-id": ("timeout", lambda q: [head(q, an=1, number=(int.from_bytes(q[:2], "big") + 1) % 65536) + question(q) + rr()]),
  "id-zero": ("timeout", lambda q: [b"\0\0" + whole(q)[2:]]),
  "wrong-case": ("timeout", lambda q: [head(q, an=1) + question(q).swapcase() + rr()]),
  "other-name": ("timeout", lambda q: [other_question(q, _1=ord("x"))]),
  "other-type": ("timeout", lambda q: [other_question(q, _5=1)]),
  "other-class": ("timeout", lambda q: [other_question(q, _7=3)]),
  "longer-name": ("timeout", lambda q: [head(q, an=1) + b"\x01x" + question(q) + rr()]),
  "pointer-question": ("timeout", lambda q: [head(q, an=1) + b"\xc0\x0c" + question(q)[-4:] + rr()]),
  "opcode-status": ("timeout", lambda q: [whole(q, flags=0x9400)]),
  "opcode-update": ("timeout", lambda q: [whole(q, flags=0xac00)]),
  "all-ones": ("timeout", lambda q: [b"\xff" * 512]),
  "zeros": ("timeout", lambda q: [b"\0" * 512]),
  "other-port": ("timeout", None),
  # The question is proven, so it is an answer, whatever its records are worth.
  "pointer-to-itself": ("answered", lambda q: [loop(q, struct.pack("!H", 0xc000 + name_end(q)))]),
  "pointer-forward": ("answered", lambda q: [loop(q, b"\xc0\xff")]),
  "pointer-beyond": ("answered", lambda q: [loop(q, b"\xff\xff")]),
  "pointer-loop": ("answered", lambda q: [loop(q, b"\x01a" + struct.pack("!H", 0xc000 + name_end(q)))]),
  "long-name": ("answered", lambda q: [loop(q, b"\x3f" + b"a" * 63 + (b"\x3f" + b"b" * 63) * 5 + b"\0")]),
  "label-type": ("answered", lambda q: [loop(q, b"\x80abc\0")]),
  "record-cut": ("answered", lambda q: [whole(q)[:-9]]),
  "length-too-long": ("answered", lambda q: [head(q, an=1) + question(q) + rr(length=65535)]),
  "length-too-short": ("answered", lambda q: [head(q, an=1) + question(q) + rr(length=3)]),
  "count-lies": ("answered", lambda q: [head(q, an=65535) + question(q) + rr()]),
  "many-records": ("answered", lambda q: [head(q, an=40) + question(q) + rr() * 40]),
  "trailing-junk": ("answered", lambda q: [whole(q) + b"\xff" * 300]),
  "ttl-huge": ("answered", lambda q: [head(q, an=1) + question(q) + rr(ttl=0xffffffff)]),
}
# The same over TCP: (wanted result, the pieces that are written)
TCP = {
  "t-right": ("answered", lambda q, w: [w]),
  "t-drip": ("answered", lambda q, w: [bytes([b]) for b in w]),
  "t-in-two": ("answered", lambda q, w: [w[:1], w[1:]]),
  "t-two-answers": ("answered", lambda q, w: [w + w]),
  "t-silent": ("timeout", lambda q, w: []),
  "t-length-only": ("timeout", lambda q, w: [w[:2]]),
  "t-half": ("timeout", lambda q, w: [w[:20]]),
  "t-length-zero": ("timeout", lambda q, w: [b"\0\0"]),
  "t-length-huge": ("timeout", lambda q, w: [b"\xff\xff" + w[2:]]),
  "t-http": ("timeout", lambda q, w: [b"HTTP/1.1 400 Bad Request\r\n\r\n"]),
  "t-wrong-id": ("timeout", lambda q, w: [w[:2] + bytes([q[0] ^ 1]) + w[3:]]),
  "t-endless-drip": ("timeout", lambda q, w: [b"\x01\x00"] + [b"\0"] * 3),
  "t-hangs-up": ("refused", None),
}

def main(addresses):
    watched = {}
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for name, address in addresses.items():
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if name in TCP else socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, 53))
        if name in TCP:
            s.listen(50)
        watched[s] = (name, address)
    poll = select.poll()
    by_fd = {s.fileno(): s for s in watched}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    print("ready", flush=True)
    while True:
        for fd, _ in poll.poll():
            s = by_fd[fd]
            name, address = watched[s]
            if name in UDP:
                q, peer = s.recvfrom(512)
                if name == "other-port":
                    other.sendto(whole(q), peer)
                else:
                    for datagram in UDP[name][1](q):
                        s.sendto(datagram, peer)
            elif address is not None:
                peer = s.accept()[0]
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                by_fd[peer.fileno()] = peer
                watched[peer] = (name, None)
                poll.register(peer.fileno(), select.POLLIN)
            else:
                try:
                    q = s.recv(600)[2:]
                except OSError:
                    q = b""
                if q and TCP[name][1]:
                    answer = whole(q)
                    for piece in TCP[name][1](q, struct.pack("!H", len(answer)) + answer):
                        s.send(piece)
                else:
                    poll.unregister(fd)
                    del by_fd[fd], watched[s]
                    s.close()

if __name__ == "__main__":
    import json
    main(json.loads(sys.argv[1]))
"""
TIMEOUT = 0.6  # seconds


class Liars(kplab.Case):
    def setUp(self):
        scope = {"__name__": "server"}
        exec(SERVER, scope)  # pylint: disable=exec-used
        self.udp, self.tcp = scope["UDP"], scope["TCP"]
        self.addresses = {name: f"198.18.176.{100 + i}" for i, name in enumerate({**self.udp, **self.tcp})}
        for address in self.addresses.values():
            self.lab.exec("web-91", "ip", "address", "replace", address + "/24", "dev", "gw")

    def conf(self):
        return kplab.conf(
            [{"name": name, "address": address, "probes": ["soa-by-tcp" if name in self.tcp else "soa"]}
             for name, address in self.addresses.items()],
            paths={}, defaults={"interval": "400ms", "timeout": f"{int(TIMEOUT * 1000)}ms"})

    def test_each(self):
        server = ("python3", "-c", SERVER, json.dumps(self.addresses))
        with self.lab.run("web-91", *server) as process, Daemon(self.lab, self.conf()) as daemon:
            self.assertEqual(process.stdout.readline(), "ready\n")
            restart = {name: t["probes"][0]["sent"] for name, t in daemon.targets().items()}
            wait_for(lambda: all(t["probes"][0]["sent"] > restart[name] + 6
                                 for name, t in daemon.targets().items()), "all are asked", 40)
            results = {name: t["probes"][0]["result"] for name, t in daemon.targets().items()}
            wanted = {name: result for name, (result, _) in {**self.udp, **self.tcp}.items()}
            self.assertEqual(results, wanted)
            print(f"{len(wanted)} behaviours", flush=True)
            self.time_outs(daemon)

    def time_outs(self, daemon):
        """How exactly they were kept, from the records."""
        text = daemon.ctl("export", "--since", "1h").out
        records = [json.loads(line) for line in text.splitlines()]
        late = sorted(r["done"] - r["t"] - TIMEOUT for r in records
                      if r["kind"] == "probe" and r["result"] == "timeout" and "done" in r)
        self.assertGreater(len(late), 50)
        self.assertGreater(late[0], -0.001)
        print(f"{len(late)} time-outs: median {late[len(late) // 2] * 1000:+.1f} ms, 99th percentile "
              f"{late[len(late) * 99 // 100] * 1000:+.1f} ms, latest {late[-1] * 1000:+.1f} ms")
        if os.environ.get("KP_LONG"):
            self.assertLess(late[len(late) * 99 // 100], 0.05)


if __name__ == "__main__":
    kplab.main()
