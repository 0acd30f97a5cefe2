# SPDX-License-Identifier: GPL-2.0-or-later
"""samples.py - what a soak looks at every few seconds: memory of processes and maps, sizes of files, and how fast
they grow. Called by tests/bench/soak*.
"""

import json
import os
import re
import statistics

from netns import sh


def memory(pid):
    """(RSS, PSS, private) in MiB."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        text = f.read()
    return [sum(map(int, re.findall(rf"(?m)^{what}:\s+(\d+)", text))) / 1024
            for what in ("Rss", "Pss", "Private_Dirty")]


def maps_mib(pid):
    """Kernel memory of the maps the keeper holds; what entries add is in it."""
    ids = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as f:
                ids.update(map(int, re.findall(r"(?m)^map_id:\s+(\d+)", f.read())))
        except OSError:
            continue
    shown = json.loads(sh("bpftool", "-j", "map", "show"))
    return sum(m.get("bytes_memlock", 0) for m in shown if m["id"] in ids) / 2**20


def folder_mib(path):
    return sum(os.path.getsize(os.path.join(f, n)) for f, _, names in os.walk(path) for n in names
               if os.path.exists(os.path.join(f, n))) / 2**20


def slope(samples, what):
    """MiB an hour over the second half, least squares."""
    half = samples[len(samples) // 2:]
    if len(half) < 3:
        return 0.0
    line = statistics.linear_regression([s["t"] for s in half], [s[what] for s in half])
    return line.slope * 3600
