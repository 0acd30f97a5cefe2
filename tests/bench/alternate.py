# SPDX-License-Identifier: GPL-2.0-or-later
"""alternate.py - handshakes in turns of eight with two servers that differ in one thing: one's namespace and
library are the agent's, the other's are not. What the machine does meanwhile meets both, so a difference of
microseconds shows where rounds of seconds show the neighbours. Called by tests/bench/run.
"""

import json
import os
import statistics
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)
from bench import CLIENT_CPU, SERVER_CPU, cpu_ns, own_library, row, settled, steer  # noqa: E402

sys.path.insert(0, os.path.join(HERE, "../harness"))
from netns import SERVER4, sh  # noqa: E402

TURN = 8  # handshakes; the first is not counted: caches are the other server's

CLIENT = """
import ctypes, json, os, socket, ssl, sys, time
host, port, turn, turns = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
spaces = [os.open(p, os.O_RDONLY) for p in sys.argv[5:7]]
servers = sys.argv[7:9]
setns = ctypes.CDLL(None).setns
c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
def cpu(pid):
    with open(f"/proc/{pid}/schedstat") as f:
        return int(f.read().split()[0])
times, servers_cpu = [[], []], [0, 0]
for t in range(turns):
    for i in ((0, 1) if t % 2 else (1, 0)):
        if setns(spaces[i], 0):
            sys.exit("setns")
        before, counted = cpu(servers[i]), []
        for _ in range(turn):
            begun = time.perf_counter()
            with socket.create_connection((host, port)) as s, c.wrap_socket(s, server_hostname="shop.test"):
                pass
            counted.append(time.perf_counter() - begun)
        times[i].append(counted[1:])
        servers_cpu[i] += cpu(servers[i]) - before
print(json.dumps([times, servers_cpu]))
"""


def alternate(guarded, other, agent, turns):
    """Rows of the difference. guarded, other: Bench; agent(): starts the one of guarded."""
    library = own_library(guarded)
    servers, spaces = [], []
    for bench in (guarded, other):
        steer(bench)
        # copies of their own: neither has pages the other lacks
        os.environ["LD_LIBRARY_PATH"] = own_library(bench, "server")
        try:
            servers.append(bench.nginx(ports=(8443,), tls="TLSv1.2 TLSv1.3").process.pid)
        finally:
            del os.environ["LD_LIBRARY_PATH"]
        sh("taskset", "-a", "-cp", str(SERVER_CPU), str(servers[-1]))
        spaces.append(f"/run/netns/{bench.net.client.name}")
    settled(agent())
    out = sh("env", f"LD_LIBRARY_PATH={library}", "taskset", "-c", str(CLIENT_CPU), "/usr/bin/python3", "-c",
             CLIENT, SERVER4, "8443", str(TURN), str(turns), *spaces, *map(str, servers))
    times, servers_cpu = json.loads(out)
    means = [[statistics.mean(turn) * 1e6 for turn in side] for side in times]
    more = sorted(a - b for a, b in zip(*means))
    middle = more[len(more) // 4:-(len(more) // 4)]
    without = statistics.median(means[1])
    more_us = statistics.mean(middle)
    row("TLS 1.3 handshake in turns of 8, with the agent more", more_us, "us", f"of {without:.0f}, whole connection")
    ratio = without / (without + more_us)
    row("TLS 1.3 handshakes in turns of 8, ratio", ratio, "x", f"goal >= 0.97; {ratio:.3f}")
    a, b = (ns / turns / TURN / 1e3 for ns in servers_cpu)
    row("TLS 1.3 handshake in turns of 8, the server's own time more", a - b, "us", f"{a:.0f} of {b:.0f}")
