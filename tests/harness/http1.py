# SPDX-License-Identifier: GPL-2.0-or-later
"""http1.py - a strict HTTP/1.1 client of a few lines: sends exactly the bytes it is given and reads
answers without forgiving anything (RFC 9112). Not a general client: no redirects, no reuse.
"""

import re
import socket

from poll import PATIENCE

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) ([\t \x21-\x7e]*)\Z")
FIELD = re.compile(rb"(" + TOKEN + rb"):[ \t]*([\x21-\x7e](?:[\t \x21-\x7e]*[\x21-\x7e])?)?[ \t]*\Z")


class Bad(Exception):
    """The peer broke the protocol."""


class Response:
    def __init__(self, status, reason, fields):
        self.status, self.reason, self.fields = status, reason, fields
        self.body = b""

    def all(self, name):
        return [v for n, v in self.fields if n == name.lower()]

    def get(self, name):
        """The field's only value, None without one; twice is an error."""
        values = self.all(name)
        if len(values) > 1:
            raise Bad(f"field {name} came {len(values)} times")
        return values[0] if values else None


def parse_head(head):
    """Bytes up to and without the empty line -> Response without a body."""
    lines = head.split(b"\r\n")
    if b"\r" in head.replace(b"\r\n", b"") or b"\n" in head.replace(b"\r\n", b""):
        raise Bad(f"bare CR or LF in {head[:300]!r}")
    m = STATUS_LINE.match(lines[0])
    if not m:
        raise Bad(f"status line {lines[0]!r} of {head[:300]!r}")
    fields = []
    for line in lines[1:]:
        f = FIELD.match(line)
        if not f:
            raise Bad(f"field line {line!r}")
        fields.append((f.group(1).decode().lower(), (f.group(2) or b"").decode()))
    return Response(int(m.group(1)), m.group(2).decode(), fields)


class Connection:
    """A TCP connection made in a namespace. Reads fail after `timeout` seconds."""

    def __init__(self, ns, host, port, source=None, timeout=PATIENCE):
        with ns:
            self.sock = socket.create_connection(
                (host, port), timeout=timeout, source_address=(source, 0) if source else None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf = b""
        self.eof = False
        self.reset = False

    def send(self, data):
        try:
            self.sock.sendall(data)
        except (ConnectionResetError, BrokenPipeError):
            self.reset = True

    def _more(self):
        if self.eof:
            return False
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            self.reset = self.eof = True
            return False
        if not data:
            self.eof = True
        self.buf += data
        return bool(data)

    def _take(self, n):
        while len(self.buf) < n:
            if not self._more():
                raise Bad(f"ended after {len(self.buf)} of {n} bytes")
        data, self.buf = self.buf[:n], self.buf[n:]
        return data

    def _line(self):
        while b"\r\n" not in self.buf:
            if not self._more():
                raise Bad("ended inside a line")
        line, self.buf = self.buf.split(b"\r\n", 1)
        return line

    def _chunked(self):
        body = b""
        while True:
            line = self._line()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", line):
                raise Bad(f"chunk size {line!r}")
            size = int(line, 16)
            if size == 0:
                if self._line() != b"":
                    raise Bad("trailers")
                return body
            body += self._take(size)
            if self._take(2) != b"\r\n":
                raise Bad("no CRLF after a chunk")

    def response(self, method="GET"):
        """Reads one final response; None when the connection ends instead."""
        while b"\r\n\r\n" not in self.buf:
            if not self._more():
                if self.buf:
                    raise Bad(f"ended inside a head: {self.buf[:200]!r}")
                return None
        head, self.buf = self.buf.split(b"\r\n\r\n", 1)
        r = parse_head(head)
        if r.status < 200:
            return self.response(method)
        if method == "HEAD" or r.status in (204, 304):
            return r
        coding, length = r.get("transfer-encoding"), r.get("content-length")
        if coding is not None:
            if coding != "chunked" or length is not None:
                raise Bad(f"framing {coding!r} with length {length!r}")
            r.body = self._chunked()
        elif length is not None:
            if not re.fullmatch(r"[0-9]+", length):
                raise Bad(f"Content-Length {length!r}")
            r.body = self._take(int(length))
        else:
            r.body = self.rest()
        return r

    def responses(self, methods):
        """One response for each method, fewer when the connection ends."""
        out = []
        for method in methods:
            r = self.response(method)
            if r is None:
                break
            out.append(r)
        return out

    def rest(self):
        """Everything until the connection ends."""
        while self._more():
            pass
        data, self.buf = self.buf, b""
        return data

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def request(target, method="GET", host="shop.test", fields=(), body=None):
    """The bytes of one request."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *fields]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + (body or b"")
