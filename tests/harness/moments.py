# SPDX-License-Identifier: GPL-2.0-or-later
"""moments.py - when a server had which request, to the millisecond, and how long after it an alert was raised.
Called by tests of alerts.

    times = Times(s.folder)
    nginx = s.nginx(extra=times.extra(), http=times.FORMAT)
    in_time(s, alert, times.of(source, 401)[4], watch, "the fifth refusal")
"""

import datetime


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def in_time(s, alert, crossing, watch, what, by="raised"):
    """The alert is not before the request that crossed its threshold, and within a second of it."""
    took = moment(alert[by]) - crossing
    s.check(took >= -0.05, f"{what}: {by} after the crossing request", took)
    return s.soon(watch, 1, f"{what}: {by} within a second of the crossing request", took)


class Times:
    """When nginx answered what."""

    FORMAT = "log_format times '$msec $remote_addr $status $uri';"

    def __init__(self, folder):
        self.path = f"{folder}/times.log"
        open(self.path, "w", encoding="ascii").close()

    def extra(self):
        return f"access_log {self.path} times;"

    def of(self, source=None, status=None, path=None):
        with open(self.path, encoding="ascii") as f:
            rows = [line.split() for line in f.read().split("\n")[:-1]]
        return [float(r[0]) for r in rows if source in (None, r[1]) and str(status) in ("None", r[2])
                and path in (None, r[3])]
