# SPDX-License-Identifier: GPL-2.0-or-later
"""fakeserver.py - a TLS server that answers any hello with the bytes it is given, in the pieces it is given:
for ServerHellos that no real server sends on request. Called by the tests of TLS.
"""

import queue
import socket
import threading

from poll import PATIENCE


class FakeServer:
    """Listens in the namespace; each connection gets the pieces of `answer`, a segment each. ends: what the
    server saw afterwards, in order of connections: "reset", "end", or what the client sent."""

    def __init__(self, ns, port):
        self.answer, self.ends = [], queue.Queue()
        with ns:
            self.socket = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            connection.settimeout(PATIENCE)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                if not connection.recv(65536):
                    self.ends.put("nothing")
                    return
                for piece in self.answer:
                    connection.sendall(piece)
                more = connection.recv(65536)
                self.ends.put(more or "end")
            except (ConnectionResetError, BrokenPipeError):
                self.ends.put("reset")
            except TimeoutError:
                self.ends.put("timeout")

    def ended(self):
        return self.ends.get(timeout=2 * PATIENCE)

    def stop(self):
        self.socket.close()


class Tap(FakeServer):
    """Keeps the hello's message and closes."""

    def __init__(self, ns, port):
        self.hellos = []
        super().__init__(ns, port)

    def _serve(self, connection):
        with connection:
            data = connection.recv(65536)
            while len(data) < 5 or len(data) < 5 + int.from_bytes(data[3:5], "big"):
                more = connection.recv(65536)
                if not more:
                    return
                data += more
            message, rest = b"", data
            while rest:
                n = int.from_bytes(rest[3:5], "big")
                message, rest = message + rest[5:5 + n], rest[5 + n:]
            self.hellos.append(message)
