# SPDX-License-Identifier: GPL-2.0-or-later
"""poll.py - wait for something to become true, never for time to pass."""

import time


class Late(Exception):
    pass


def poll(condition, seconds, what, every=0.02):
    """Calls condition() until it returns something true, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Late(f"not within {seconds} s: {what}")
        time.sleep(every)  # sleep: the pause between two looks
