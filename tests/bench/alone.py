# SPDX-License-Identifier: GPL-2.0-or-later
"""alone.py - the wire door's program by itself: the same request again and again through BPF_PROG_TEST_RUN on a
real connection whose server never reads, so that each run rewinds, reads, judges and copies it anew. Everything
is in the caches and nothing else is measured: what a loaded machine cannot distort much. Called by tests/bench/run.
"""

import ctypes
import os
import socket
import statistics
import struct
import time

from bench import bpf
from netns import SERVER4
from rawtcp import ip_packet

TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
RUNS, BATCHES = 400, 150  # a batch fits the inspectors' rings

BROWSER = (b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
           b"Accept: application/json\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n"
           b"Authorization: Bearer " + b"t" * 220 + b"\r\nConnection: keep-alive\r\n")


def head(size, fields=b""):
    """A request's head, filled up to this many bytes."""
    text = f"GET /api/v1/general/x HTTP/1.1\r\nHost: {SERVER4}:8080\r\n".encode() + fields
    while size - len(text) >= 220:
        text += b"X-Filler: " + b"v" * 198 + b"\r\n"
    if size - len(text) > 14:
        text += b"X-Filler: " + b"v" * (size - len(text) - 14) + b"\r\n"
    return text + b"\r\n"


HEADS = {"64 B": head(0), "1,500 B": head(1500), "a browser's with a token of 220 B": head(0, BROWSER)}


def sequence(sock, queue):
    """The next sequence number of a queue: 1 receives, 2 sends."""
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
    return sock.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ) & 0xffffffff


def connected(bench, listener):
    """A connection and a segment that has not been sent on it, without data."""
    with bench.net.client:
        sock = socket.create_connection((SERVER4, 8080))
    server, _ = listener.accept()
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    address, port = sock.getsockname()
    tcp = struct.pack("!HHIIBBHHH", port, 8080, sequence(sock, 2), sequence(sock, 1), 0x50, 0x18, 1000, 0, 0)
    return sock, server, lambda data: b"\x02" * 12 + b"\x08\0" + ip_packet(address, SERVER4, tcp + data)


def repeat(fd, packet, runs):
    """ns a run."""
    data = ctypes.create_string_buffer(packet, len(packet))
    # prog_fd retval data_size_in/out data_in/out repeat duration ctx_size_in/out ctx_in/out flags cpu batch
    _, raw = bpf(10, struct.pack("=IIIIQQIIIIQQIII", fd, 0, len(packet), 0, ctypes.addressof(data), 0, runs, 0,
                                 0, 0, 0, 0, 0, 0, 0))
    return struct.unpack_from("=I", raw, 36)[0]


def alone(bench, agent, program):
    """{head: ns}: the lowest tenth of the batches. Nothing may listen on port 8080 yet."""
    with bench.net.server:
        listener = socket.create_server((SERVER4, 8080))
    fd, _ = bpf(13, struct.pack("=I", program))  # BPF_PROG_GET_FD_BY_ID
    found = {}
    try:
        for name, data in HEADS.items():
            sock, server, packet = connected(bench, listener)
            before, times = agent.counters()["requests-judged"], []
            with bench.net.server:
                for _ in range(BATCHES):
                    times.append(repeat(fd, packet(data), RUNS))
                    time.sleep(0.003)  # sleep: the inspector empties its ring meanwhile
            judged = agent.counters()["requests-judged"] - before
            if judged != RUNS * BATCHES:
                raise RuntimeError(f"{name}: {judged} of {RUNS * BATCHES} runs judged a request")
            found[name] = statistics.quantiles(times, n=10)[0]
            sock.close()
            server.close()
    finally:
        os.close(fd)
        listener.close()
    return found
