"""What the wire says of round trips: tcpdump at both ends of the cable (see rtt)."""
import os
import re
import signal
import socket
import struct
import subprocess

import bench

SNAP = 110  # bytes per captured packet: up to the proof in an ICMPv6 payload


class Capture:
    """tcpdump of what comes in at one end of the cable, from `with` to its end."""

    def __init__(self, namespace, device, path):
        self.namespace, self.device, self.path = namespace, device, path
        self.process = None
        self.dropped = 0

    def __enter__(self):
        # -B: KiB of buffer; -j host: the kernel's own stamp, as soon as it knows the packet.
        self.process = subprocess.Popen(
            bench.within(self.namespace, "tcpdump", "-i", self.device, "-Q", "in", "-n", "-Z",
                         "root", "-s", str(SNAP), "-B", "65536", "-j", "host",
                         "--time-stamp-precision=nano", "-w", self.path,
                         "icmp or icmp6 or tcp or udp"),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        bench.wait_for(lambda: os.path.exists(self.path), 10, "capture")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        try:
            said = self.process.communicate(timeout=30)[1]
        except subprocess.TimeoutExpired:
            self.process.kill()
            said = self.process.communicate()[1]
        found = re.search(r"^(\d+) packets? dropped by kernel", said, re.M)
        self.dropped = int(found.group(1)) if found else 0


def packets(path):
    """(nanoseconds, bytes from the IP header on) of each packet."""
    with open(path, "rb") as f:
        data = f.read()
    magic, = struct.unpack_from("<I", data)
    if magic != 0xA1B23C4D:
        raise bench.Failed("the capture is no pcap file with nanoseconds")
    at = 24
    while at + 16 <= len(data):
        seconds, nanos, length, _ = struct.unpack_from("<IIII", data, at)
        at += 16
        yield seconds * 10**9 + nanos, data[at + 14:at + length]  # 14: Ethernet
        at += length


def read_probe(p):
    """(is it the request, far address, what names the probe) of a packet; None: neither
    request nor reply.  Only our own packets come here: they are not distrusted."""
    v4 = p[0] >> 4 == 4
    protocol, source, target, body = ((p[9], p[12:16], p[16:20], p[(p[0] & 15) * 4:]) if v4
                                      else (p[6], p[8:24], p[24:40], p[40:]))
    if protocol in (1, 58):
        request = body[0] in (8, 128)
        if not request and body[0] not in (0, 129):
            return None
        name = ("icmp", body[4:8], body[12:24])  # identifier, sequence; serial, tag
    elif protocol == 6:
        near, far, seq, ack = struct.unpack_from(">HHII", body)
        request = body[13] & 0x12 == 0x02
        if request:
            name = ("tcp-syn", near, far, seq)
        elif ack:
            name = ("tcp-syn", far, near, (ack - 1) & 0xFFFFFFFF)
        else:
            return None  # the kernel's RST to a SYN/ACK
    elif protocol == 17:
        near, far = struct.unpack_from(">HH", body)
        request = far == 53
        name = ("dns", near if request else far, body[8:10])
    else:
        return None
    return request, target if request else source, name


def round_trips(far_end, near_end):
    """By far address: send times, and as long a list of round trips, both nanoseconds."""
    sent, found = {}, {}
    for at, packet in packets(far_end):
        read = read_probe(packet)
        if read and read[0]:
            sent[read[1:]] = at
    for at, packet in packets(near_end):
        read = read_probe(packet)
        if read and not read[0] and read[1:] in sent:
            left = sent.pop(read[1:])
            found.setdefault(read[1], []).append((left, at - left))
    return {far: sorted(pairs) for far, pairs in found.items()}


def packed(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
