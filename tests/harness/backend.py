#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""backend.py PORT LOG CONTROL - an HTTP/1.1 server whose slow answers end when they are told to.

GET /hold sends its head and half its body, then waits until somebody connects to the unix socket
CONTROL; everything else is answered at once. LOG gets "METHOD TARGET BODY-BYTES" for each request
run. One thread a connection. For tests of answers in flight; started by servers.py.
"""

import os
import socket
import sys
import threading

released = threading.Semaphore(0)
log_lock = threading.Lock()


class Ended(Exception):
    pass


class Stream:
    def __init__(self, sock):
        self.sock, self.buf = sock, b""

    def _more(self):
        data = self.sock.recv(65536)
        if not data:
            raise Ended
        self.buf += data

    def until(self, mark):
        while mark not in self.buf:
            self._more()
        head, self.buf = self.buf.split(mark, 1)
        return head

    def take(self, n):
        while len(self.buf) < n:
            self._more()
        data, self.buf = self.buf[:n], self.buf[n:]
        return data


def read_body(stream, fields):
    if fields.get("transfer-encoding", "").lower() == "chunked":
        total = 0
        while True:
            size = int(stream.until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                while stream.until(b"\r\n"):
                    pass
                return total
            total += len(stream.take(size))
            stream.take(2)
    n = int(fields.get("content-length", "0"))
    stream.take(n)
    return n


def answer(sock, method, target):
    if target.startswith("/hold"):
        body = b"HELD-" + b"x" * 40 + b"-END\n"
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:20])
        released.acquire()
        sock.sendall(body[20:])
        return
    body = f"ran {method} {target}\n".encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    sock.sendall(head if method == "HEAD" else head + body)


def serve(sock, log):
    stream = Stream(sock)
    try:
        while True:
            lines = stream.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            method, target, _ = lines[0].split(" ")
            fields = {n.lower(): v.strip() for n, v in (line.split(":", 1) for line in lines[1:])}
            size = read_body(stream, fields)
            with log_lock:
                log.write(f"{method} {target} {size}\n")
                log.flush()
            answer(sock, method, target)
    except (Ended, OSError, ValueError):
        pass
    finally:
        sock.close()


def control(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(8)
    while True:
        peer, _ = listener.accept()
        released.release()
        peer.close()


def main():
    port, log_path, control_path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    log = open(log_path, "a", encoding="utf-8")
    listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128)
    threading.Thread(target=control, args=(control_path,), daemon=True).start()
    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(sock, log), daemon=True).start()


if __name__ == "__main__":
    sys.exit(main() or os.EX_OK)
