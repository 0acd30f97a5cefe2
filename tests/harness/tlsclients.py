# SPDX-License-Identifier: GPL-2.0-or-later
"""tlsclients.py - real TLS clients, each told to offer one version only, and what became of it: the version
("1.2"), "alert N", or what it said. And a client that sends bytes and tells what came back.
"""

import os
import re
import socket
import ssl
import subprocess

from poll import PATIENCE

ALL = "ALL:@SECLEVEL=0"
_DASH = {"1.0": "-tls1", "1.1": "-tls1_1", "1.2": "-tls1_2", "1.3": "-tls1_3"}


def _run(ns, *argv, **env):
    try:
        r = subprocess.run(ns.prefix(*argv), capture_output=True, text=True, timeout=2 * PATIENCE,
                           stdin=subprocess.DEVNULL, env={**os.environ, **env})
    except subprocess.TimeoutExpired:
        return "timeout"
    return r.stdout + r.stderr


def _alert(text):
    if re.search(r"alert (number 70|protocol version|70\b)|\[70\]|ALERT_PROTOCOL_VERSION", text, re.I):
        return "alert 70"
    m = re.search(r"alert number (\d+)", text)
    return f"alert {m.group(1)}" if m else None


def _at(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def openssl(ns, host, port, version, *more):
    out = _run(ns, "openssl", "s_client", "-connect", _at(host, port), _DASH[version], "-cipher", ALL, "-brief",
               *more)
    m = re.search(r"Protocol version: TLSv(\S+)", out)
    return m.group(1).replace("1\n", "1.0") if m and "." in m.group(1) else "1.0" if m else _alert(out) or out


def gnutls(ns, host, port, version):
    out = _run(ns, "gnutls-cli", "--insecure", "--no-ca-verification", "--port", str(port),
               "--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{version}:%COMPAT", host)
    m = re.search(r"Description: \(TLS(\d\.\d)", out)
    return m.group(1) if m else _alert(out) or out


def curl(ns, host, port, version):
    out = _run(ns, "curl", "-g", "-k", "-v", "-s", "-m", str(PATIENCE), f"--tlsv{version}", "--tls-max", version,
               "--ciphers", ALL,
               f"https://{_at(host, port)}/")
    m = re.search(r"SSL connection using TLSv(\S+)", out)
    return (m.group(1) if "." in m.group(1) else "1.0") if m else _alert(out) or out


PYTHON = """
import socket, ssl, sys
host, port, version = sys.argv[1:]
c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
c.set_ciphers("ALL:@SECLEVEL=0")
c.minimum_version = c.maximum_version = getattr(ssl.TLSVersion, version)
with socket.create_connection((host, int(port)), 60) as s:
    with c.wrap_socket(s, server_hostname="shop.test") as t:
        print("version", t.version())
"""


def python(ns, host, port, version):
    out = _run(ns, "/usr/bin/python3", "-W", "ignore", "-c", PYTHON, host, str(port),
               {"1.0": "TLSv1"}.get(version, "TLSv" + version.replace(".", "_")))
    m = re.search(r"version TLSv(\S+)", out)
    return (m.group(1) if "." in m.group(1) else "1.0") if m else _alert(out) or out


NODE = """
const [host, port, v] = process.argv.slice(1);
const s = require("tls").connect({host, port: +port, rejectUnauthorized: false, ciphers: "ALL:@SECLEVEL=0",
	minVersion: v, maxVersion: v, servername: "shop.test"});
s.on("secureConnect", () => { console.log("version", s.getProtocol()); s.destroy(); });
s.on("error", e => console.log("error", e.code, e.message));
"""


def node(ns, host, port, version):
    out = _run(ns, "node", "-e", NODE, host, str(port), "TLSv1" if version == "1.0" else f"TLSv{version}")
    m = re.search(r"version TLSv(\S+)", out)
    return (m.group(1) if "." in m.group(1) else "1.0") if m else _alert(out) or out


CLIENTS = {"openssl": openssl, "gnutls": gnutls, "curl": curl, "python": python, "node": node}


def exchange(ns, host, port, *pieces, source=None, timeout=PATIENCE):
    """Sends the pieces, each a segment of its own, and reads to the end, or until nothing more has come for `timeout`
    seconds (the first byte is waited for): (bytes, "end" | "reset" | "timeout")."""
    with ns:
        s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    with s:
        s.settimeout(PATIENCE)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source:
            s.bind((source, 0))
        s.connect((host, port))
        got = b""
        try:
            for piece in pieces:
                s.sendall(piece)
            while data := s.recv(65536):
                got += data
                s.settimeout(timeout)
            return got, "end"
        except (ConnectionResetError, BrokenPipeError):
            return got, "reset"
        except TimeoutError:
            return got, "timeout"


def handshake(ns, host, port, low=None, high=None, name="shop.test", alpn=None, session=None):
    """A Python handshake in this process: (version, cipher)."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    if low:
        c.minimum_version = low
    if high:
        c.maximum_version = high
    if alpn:
        c.set_alpn_protocols(alpn)
    with ns:
        raw = socket.create_connection((host, port), PATIENCE)
    with raw, c.wrap_socket(raw, server_hostname=name, session=session) as t:
        return t.version(), t.cipher()[0]


def split_handshake(ns, host, port, at):
    """A handshake whose hello goes out in two segments: (version, length of the hello)."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    c.set_alpn_protocols(["x" * 200, "y" * 200, "http/1.1"])  # a hello of more than 600 bytes
    come, go = ssl.MemoryBIO(), ssl.MemoryBIO()
    t = c.wrap_bio(come, go, server_hostname="shop.test")
    hello = 0
    with ns:
        raw = socket.create_connection((host, port), PATIENCE)
    with raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            try:
                t.do_handshake()
                raw.sendall(go.read())
                return t.version(), hello
            except ssl.SSLWantReadError:
                data = go.read()
            hello = hello or len(data)
            for piece in (data[:at], data[at:]):
                if piece:
                    raw.sendall(piece)
            try:
                more = raw.recv(65536)
            except OSError as e:
                return str(e), hello
            if not more:
                return "end", hello
            come.write(more)
