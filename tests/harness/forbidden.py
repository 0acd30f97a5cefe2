# SPDX-License-Identifier: GPL-2.0-or-later
"""forbidden.py - responses with a text that must not leave, cut into writes in every way: what the tests of the
response guard send, and the clients that count what arrives. Called by tests/e2e/*-guard-*.

    for one in cases():
        one.pieces  # writes, the head first
        one.ends    # so many bytes in, the forbidden text is complete
    got, reset = fetch(Place("IPv4", s.client, SERVER4), "/path")
"""

import socket
import ssl

# put together here, so that no scanner takes this file for a leak
SECRETS = {
    "aws": b"AKIA" + b"QYLPMN5HHHFPZAM2",
    "pem": b"-----BEGIN " + b"RSA PRIVATE KEY-----",
    "field": b'"password_hash" :',
    "bcrypt": b"$2b$12$" + b"R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
}
TAILS = {"pem": b"\n" + b"MIIEowIBAAKCAQEA7bq1mJ2cVx" * 3 + b" "}  # a key's first line: rules want one
NEVER = (b'{"password_hashes": 1, "x": "password_hash", "k": "AKIA' + b'QYLPMN5HHHFPZAM",'
         b' "pem": "-----BEGIN CERTIFICATE-----"}')
BLOCK = {"secrets": "block", "forbiddenFields": ["password_hash"]}
LEADS = (0, 1, 63, 64, 65, 1400, 4096, 16383, 16384, 16385, 40000, 65500, 200000)


class Case:
    """A response: its pieces, how many bytes in its forbidden text ends (0: it has none)."""

    def __init__(self, pieces, ends, what):
        self.pieces, self.ends, self.what = pieces, ends, what
        self.raw = b"".join(pieces)

    def before(self):
        """Bytes of the writes before the one in which the forbidden text ends."""
        at = 0
        for piece in self.pieces:
            if at + len(piece) >= self.ends:
                return at
            at += len(piece)
        return at


def plain(body, cuts=()):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    at = [0, *cuts, len(body)]
    return [head, *(body[a:b] for a, b in zip(at, at[1:]) if b > a)]


def chunked(body, cuts=()):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    at = [0, *cuts, len(body)]
    chunks = [b"%x\r\n%s\r\n" % (b - a, body[a:b]) for a, b in zip(at, at[1:]) if b > a]
    return [head, *chunks, b"0\r\n\r\n"]


def case(form, name, lead, cuts, what):
    """The forbidden text behind `lead` bytes."""
    secret = SECRETS[name]
    # a blank before it: the detectors' rules want a beginning
    body = (b"x" * (lead - 1) + b" " if lead else b"") + secret + TAILS.get(name, b' "tail"')
    pieces = form(body, cuts)
    # what must not leave is its last byte: the pieces up to the one that has it may
    ends = len(form(body, cuts)[0])
    if form is plain:
        ends += lead + len(secret)
    else:
        at = [0, *cuts, len(body)]
        for a, b in zip(at, at[1:]):
            inside = min(b, lead + len(secret)) - a
            ends += len(b"%x\r\n" % (b - a)) + inside
            if b >= lead + len(secret):
                break
            ends += 2
    return Case(pieces, ends, f"{name}, {what}")


def cases():
    for name, secret in SECRETS.items():
        for form in (plain, chunked):
            for at in range(1, len(secret)):
                yield case(form, name, 9, (9 + at,), f"{form.__name__}, cut at {at}")
            yield case(form, name, 3, range(1, 3 + len(secret)), f"{form.__name__}, byte by byte")
        for lead in LEADS:
            yield case(plain, name, lead, (), f"behind {lead} bytes")


PLAIN, SECURE = 8080, 8443
_CONTEXT = ssl._create_unverified_context()  # pylint: disable=protected-access


class Place:
    """Where a client is, and which port it asks."""

    def __init__(self, label, ns, host, port=SECURE, source=None):
        self.label, self.ns, self.host, self.port, self.source = label, ns, host, port, source

    def connect(self):
        with self.ns:
            raw = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
            raw.settimeout(15)
            if self.source:
                raw.bind((self.source, 0))
            raw.connect((self.host, self.port))
        if self.port == PLAIN:
            return raw
        return _CONTEXT.wrap_socket(raw, server_hostname="shop.test", suppress_ragged_eofs=False)


def ask(connection, path):
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: shop.test\r\n\r\n".encode())


def read(connection, n=1 << 30):
    """At least n bytes, if they come; True if it ended as a reset does (inside TLS: without close_notify)."""
    got = b""
    while len(got) < n:
        try:
            more = connection.recv(1 << 20)
        except (ConnectionResetError, ssl.SSLEOFError):
            return got, True
        if not more:
            return got, False
        got += more
    return got, False


def fetch(place, path, n=1 << 30):
    with place.connect() as c:
        ask(c, path)
        return read(c, n)


class Table:
    """What a server (servers.Pieces) tells, by path: written once, asked by many."""

    def __init__(self, server, which):
        self.items = list(which)
        for i, one in enumerate(self.items):
            server.tell(f"/case/{i}", one.pieces)

    def __iter__(self):
        return ((f"/case/{i}", one) for i, one in enumerate(self.items))

    def __len__(self):
        return len(self.items)


def guard_pins(agent):
    """The links of the guard inside TLS."""
    return [p for p in agent.pins() if "-guard-" in p]


def apply(s, agent, doc, label):
    r = agent.apply(doc)
    s.check(r.code == 0, f"{label}: the policy is applied", str(r))
