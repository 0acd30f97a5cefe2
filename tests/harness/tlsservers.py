# SPDX-License-Identifier: GPL-2.0-or-later
"""tlsservers.py - HTTPS servers that differ in how they use TLS: nginx, apache (event), haproxy, node, Python
with threads and with uvicorn (TLS through memory), and lighttpd with GnuTLS. Each answers every request with
200, says in X-Client who asked what, as it saw it (apache: without the query), and logs the same line:
"10.77.0.11 GET /path". Called by lib.py.

    for name in TLS_SERVERS:
        server = s.tls_server(name, 8443)
"""

import os
import re

from poll import poll
from servers import Certificate, Server, await_port

_MODULES = "/usr/lib/apache2/modules"


class TlsServer(Server):
    """http2: it offers h2, too."""

    http2 = False

    def __init__(self, ns, folder, port, certificate=None):
        os.makedirs(folder, exist_ok=True)
        self.port, self.certificate, self.dir = port, certificate or Certificate(folder), folder
        self.reached = os.path.join(folder, "reached")
        open(self.reached, "w", encoding="utf-8").close()
        super().__init__(ns, folder, *self.command(folder))
        await_port(ns, port)

    def command(self, folder):
        raise NotImplementedError

    def write(self, name, text, **values):
        path = os.path.join(self.dir, name)
        values = {"port": self.port, "cert": self.certificate.cert, "key": self.certificate.key, "dir": self.dir,
                  "reached": self.reached, **values}
        for key, value in values.items():
            text = text.replace("@" + key + "@", str(value))
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def requests(self, path=r".*", source=r"\S+"):
        """What reached it so far: [(source, method, path)]."""
        with open(self.reached, encoding="utf-8", errors="replace") as f:
            lines = f.read().splitlines()
        wanted = re.compile(rf"({source}) ([A-Z]+) ({path})")
        return [m.groups() for m in map(wanted.fullmatch, lines) if m]

    def count(self, path=r".*", source=r"\S+"):
        return len(self.requests(path, source))

    def await_count(self, n, path=r".*", source=r"\S+", seconds=5):
        """Logs are written when an answer ends: waits for n of them; how many there are."""
        poll(lambda: self.count(path, source) >= n, seconds, f"{n} requests are logged")
        return self.count(path, source)


class NginxTls(TlsServer):
    http2 = True
    CONF = """
daemon off; worker_processes 2; pid @dir@/pid; error_log @dir@/error.log; user root;
events { worker_connections 4096; }
http {
	log_format reached '$remote_addr $request_method $request_uri';
	access_log @reached@ reached;
	client_body_temp_path @dir@/body; proxy_temp_path @dir@/proxy; fastcgi_temp_path @dir@/fcgi;
	uwsgi_temp_path @dir@/uwsgi; scgi_temp_path @dir@/scgi;
	keepalive_requests 10000000; default_type text/plain;
	server {
		listen @port@ ssl http2 backlog=4096; listen [::]:@port@ ssl http2 ipv6only=on backlog=4096;
		ssl_certificate @cert@; ssl_certificate_key @key@; ssl_protocols TLSv1.2 TLSv1.3;
		location / {
			add_header X-Client "$remote_addr $request_method $request_uri";
			return 200 "hello\\n";
		}
	}
}
"""

    def command(self, folder):
        return "nginx", "-c", self.write("nginx.conf", self.CONF), "-e", os.path.join(folder, "error.log")


class Apache(TlsServer):
    http2 = True
    CONF = """
ServerRoot @dir@
ServerName shop.test
PidFile @dir@/pid
ErrorLog @dir@/error.log
@modules@
Listen @port@
StartServers 2
ThreadsPerChild 64
MaxRequestWorkers 128
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60
Protocols h2 http/1.1
SSLEngine on
SSLProtocol -all +TLSv1.2 +TLSv1.3
SSLCertificateFile @cert@
SSLCertificateKeyFile @key@
SSLSessionCache none
LogFormat "%a %m %U%q" reached
CustomLog @reached@ reached
Header always set X-Client "expr=%{REMOTE_ADDR} %{REQUEST_METHOD} %{REQUEST_URI}"
User www-data
Group www-data
RewriteEngine on
RewriteRule ^ - [R=200]
"""

    def command(self, folder):
        names = ("mpm_event", "authz_core", "headers", "rewrite", "ssl", "socache_shmcb", "http2")
        modules = "\n".join(f"LoadModule {n}_module {_MODULES}/mod_{n}.so" for n in names)
        return "apache2", "-f", self.write("apache.conf", self.CONF, modules=modules), "-DFOREGROUND"


class HaproxyTls(TlsServer):
    """One thread: two that log at once lose lines (fd_write_frag_line tries the lock, and drops)."""

    http2 = True
    CONF = """
global
	nbthread 1
	log stdout format raw local0
defaults
	mode http
	timeout client 60s
	timeout server 60s
	timeout connect 5s
	log global
	log-format "%ci %HM %[capture.req.uri]"
frontend in
	bind :@port@ ssl crt @dir@/both.pem alpn h2,http/1.1 ssl-min-ver TLSv1.2
	bind :::@port@ v6only ssl crt @dir@/both.pem alpn h2,http/1.1 ssl-min-ver TLSv1.2
	option http-buffer-request
	http-request return status 200 content-type text/plain hdr X-Client "%[src] %[method] %[pathq]" string "hello\\n"
"""

    def command(self, folder):
        with open(os.path.join(folder, "both.pem"), "w", encoding="utf-8") as both:
            for part in (self.certificate.cert, self.certificate.key):
                with open(part, encoding="utf-8") as f:
                    both.write(f.read())
        self.reached = os.path.join(folder, "output")
        return "haproxy", "-db", "-f", self.write("haproxy.cfg", self.CONF)


