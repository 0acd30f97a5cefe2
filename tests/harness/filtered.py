#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""filtered.py UNIT COMMAND... - runs a command under the system call filter of a systemd unit, without systemd:
the sets are expanded by systemd-analyze, what is not allowed is EPERM. Debian's interpreter has the module."""

import errno
import os
import subprocess
import sys

import seccomp


def members(name):
    """The calls of a set, nested ones too."""
    out = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True).stdout
    found = set()
    for line in out.splitlines()[1:]:
        word = line.strip().split("#")[0].strip()
        if word.startswith("@"):
            found |= members(word)
        elif word:
            found.add(word)
    return found


def of_unit(path):
    allowed = set()
    with open(path, encoding="utf-8") as f:
        for line in f:
            if line.startswith("SystemCallFilter="):
                text = line.split("=", 1)[1].strip()
                words = text.lstrip("~").split()
                calls = set().union(*(members(w) if w[0] == "@" else {w} for w in words))
                allowed = allowed - calls if text[0] == "~" else allowed | calls
    return allowed | members("@default") | {"execve"}


f = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
for call in sorted(of_unit(sys.argv[1])):
    try:
        f.add_rule(seccomp.ALLOW, call)
    except (RuntimeError, OSError):
        pass  # of another architecture
f.load()
os.execvp(sys.argv[2], sys.argv[2:])
