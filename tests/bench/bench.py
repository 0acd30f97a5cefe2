# SPDX-License-Identifier: GPL-2.0-or-later
"""bench.py - what the benches share: two namespaces with one agent at a time, interleaving, the kernel's own
account of program time, processor time of others. Called by tests/bench/*.
"""

import ctypes
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../harness"))
from agent import Agent  # noqa: E402
from attached import NR_BPF  # noqa: E402
from netns import Net, sh  # noqa: E402
from poll import poll  # noqa: E402
from servers import Nginx  # noqa: E402

ROUNDS, SECONDS = int(os.environ.get("ROUNDS", "5")), float(os.environ.get("SECONDS", "2"))
CLIENT_CPU, SERVER_CPU = 0, 1
BPF_ENABLE_STATS = 32
libc = ctypes.CDLL(None, use_errno=True)


def row(name, value, unit, note=""):
    print(f"{name:58} {value:9.2f} {unit:6} {note}", flush=True)


class Bench:
    """Two namespaces, nginx, one agent at a time."""

    def __init__(self, name="bench"):
        self.folder = tempfile.mkdtemp(prefix=f"glacis-{name}-")
        self.name, self.net = name, Net(name)
        self.parts = 0
        self.live = []

    def part(self, kind):
        self.parts += 1
        return os.path.join(self.folder, f"{kind}{self.parts}")

    def nginx(self, **kw):
        server = Nginx(self.net.server, self.part("nginx"), **kw)
        self.live.append(server.stop)
        return server

    def agent(self, document, *extra):
        agent = Agent(self.net.server, self.part("agent"), f"{self.name}{self.parts}")
        self.live.append(agent.remove)
        return agent.start(document, *extra)

    def end(self):
        for stop in reversed(self.live):
            stop()
        self.live = []

    def remove(self):
        self.end()
        self.net.delete()
        shutil.rmtree(self.folder, ignore_errors=True)


class Statistics:
    """kernel.bpf_stats for as long as the descriptor lives (BPF_ENABLE_STATS)."""

    def __enter__(self):
        attr = ctypes.create_string_buffer(struct.pack("=I", 0) + b"\0" * 60)
        self.fd = libc.syscall(NR_BPF, BPF_ENABLE_STATS, attr, 64)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "BPF_ENABLE_STATS")

    def __exit__(self, *_):
        os.close(self.fd)


def program_time(ids):
    """(ns, runs) of these programs so far."""
    shown = [json.loads(sh("bpftool", "-j", "prog", "show", "id", str(i))) for i in ids]
    return sum(p.get("run_time_ns", 0) for p in shown), sum(p.get("run_cnt", 0) for p in shown)


def steer(bench):
    """Packets for the servers are handled on their CPU, those for the clients on theirs (RPS)."""
    for ns, device, cpu in ((bench.net.server, "srv0", SERVER_CPU), (bench.net.client, "cli0", CLIENT_CPU)):
        script = f'mount -t sysfs none /sys && echo {1 << cpu:x} > /sys/class/net/{device}/queues/rx-0/rps_cpus'
        r = subprocess.run(ns.prefix("unshare", "-m", "sh", "-c", script), capture_output=True, text=True)
        if r.returncode:
            raise RuntimeError(f"RPS on {device}: {r.stderr.strip()}")


def busy(cpu):
    """Seconds this CPU has been busy."""
    with open("/proc/stat", encoding="ascii") as f:
        fields = next(line for line in f if line.startswith(f"cpu{cpu} ")).split()[1:]
    user, nice, system, _, _, irq, softirq = map(int, fields[:7])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def cpu_ns(pid):
    """Processor time of a process, all of its threads."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total


def family(agent):
    """The agent's processes."""
    pids = [agent.process.pid]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
                if int(f.read().rsplit(")", 1)[1].split()[1]) == agent.process.pid:
                    pids.append(int(pid))
        except OSError:
            continue
    return pids


def bpf(command, attributes):
    """bpf(2): its result and the attributes as the kernel left them."""
    attr = ctypes.create_string_buffer(attributes + b"\0" * (128 - len(attributes)))
    r = libc.syscall(NR_BPF, command, attr, 128)
    if r < 0:
        raise OSError(ctypes.get_errno(), f"bpf command {command}")
    return r, attr.raw


def own_library(bench, whose="clients"):
    """A TLS library of the clients' own: they are on another host, where no probe of ours is."""
    folder = os.path.join(bench.folder, f"library-{whose}")
    if not os.path.exists(folder):
        os.makedirs(folder)
        for line in sh("ldd", "/usr/bin/openssl").splitlines():
            if re.search(r"lib(ssl|crypto)\.so", line):
                shutil.copy(line.split()[2], folder)
    return folder


def settled(agent):
    """Its inspectors have loaded their rules: what starting costs is not what running costs."""
    poll(lambda: all(i["state"] == "ready" for i in agent.must("status", "-o", "json").json()["inspectors"]), 60,
         "the inspectors are ready")
    time.sleep(2)  # sleep: the first look at who listens, once a minute from then on, is part of starting
