# SPDX-License-Identifier: GPL-2.0-or-later
"""hello.py - ClientHellos and ServerHellos made byte by byte (RFC 8446 section 4.1, RFC 5246 section 7.4.1),
and JA4 of a hello's bytes, written from its specification and not from ours. Called by the tests of TLS.
"""

import hashlib
import os

V10, V11, V12, V13 = 0x0301, 0x0302, 0x0303, 0x0304
GREASE = [0x0A0A + 0x1010 * i for i in range(16)]
CIPHERS = [0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xC009, 0xC00A, 0xC013, 0xC014, 0x009C, 0x002F,
           0x0035]
SENTINEL12, SENTINEL11 = b"DOWNGRD\x01", b"DOWNGRD\x00"


def u8(n):
    return bytes([n])


def u16(n):
    return n.to_bytes(2, "big")


def vector(length_bytes, body):
    return len(body).to_bytes(length_bytes, "big") + body


def numbers(values):
    return b"".join(map(u16, values))


def extension(kind, body=b""):
    return u16(kind) + vector(2, body)


def records(message, sizes=None, version=V10, kind=22):
    """The message in records of these sizes (the last one takes the rest)."""
    out, rest = b"", message
    for size in (sizes or []):
        out, rest = out + u8(kind) + u16(version) + vector(2, rest[:size]), rest[size:]
    while rest:
        out, rest = out + u8(kind) + u16(version) + vector(2, rest[:16384]), rest[16384:]
    return out


def sni(name):
    return extension(0, vector(2, u8(0) + vector(2, name.encode())))


def alpn(*names):
    return extension(16, vector(2, b"".join(vector(1, n if isinstance(n, bytes) else n.encode()) for n in names)))


def versions(*values):
    return extension(43, vector(1, numbers(values)))


def groups(*values):
    return extension(10, vector(2, numbers(values)))


def signatures(*values):
    return extension(13, vector(2, numbers(values)))


def key_share(group=29, size=32):
    return extension(51, vector(2, u16(group) + vector(2, os.urandom(size))))


SIGNATURES = (0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)


def hello(legacy=V12, offered=(V13, V12), ciphers=None, extensions=None, session=b"", name="shop.test", padding=0,
          share=32, compression=b"\0"):
    """The bytes of a ClientHello message. extensions: all of them, instead of those of a usual client."""
    if extensions is None:
        extensions = [sni(name)] if name else []
        extensions += [groups(*([4588] if share > 1000 else []), 29, 23, 24), signatures(*SIGNATURES)]
        extensions += [alpn("h2", "http/1.1"), extension(23), extension(11, b"\1\0")]
        if offered:
            extensions += [versions(*offered), key_share(4588 if share > 1000 else 29, share), extension(45, b"\1\1")]
        if padding:
            extensions.append(extension(21, bytes(padding)))
    body = u16(legacy) + os.urandom(32) + vector(1, session) + vector(2, numbers(ciphers or CIPHERS))
    body += vector(1, compression)
    if extensions:
        body += vector(2, b"".join(extensions))
    return u8(1) + vector(3, body)


def server_hello(version, cipher=0xC02F, random=None, selected=None, session=b""):
    """A ServerHello message; selected: the version in supported_versions."""
    extensions = b""
    if selected:
        extensions = extension(43, u16(selected)) + extension(51, u16(29) + vector(2, os.urandom(32)))
    body = u16(version) + (random or os.urandom(32)) + vector(1, session) + u16(cipher) + b"\0"
    return u8(2) + vector(3, body + (vector(2, extensions) if extensions else b""))


# --- JA4 ----------------------------------------------------------------------------------------
class Reader:
    def __init__(self, data):
        self.data = data

    def take(self, n):
        out, self.data = self.data[:n], self.data[n:]
        assert len(out) == n
        return out

    def number(self, n):
        return int.from_bytes(self.take(n), "big")

    def vector(self, n):
        return self.take(self.number(n))


def pairs(data):
    return [int.from_bytes(data[i:i + 2], "big") for i in range(0, len(data), 2)]


def digest(values):
    return hashlib.sha256(values.encode()).hexdigest()[:12] if values else "0" * 12


def ja4(message):
    """JA4 of a ClientHello message (without record headers)."""
    r = Reader(message)
    assert r.number(1) == 1
    r = Reader(r.vector(3))
    version = r.number(2)
    r.take(32)
    r.vector(1)
    ciphers = [c for c in pairs(r.vector(2)) if c not in GREASE]
    r.vector(1)
    kinds, named, first, sigs = [], False, b"", []
    e = Reader(r.vector(2) if r.data else b"")
    while e.data:
        kind, body = e.number(2), e.vector(2)
        if kind in GREASE:
            continue
        kinds.append(kind)
        if kind == 0:
            named = True
        elif kind == 16:
            first = Reader(Reader(body).vector(2)).vector(1)
        elif kind == 13:
            sigs = [s for s in pairs(Reader(body).vector(2)) if s not in GREASE]
        elif kind == 43:
            version = max(v for v in [0] + pairs(Reader(body).vector(1)) if v not in GREASE)
    text = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2",
            0xFEFF: "d1", 0xFEFD: "d2", 0xFEFC: "d3"}.get(version, "00")
    ends = "00"
    if first:
        ends = chr(first[0]) + chr(first[-1])
        if not all(c.isascii() and c.isalnum() for c in ends):
            ends = first.hex()[0] + first.hex()[-1]
    a = f"t{text}{'d' if named else 'i'}{min(len(ciphers), 99):02}{min(len(kinds), 99):02}{ends}"
    b = digest(",".join(sorted(f"{c:04x}" for c in ciphers)))
    c = ",".join(sorted(f"{k:04x}" for k in kinds if k not in (0, 16)))
    if sigs:
        c += "_" + ",".join(f"{s:04x}" for s in sigs)
    return f"{a}_{b}_{digest(c)}"
