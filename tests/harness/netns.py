# SPDX-License-Identifier: GPL-2.0-or-later
"""netns.py - two network namespaces joined by a veth pair: clients on one side, servers on the other.

Nothing here touches the machine's own devices. Called by lib.py; the demo and the bench use it too.
"""

import ctypes
import os
import subprocess
import threading

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

SERVER4, SERVER6 = "10.77.0.2", "fd77::2"


def client4(n):
    """The n-th IPv4 client, 1..100."""
    return f"10.77.0.{10 + n}"


def ghost4(n):
    """The n-th address nobody owns, 0..49: frames from it are made by rawtcp.py."""
    return f"10.77.0.{200 + n}"


def client6(n):
    """The n-th IPv6 client, 1..9, each in a /64 of its own (a source is a /64)."""
    return f"fd77:0:0:{n}::1"


def sh(*argv, check=True, **kw):
    """Runs a command, returns its standard output."""
    r = subprocess.run(argv, capture_output=True, text=True, **kw)
    if check and r.returncode:
        raise RuntimeError(f"{' '.join(argv)}: exit {r.returncode}: {r.stdout.strip()} {r.stderr.strip()}")
    return r.stdout


class Namespace:
    """A named network namespace. `with ns:` moves the calling thread into it, so that sockets made
    inside belong to it; run() and popen() start processes there (nsenter, which leaves /sys/fs/bpf
    visible where `ip netns exec` would hide it)."""

    def __init__(self, name):
        self.name = name
        self.path = f"/run/netns/{name}"
        self._back = threading.local()  # each thread's way back
        sh("ip", "netns", "add", name)
        try:
            self.ip("link", "set", "lo", "up")
        except RuntimeError:
            self.delete()
            raise

    def ip(self, *args):
        return sh("ip", "-n", self.name, *args)

    def prefix(self, *argv):
        return ["nsenter", f"--net={self.path}", "--", *argv]

    def run(self, *argv, **kw):
        return subprocess.run(self.prefix(*argv), capture_output=True, text=True, **kw)

    def popen(self, *argv, **kw):
        return subprocess.Popen(self.prefix(*argv), **kw)

    def __enter__(self):
        if not hasattr(self._back, "fds"):
            self._back.fds = []
        self._back.fds.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if _libc.setns(fd, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns", self.name)
        finally:
            os.close(fd)
        return self

    def __exit__(self, *_):
        fd = self._back.fds.pop()
        if _libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns back")
        os.close(fd)

    def sockets(self, state, port):
        """TCP sockets in `state` ("established", "close-wait") that have `port` at either end."""
        out = self.run("ss", "-Htan", "state", state, f"( sport = :{port} or dport = :{port} )").stdout
        return [line for line in out.splitlines() if line.strip()]

    def delete(self):
        sh("ip", "netns", "del", self.name, check=False)


class Net:
    """client.cli0 <-> server.srv0"""

    def __init__(self, tag):
        # the last part is our process: the runner tells leftovers from other runs by it
        self.client = Namespace(f"glc-{tag}-{os.getpid()}")
        try:
            self.server = Namespace(f"gls-{tag}-{os.getpid()}")
        except RuntimeError:
            self.client.delete()
            raise
        try:
            sh("ip", "link", "add", "cli0", "netns", self.client.name, "type", "veth",
               "peer", "name", "srv0", "netns", self.server.name)
            self._address()
        except RuntimeError:
            self.delete()
            raise

    def _address(self):
        lines = ["link set cli0 up"]
        lines += [f"addr add {client4(n)}/24 dev cli0" for n in range(1, 101)]
        lines += ["addr add fd77::1/64 dev cli0 nodad"]
        lines += [f"addr add {client6(n)}/64 dev cli0 nodad" for n in range(1, 10)]
        sh("ip", "-n", self.client.name, "-batch", "-", input="\n".join(lines))
        mac = self.mac(self.client, "cli0")
        sh("ip", "-n", self.server.name, "-batch", "-", input="\n".join([
            "link set srv0 up",
            f"addr add {SERVER4}/24 dev srv0",
            f"addr add {SERVER6}/64 dev srv0 nodad",
            "route add fd77::/48 dev srv0",
            *(f"neigh replace {ghost4(n)} lladdr {mac} dev srv0 nud permanent" for n in range(50)),
        ]))

    @staticmethod
    def mac(ns, device):
        return ns.ip("-o", "link", "show", device).split("link/ether ")[1].split()[0]

    def offload(self, on):
        """Transmit checksum offload of both ends, with what depends on it."""
        for ns, device in ((self.client, "cli0"), (self.server, "srv0")):
            ns.run("ethtool", "-K", device, "tx", "on" if on else "off", check=True)

    def delete(self):
        self.client.delete()
        self.server.delete()
