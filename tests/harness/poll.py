# SPDX-License-Identifier: GPL-2.0-or-later
"""poll.py - wait for something to become true, never for time to pass; and how slow the machine was meanwhile."""

import re
import time

# What comes will come, on a machine with ten others at work too: whoever awaits it waits this long at least.
PATIENCE = 60


class Late(Exception):
    pass


def poll(condition, seconds, what, every=0.02, exactly=False):
    """Calls condition() until it returns something true, and returns that. Late after PATIENCE, or `seconds` if that
    is longer; exactly: after `seconds`, for what is not to come."""
    seconds = seconds if exactly else max(seconds, PATIENCE)
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Late(f"not within {seconds} s: {what}")
        time.sleep(every)  # sleep: the pause between two looks


class Watch:
    """How long something took, and whether the machine had time for it: the share of that time in which somebody
    waited for a CPU, a disk or memory (/proc/pressure), or another machine had our CPU (steal)."""

    QUIET = 0.1

    def __init__(self):
        self.begin, self.waits = time.monotonic(), self._waits()

    @staticmethod
    def _waits():
        total = 0
        for kind in ("cpu", "io", "memory"):
            try:
                with open(f"/proc/pressure/{kind}", encoding="ascii") as f:
                    total += int(re.search(r"some .* total=(\d+)", f.read()).group(1)) / 1e6
            except (OSError, AttributeError):
                return None
        with open("/proc/stat", encoding="ascii") as f:
            return total + int(f.readline().split()[8]) / 100

    def took(self):
        return time.monotonic() - self.begin

    def busy(self):
        """The share, or None where the kernel does not tell."""
        waits = self._waits()
        return None if waits is None or self.waits is None else (waits - self.waits) / max(self.took(), 0.001)
