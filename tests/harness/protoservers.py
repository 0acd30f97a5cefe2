# SPDX-License-Identifier: GPL-2.0-or-later
"""protoservers.py - servers of what is spoken over HTTP: gRPC (grpcio), h2c by Upgrade (apache), WebSocket and
event streams (uvicorn). They log what reached them as tlsservers.py does. Called by tests/e2e/37-protocols.
"""

import os

from h2servers import ApacheH2c
from tlsservers import TlsServer


class Upgrading(ApacheH2c):
    """Serves a file: Apache switches to h2c where a request comes as far as its handler."""

    CONF = ApacheH2c.CONF.replace("RewriteEngine on\nRewriteRule ^ - [R=200]", "DocumentRoot @dir@/files")

    def command(self, folder):
        os.makedirs(os.path.join(folder, "files"))
        with open(os.path.join(folder, "files/up"), "w", encoding="ascii") as f:
            f.write("up\n")
        return super().command(folder)


class Grpc(TlsServer):
    """glacis.test.Echo: Say answers once, Count three times. TLS on the next port."""

    PROGRAM = """
import os, grpc
from concurrent.futures import ThreadPoolExecutor
log = os.open("@reached@", os.O_WRONLY | os.O_APPEND)

def told(context, method):
    os.write(log, (context.peer().split(":")[1] + " POST /glacis.test.Echo/" + method + "\\n").encode())

def say(request, context):
    told(context, "Say")
    return request

def count(request, context):
    told(context, "Count")
    for _ in range(3):
        yield request

handlers = {"Say": grpc.unary_unary_rpc_method_handler(say), "Count": grpc.unary_stream_rpc_method_handler(count)}
server = grpc.server(ThreadPoolExecutor(4))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("glacis.test.Echo", handlers),))
with open("@key@", "rb") as key, open("@cert@", "rb") as cert:
    pair = grpc.ssl_server_credentials(((key.read(), cert.read()),))
server.add_secure_port("0.0.0.0:%d" % (@port@ + 1), pair)
server.add_insecure_port("0.0.0.0:@port@")
server.start()
server.wait_for_termination()
"""

    def command(self, folder):
        return "/usr/bin/python3", self.write("server.py", self.PROGRAM)


GRPC_CLIENT = """
import sys, grpc
target, cert, say, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
if cert:
    with open(cert, "rb") as f:
        channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(f.read()),
                                      (("grpc.ssl_target_name_override", sys.argv[5]),))
else:
    channel = grpc.insecure_channel(target)
for i in range(say):
    assert channel.unary_unary("/glacis.test.Echo/Say")(b"x%d" % i, timeout=20) == b"x%d" % i
for i in range(count):
    assert list(channel.unary_stream("/glacis.test.Echo/Count")(b"y", timeout=20)) == [b"y"] * 3
try:
    channel.unary_unary("/glacis.test.Echo/Nobody")(b"", timeout=20)
except grpc.RpcError as e:
    print(e.code().name)
"""


class Streams(TlsServer):
    """/socket is a WebSocket that says everything again; /events an event stream that tells a key and stays open
    until its client leaves."""

    SECRET = "AKIA" + "QYLPMN5HHHFPZAM2"
    PROGRAM = """
import os, socket, uvicorn
log = os.open("@reached@", os.O_WRONLY | os.O_APPEND)

async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        os.write(log, ("%s GET %s\\n" % (scope["client"][0], scope["path"])).encode())
        await send({"type": "websocket.accept"})
        while (got := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": got["text"]})
        return
    if scope["type"] != "http":
        return
    os.write(log, ("%s GET %s\\n" % (scope["client"][0], scope["path"])).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    for text in ("one", "two", "key=@secret@", "three"):
        await send({"type": "http.response.body", "body": ("data: %s\\n\\n" % text).encode(), "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass

listener = socket.create_server(("0.0.0.0", @port@), backlog=64)
uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", ws="wsproto")).run(sockets=[listener])
"""

    def command(self, folder):
        return "/usr/bin/python3", self.write("server.py", self.PROGRAM, secret=self.SECRET)


WEBSOCKET_CLIENT = """
import socket, sys
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage
host, port, n = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
ws, got, said = WSConnection(ConnectionType.CLIENT), [], 0
with socket.create_connection((host, port), 10) as s:
    s.sendall(ws.send(Request(host="%s:%d" % (host, port), target="/socket")))
    while len(got) < n:
        ws.receive_data(s.recv(65536) or None)
        for event in ws.events():
            got += [event.data] if isinstance(event, TextMessage) else []
            if said < n and isinstance(event, (AcceptConnection, TextMessage)):
                said += 1
                s.sendall(ws.send(TextMessage("GET /said/%d HTTP/1.1" % said)))
    s.sendall(ws.send(CloseConnection(1000)))
print(len(got))
"""
