# SPDX-License-Identifier: GPL-2.0-or-later
"""h2client.py - HTTP/2 frame by frame (RFC 9113), for what well-behaved clients never send: header blocks are given
as pairs and written without compression (RFC 7541 section 6.2.2), so that anything can be in them. Called by tests.

    with H2(s, SERVER4, 8443, tls=True) as c:
        c.request(1, "/api/v1/x")
        c.answers(1)            # how many responses began before the connection ended
"""

import socket
import ssl
import struct

from poll import PATIENCE

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 1, 1, 4, 8, 32


def _integer(value, bits):
    """RFC 7541 section 5.1."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([value])
    out, value = [most], value - most
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


def _string(text):
    text = text.encode("latin-1") if isinstance(text, str) else text
    return _integer(len(text), 7) + text


def block(pairs, indexed=False):
    """A header block; indexed: each pair goes into the dynamic table."""
    return b"".join((b"\x40" if indexed else b"\x00") + _string(name) + _string(value) for name, value in pairs)


def head(path, method="GET", host="shop.test", fields=(), scheme="https"):
    return [(":method", method), (":scheme", scheme), (":path", path), (":authority", host), *fields]


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


class H2:
    def __init__(self, s, host, port, tls=False, source=None, timeout=PATIENCE):
        with s.client:
            raw = socket.create_connection((host, port), timeout, (source, 0) if source else None)
        if tls:
            context = ssl._create_unverified_context()  # pylint: disable=protected-access
            context.set_alpn_protocols(["h2"])
            raw = context.wrap_socket(raw, server_hostname="shop.test", suppress_ragged_eofs=False)
        self.sock, self.scheme, self.buffer, self.ended = raw, "https" if tls else "http", b"", None
        self.statuses, self.resets = {}, []  # by stream, ":status" where it is from the static table
        self.send(PREFACE + frame(SETTINGS, 0, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        """False: the connection had ended."""
        try:
            self.sock.sendall(data)
            return True
        except OSError as e:
            self.ended = self.ended or repr(e)
            return False

    def request_bytes(self, stream, path, fields=(), flags=END_STREAM, **kw):
        pairs = head(path, fields=fields, scheme=self.scheme, **kw)
        return frame(HEADERS, flags | END_HEADERS, stream, block(pairs))

    def request(self, stream, path, **kw):
        return self.send(self.request_bytes(stream, path, **kw))

    def _frame(self):
        while len(self.buffer) < 9 or len(self.buffer) < 9 + int.from_bytes(self.buffer[:3], "big"):
            more = self.sock.recv(65536)
            if not more:
                raise ConnectionResetError("closed")
            self.buffer += more
        n = int.from_bytes(self.buffer[:3], "big")
        kind, flags, stream = self.buffer[3], self.buffer[4], int.from_bytes(self.buffer[5:9], "big") & 0x7fffffff
        payload, self.buffer = self.buffer[9:9 + n], self.buffer[9 + n:]
        return kind, flags, stream, payload

    def _take(self):
        kind, flags, stream, payload = self._frame()
        if kind == HEADERS and stream not in self.statuses:
            # 0x20..0x3f before it: the table's size changes (RFC 7541 section 6.3)
            while payload and payload[0] & 0xe0 == 0x20:
                payload = payload[1:]
            known = {0x88: 200, 0x89: 204, 0x8b: 304, 0x8c: 400, 0x8d: 404, 0x8e: 500}
            self.statuses[stream] = known.get(payload[0], 0) if payload else 0
        elif kind == SETTINGS and not flags & ACK:
            self.send(frame(SETTINGS, ACK, 0))
        elif kind == RST_STREAM:
            self.resets.append(stream)
        elif kind == GOAWAY:
            self.ended = self.ended or "goaway"

    def answers(self, n=1 << 30, timeout=PATIENCE):
        """Reads until n streams were answered or reset, the connection ended, or nothing came for `timeout` s.
        How many were answered."""
        self.sock.settimeout(timeout)
        try:
            while len(self.statuses) + len(self.resets) < n:
                self._take()
        except TimeoutError:
            pass
        except (OSError, ssl.SSLError) as e:
            self.ended = self.ended or repr(e)
        return len(self.statuses)
