# SPDX-License-Identifier: GPL-2.0-or-later
"""pieces.py - a server with a thread for each connection that writes what a table says, over TLS and without: a
folder has a file for each path, a JSON list of pieces in base64, each of which is one write. Called by servers.py:

    pieces.py FOLDER PLAIN_PORT TLS_PORT CERT KEY

"/mapped/NAME" writes the bytes of a file from a mapping made for it, whose pages nobody has touched; of "/gone/NAME"
the file is cut short before they are written, so that they cannot be read and the server ends with SIGBUS.
"""

import base64
import json
import mmap
import os
import resource
import socket
import ssl
import sys
import threading

FOLDER, PLAIN, SECURE, CERT, KEY = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # /gone/ ends it with SIGBUS


def pieces(path):
    """What one request is answered with: things to write."""
    name = os.path.join(FOLDER, path.strip("/").replace("/", "-"))
    if path.startswith(("/mapped/", "/gone/")):
        with open(name, "rb") as f:
            mapped = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        if path.startswith("/gone/"):
            os.truncate(name, 0)
            return [memoryview(mapped)]
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(mapped)
        return [head, memoryview(mapped)]
    with open(name, encoding="ascii") as f:
        return [base64.b64decode(piece) for piece in json.load(f)]


def converse(connection):
    had = b""
    while True:
        while b"\r\n\r\n" not in had:
            more = connection.recv(65536)
            if not more:
                return
            had += more
        head, had = had.split(b"\r\n\r\n", 1)
        for piece in pieces(head.split(b" ")[1].decode()):
            connection.sendall(piece)


def serve(connection, context):
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(20)
        if context:
            connection = context.wrap_socket(connection, server_side=True)
        with connection:
            converse(connection)
    except OSError:
        connection.close()


def accept(port, context):
    listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, context), daemon=True).start()


tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(CERT, KEY)
tls.num_tickets = 0
threading.Thread(target=accept, args=(int(PLAIN), None), daemon=True).start()
accept(int(SECURE), tls)