class Node(TlsServer):
    http2 = True
    PROGRAM = """
const fs = require("fs"), tls = {cert: fs.readFileSync("@cert@"), key: fs.readFileSync("@key@"), allowHTTP1: true};
const log = fs.openSync("@reached@", "a");
const server = require("http2").createSecureServer(tls, (request, response) => {
	const line = `${(request.socket.remoteAddress || "gone").replace("::ffff:", "")} ${request.method} ${request.url}`;
	fs.writeSync(log, line + "\\n");
	request.resume();
	response.setHeader("X-Client", line);
	response.setHeader("Content-Type", "text/plain");
	response.end("hello\\n");
});
server.keepAliveTimeout = 60000;
server.listen(@port@, "::");
"""

    def command(self, folder):
        return "node", self.write("server.js", self.PROGRAM)


class NodeHttps(Node):
    """Without HTTP/2: the module https."""

    http2 = False
    PROGRAM = Node.PROGRAM.replace('require("http2").createSecureServer', 'require("https").createServer')


# what follows a Handler: threads, dual stack, and the handshake in the thread, not the listener
PYTHON_TLS = """
class Server(http.server.ThreadingHTTPServer):
    address_family, request_queue_size = socket.AF_INET6, 512

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def get_request(self):
        connection, address = self.socket.accept()
        return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request, address):
        pass

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("@cert@", "@key@")
context.maximum_version = ssl.TLSVersion.@most@
Server(("::", @port@), Handler).serve_forever()
"""


class PythonThreads(TlsServer):
    PROGRAM = """
import http.server, os, socket, ssl
log = os.open("@reached@", os.O_WRONLY | os.O_APPEND)

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self):
        line = f"{self.client_address[0].removeprefix('::ffff:')} {self.command} {self.path}"
        os.write(log, (line + "\\n").encode())
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("X-Client", line)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"hello\\n")

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, *args):
        pass

""" + PYTHON_TLS

    def command(self, folder):
        return "/usr/bin/python3", self.write("server.py", self.PROGRAM, most="TLSv1_3")


class Uvicorn(TlsServer):
    PROGRAM = """
import os, socket, sys, uvicorn
log = os.open("@reached@", os.O_WRONLY | os.O_APPEND)

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    query = scope["query_string"].decode()
    path = scope["raw_path"].decode() + ("?" + query if query else "")
    line = f"{scope['client'][0].removeprefix('::ffff:')} {scope['method']} {path}"
    os.write(log, (line + "\\n").encode())
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain"),
                (b"content-length", b"6"), (b"x-client", line.encode())]})
    await send({"type": "http.response.body", "body": b"hello\\n"})

listener = socket.create_server(("::", @port@), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512)
config = uvicorn.Config(app, ssl_certfile="@cert@", ssl_keyfile="@key@", log_level="warning", lifespan="off",
                        timeout_keep_alive=60)
uvicorn.Server(config).run(sockets=[listener])
"""

    def command(self, folder):
        return "/usr/bin/python3", self.write("server.py", self.PROGRAM)


class Lighttpd(TlsServer):
    """TLS by GnuTLS. /bodies/ are files beside its folder, which it hands to the library by name."""

    http2 = True
    CONF = """
server.modules = ("mod_gnutls", "mod_magnet", "mod_alias")
server.document-root = "@dir@"
server.port = @port@
server.errorlog = "@dir@/error.log"
server.max-keep-alive-requests = 60000
server.max-keep-alive-idle = 60
server.feature-flags += ("server.h2proto" => "enable")
ssl.pemfile = "@cert@"
ssl.privkey = "@key@"
ssl.engine = "enable"
$SERVER["socket"] == "[::]:@port@" { ssl.engine = "enable" }
mimetype.assign = ("" => "text/plain")
alias.url = ("/bodies/" => "@dir@/../bodies/")
$HTTP["url"] !~ "^/bodies/" { magnet.attract-raw-url-to = ("@dir@/hello.lua") }
"""
    HELLO = """
local r = lighty.r
local client = string.gsub(r.req_attr["request.remote-addr"], "^::ffff:", "")
local line = client .. " " .. r.req_attr["request.method"] .. " " .. r.req_attr["request.orig-uri"]
local log = io.open("@reached@", "a")
log:write(line .. "\\n")
log:close()
r.resp_header["X-Client"] = line
r.resp_header["Content-Type"] = "text/plain"
r.resp_body.set("hello\\n")
return 200
"""

    def command(self, folder):
        self.write("hello.lua", self.HELLO)
        return "lighttpd", "-D", "-f", self.write("lighttpd.conf", self.CONF)


TLS_SERVERS = {"nginx": NginxTls, "apache": Apache, "haproxy": HaproxyTls, "node": Node, "node-https": NodeHttps,
               "python": PythonThreads, "uvicorn": Uvicorn, "lighttpd": Lighttpd}
