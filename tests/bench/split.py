# SPDX-License-Identifier: GPL-2.0-or-later
"""split.py - where the agent's time goes: its processes by their own processor time, its programs by the
kernel's account (Statistics), between two looks. Called by tests/bench/run.
"""

import json
import os
import statistics
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)
from bench import cpu_ns, family, row  # noqa: E402

sys.path.insert(0, os.path.join(HERE, "../harness"))
from netns import sh  # noqa: E402

PROCESSES = {"glacisd": "keeper", "glacis-inspect": "inspectors", "glacis-courier": "courier"}
DOORS = (("wire_in",), ("wire_out",), ("tls_received", "tls_closed"),
         ("tls_handshake_enter", "tls_handshake_leave"), ("tls_encoded", "tls_encode_enter", "tls_encode_leave"),
         ("tls_read_enter", "tls_read_leave"), ("tls_free",))


def processes(agent):
    """ns of processor time so far, by part."""
    found = dict.fromkeys(PROCESSES.values(), 0)
    for pid in family(agent):
        with open(f"/proc/{pid}/comm", encoding="ascii") as f:
            found[PROCESSES.get(f.read().strip(), "keeper")] += cpu_ns(pid)
    return found


def programs(agent):
    """(ns, runs) so far of the programs this agent holds, by name."""
    ours, found = set(), {}
    where = f"/proc/{agent.process.pid}/fdinfo"
    for name in os.listdir(where):
        try:
            with open(os.path.join(where, name), encoding="ascii") as f:
                ours.update(int(line.split()[1]) for line in f if line.startswith("prog_id:"))
        except FileNotFoundError:
            continue  # closed meanwhile
    for p in json.loads(sh("bpftool", "-j", "prog", "show")):
        if p["id"] in ours:
            ns, runs = found.get(p.get("name"), (0, 0))
            found[p.get("name")] = ns + p.get("run_time_ns", 0), runs + p.get("run_cnt", 0)
    return found


class Split:
    """Rounds of begin() and end(n): what each part took for each of n. The kernel keeps account of programs only
    in rounds of begin() and end_programs(n), under Statistics, which cost 0.1 us a run themselves."""

    def __init__(self, server):
        self.server = server.process.pid
        self.us, self.runs = {}, {}
        self.served = {False: [], True: []}  # us of the server itself, without and with the agent

    def begin(self, agent=None):
        self.agent = agent
        self.before = cpu_ns(self.server), agent and processes(agent), agent and programs(agent)

    def end(self, n):
        server, ours, _ = self.before
        self.served[bool(self.agent)].append((cpu_ns(self.server) - server) / n / 1e3)
        now = processes(self.agent) if self.agent else {}
        for name in now:
            self.us.setdefault(name, []).append((now[name] - ours[name]) / n / 1e3)

    def end_programs(self, n):
        now = programs(self.agent)
        for name in sum(DOORS, ()):
            before, after = self.before[2].get(name, (0, 0)), now.get(name, (0, 0))
            self.us.setdefault(name, []).append((after[0] - before[0]) / n / 1e3)
            self.runs.setdefault(name, []).append((after[1] - before[1]) / n)

    def rows(self, what):
        """The medians of all rounds."""
        us = {name: statistics.median(found) for name, found in self.us.items()}
        runs = {name: statistics.median(found) for name, found in self.runs.items()}
        for name in PROCESSES.values():
            row(f"{what}: {name}", us[name], "us", "processor time")
        for door in DOORS:
            row(f"{what}: {', '.join(door)}", sum(us[name] for name in door), "us",
                f"{sum(runs[name] for name in door):.1f} runs, their statistics (0.1 us each) included")
        row(f"{what}: sum of these", sum(us.values()), "us")
        off, on = (statistics.median(self.served[key]) for key in (False, True))
        row(f"{what}: the server's own time, more than without", on - off, "us",
            f"{on:.0f} of {off:.0f}; probes' traps, and packets handled in its time, included")
