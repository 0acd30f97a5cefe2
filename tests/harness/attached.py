# SPDX-License-Identifier: GPL-2.0-or-later
"""attached.py - what the kernel holds of an agent: which BPF programs sit on the devices of a namespace (tcx by
BPF_PROG_QUERY, which Debian 12's bpftool does not know, XDP by ip, clsact by tc), and its pinned maps.
"""

import ctypes
import errno
import re
import struct

NR_BPF, BPF_MAP_UPDATE_ELEM, BPF_OBJ_GET, BPF_PROG_QUERY = 321, 2, 7, 16
TCX = {46: "tcx ingress", 47: "tcx egress"}
_libc = ctypes.CDLL(None, use_errno=True)


def query(ifindex, attach_type):
    """Program ids at a hook, in order; none where the kernel has no such hook."""
    ids = (ctypes.c_uint32 * 64)()
    attr = ctypes.create_string_buffer(
        struct.pack("=IIIIQII", ifindex, attach_type, 0, 0, ctypes.addressof(ids), len(ids), 0) + b"\0" * 96)
    if _libc.syscall(NR_BPF, BPF_PROG_QUERY, attr, 64):
        if ctypes.get_errno() in (errno.EINVAL, errno.ENOENT):
            return []
        raise OSError(ctypes.get_errno(), "BPF_PROG_QUERY")
    return list(ids[:struct.unpack_from("=I", attr, 24)[0]])


def pinned(path):
    """A file descriptor of a pinned map; the caller closes it."""
    name = ctypes.create_string_buffer(path.encode())
    attr = ctypes.create_string_buffer(struct.pack("=QII", ctypes.addressof(name), 0, 0) + b"\0" * 112)
    fd = _libc.syscall(NR_BPF, BPF_OBJ_GET, attr, 128)
    if fd < 0:
        raise OSError(ctypes.get_errno(), f"BPF_OBJ_GET {path}")
    return fd


def fill(fd, n, value):
    """The first n entries of an array map become value, in bytes."""
    key, to = ctypes.c_uint32(), ctypes.create_string_buffer(value, len(value))
    attr = ctypes.create_string_buffer(
        struct.pack("=IIQQQ", fd, 0, ctypes.addressof(key), ctypes.addressof(to), 0) + b"\0" * 96)
    for key.value in range(n):
        if _libc.syscall(NR_BPF, BPF_MAP_UPDATE_ELEM, attr, 128):
            raise OSError(ctypes.get_errno(), "BPF_MAP_UPDATE_ELEM")


def attached(ns):
    """["srv0 tcx ingress 17", ...] for every device of the namespace."""
    found = []
    links = ns.ip("-o", "-d", "link", "show")
    for line in links.splitlines():
        index, device = re.match(r"(\d+): ([^:@]+)", line).groups()
        with ns:
            for attach_type, name in TCX.items():
                found += [f"{device} {name} {i}" for i in query(int(index), attach_type)]
        found += [f"{device} {hook}" for hook in re.findall(r"prog/(xdp\w*) id \d+", line)]
        for side in ("ingress", "egress"):
            out = ns.run("tc", "filter", "show", "dev", device, side).stdout
            found += [f"{device} clsact {side}" for _ in re.findall(r"\bbpf\b.* id \d+", out)]
    return found
