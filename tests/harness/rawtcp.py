# SPDX-License-Identifier: GPL-2.0-or-later
"""rawtcp.py - a TCP client that breaks the rules on purpose: every segment is written by hand on an
AF_PACKET socket, from an address nobody owns (ghost4), so that no kernel answers in its place.

IPv4 only. The server's side is a real kernel. For the adversary tests.
"""

import random
import socket
import struct
import time

from netns import SERVER4, Net
from poll import PATIENCE

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
MASK = 0xffffffff


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip_packet(source, destination, payload, fragment=0, more=False, ident=None, ttl=64):
    """fragment: offset in bytes."""
    flags = (0x2000 if more else 0) | fragment // 8
    if not fragment and not more:
        flags = 0x4000  # DF
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident or random.randrange(1, 65536), flags, ttl, 6,
                       0, socket.inet_aton(source), socket.inet_aton(destination))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


class Late(Exception):
    """The server did not do what was awaited in time."""


class Raw:
    """One flow. `sent` is the next sequence number of ours, `got` the next of theirs; both count from
    the real numbers. stream holds what the server sent, in order."""

    ports = random.sample(range(20000, 60000), 500)

    def __init__(self, net: Net, source, port=8080, host=SERVER4, window=65535, stamps=False):
        self.source, self.host, self.window = source, host, window
        self.sport, self.dport = Raw.ports.pop(), port
        with net.client:
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
            self.sock.bind(("cli0", 0))
        self.ether = bytes.fromhex(net.mac(net.server, "srv0").replace(":", "")) \
            + bytes.fromhex(net.mac(net.client, "cli0").replace(":", "")) + b"\x08\0"
        self.stamp = 1 << 30 if stamps else None  # our TSval, when timestamps are on
        self.echo = 0
        self.sent = random.randrange(1 << 32)
        self.got = self.acked = 0
        self.stream = b""
        self.ahead = {}
        self.fin = self.rst = False

    # --- segments out -----------------------------------------------------------------------------
    def segment(self, data=b"", flags=ACK, seq=None, ack=None, spoil=False, options=b"", urgent=0, stamp=None):
        """TCP bytes with a right checksum (spoil: a wrong one)."""
        seq = self.sent if seq is None else seq
        ack = self.got if ack is None else ack
        if self.stamp is not None:
            options += struct.pack("!HBBII", 0x0101, 8, 10, (self.stamp if stamp is None else stamp) & MASK, self.echo)
        offset = (20 + len(options)) // 4 << 4
        head = struct.pack("!HHIIBBHHH", self.sport, self.dport, seq & MASK, ack & MASK if flags & ACK else 0, offset,
                           flags, self.window, 0, urgent) + options
        pseudo = socket.inet_aton(self.source) + socket.inet_aton(self.host) + struct.pack("!BBH", 0, 6,
                                                                                           len(head) + len(data))
        value = checksum(pseudo + head + data)
        if spoil:
            value ^= 0x5555
        return head[:16] + struct.pack("!H", value) + head[18:] + data

    def put(self, data=b"", flags=ACK | PSH, **kw):
        """Sends a segment as told; our own numbers do not move."""
        self.sock.send(self.ether + ip_packet(self.source, self.host, self.segment(data, flags, **kw)))

    def put_fragments(self, data, size, flags=ACK | PSH, **kw):
        """The same segment in IP fragments of `size` bytes (a multiple of 8)."""
        whole, ident = self.segment(data, flags, **kw), random.randrange(1, 65536)
        for at in range(0, len(whole), size):
            part = whole[at:at + size]
            self.sock.send(self.ether + ip_packet(self.source, self.host, part, at, at + size < len(whole), ident))

    def send(self, data):
        """Sends data the ordinary way; the numbers move."""
        for at in range(0, len(data), 1400):
            part = data[at:at + 1400]
            self.put(part)
            self.sent = self.sent + len(part) & MASK

    def close(self):
        """Resets what is left of the flow."""
        if not self.rst:
            self.put(flags=RST | ACK)
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- segments in ------------------------------------------------------------------------------
    def receive(self, seconds):
        """Takes one segment of this flow: (flags, seq, ack, data), or None."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                frame, address = self.sock.recvfrom(70000)
            except TimeoutError:
                return None
            if address[2] == socket.PACKET_OUTGOING or len(frame) < 54 or frame[23] != 6:
                continue
            total = struct.unpack("!H", frame[16:18])[0]
            tcp = frame[14 + (frame[14] & 15) * 4:14 + total if total else None]
            sport, dport, seq, ack, offset, flags = struct.unpack("!HHIIBB", tcp[:14])
            if (sport, dport) == (self.dport, self.sport) and frame[30:34] == socket.inet_aton(self.source):
                head = (offset >> 4) * 4
                at = tcp[20:head].find(b"\x08\x0a")
                if self.stamp is not None and at >= 0:
                    self.echo = struct.unpack("!I", tcp[22 + at:26 + at])[0]
                return flags, seq, ack, tcp[head:]
        return None

    def take(self, seconds=0.5, acknowledge=True):
        """Takes one segment into the stream; False when none came."""
        segment = self.receive(seconds)
        if segment is None:
            return False
        flags, seq, ack, data = segment
        if flags & RST:
            self.rst = True
            return True
        if flags & ACK:
            self.acked = ack
        self.ahead[seq] = (data, bool(flags & FIN))
        while self.got in self.ahead and not self.fin:
            data, fin = self.ahead.pop(self.got)
            self.stream += data
            self.got = self.got + len(data) + fin & MASK
            self.fin = fin
            if not data and not fin:
                break
        if acknowledge and (data or self.fin):
            self.put(flags=ACK)
        return True

    def connect(self, with_data=b"", syn_data=b""):
        """The handshake. with_data rides on its last ACK, syn_data on the SYN."""
        self.put(syn_data, flags=SYN, options=b"\x02\x04\x05\xb4")
        self.sent = self.sent + 1 & MASK
        reply = self.receive(PATIENCE)
        if reply is None or reply[0] & (SYN | ACK) != SYN | ACK:
            raise Late(f"no SYN/ACK: {reply}")
        self.got = reply[1] + 1 & MASK
        self.acked = reply[2]
        self.put(with_data, flags=ACK | (PSH if with_data else 0))
        return self

    def until(self, condition, what, seconds=PATIENCE):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise Late(f"{what}; stream so far {self.stream[-300:]!r} fin {self.fin} rst {self.rst}")
            self.take(0.05)
        return self

    def until_acked(self, number=None):
        number = self.sent if number is None else number
        return self.until(lambda: (self.acked - number & MASK) < 1 << 31, "the server acknowledges our bytes")

    def until_end(self, seconds=PATIENCE):
        return self.until(lambda: self.fin or self.rst, "the connection ends", seconds)

    def statuses(self):
        """The status codes in the stream so far (the tests' bodies hold no status lines)."""
        return [int(part[:3]) for part in self.stream.split(b"HTTP/1.1 ")[1:]]

    def until_statuses(self, n, seconds=PATIENCE):
        self.until(lambda: len(self.statuses()) >= n or self.fin or self.rst, f"{n} answers", seconds)
        return self.statuses()

    def quiet(self, seconds):
        """Takes everything that comes until nothing has for a while."""
        while self.take(seconds):
            pass
        return self
