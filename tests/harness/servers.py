# SPDX-License-Identifier: GPL-2.0-or-later
"""servers.py - the real servers under test: nginx, haproxy, and the Python backend with answers that
wait. Each has its own folder and its own log of what reached it. Called by lib.py.
"""

import base64
import json
import os
import re
import socket
import subprocess
import sys

from netns import SERVER4, sh
from poll import PATIENCE, poll

HERE = os.path.dirname(os.path.abspath(__file__))

NGINX = """
daemon off; {workers} worker_rlimit_nofile 8192;
pid {dir}/pid; error_log {dir}/error.log;
events {{ worker_connections 4096; }}
http {{
	log_format reached '$remote_addr $server_port "$request" $status $where';
	access_log {dir}/access.log reached;
	client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fcgi;
	uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
	keepalive_requests 10000000; client_max_body_size 100m; merge_slashes on; default_type text/plain;
	map $http_authorization $token {{
		default 0; "~^Bearer good-[a-z]+$" 1;
	}}
	{http}
	server {{
		{listen}
		set $where other;
		location / {{ return 200 "other\\n"; }}
		location /api/v1/auth/ {{ set $where auth; return 200 "AUTH\\n"; }}
		location /api/v1/public/ {{ return 200 "PUBLIC\\n"; }}
		location /api/v1/private/ {{ if ($token = 0) {{ return 401 "who are you?\\n"; }} return 200 "PRIVATE\\n"; }}
		location /api/v1/upload/ {{ proxy_pass http://127.0.0.1:8091; proxy_request_buffering on; }}
		{extra}
	}}
	{local}
}}
"""


# what the tests themselves ask; a second nginx of the namespace has none
LOCAL = """
	server { listen 127.0.0.1:8091; access_log off; location / { return 200 "uploaded\\n"; } }
	server { listen 127.0.0.1:8099; set $where sync; location / { return 200 "sync\\n"; } }
"""


def await_port(ns, port, host="127.0.0.1"):
    def connects():
        try:
            with ns:
                socket.create_connection((host, port), timeout=1).close()
            return True
        except OSError:
            return False

    poll(connects, 10, f"somebody listens on {host}:{port}")


class Server:
    """A server process in a namespace, in a folder of its own."""

    def __init__(self, ns, folder, *argv):
        self.ns, self.dir = ns, folder
        self.log = open(os.path.join(folder, "output"), "wb")
        self.process = ns.popen(*argv, stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Certificate:
    """A self-signed certificate and its key, made by openssl."""

    def __init__(self, folder, name="shop.test", days=365, key=("ec", "-pkeyopt", "ec_paramgen_curve:P-256")):
        self.cert, self.key = os.path.join(folder, f"{name}.pem"), os.path.join(folder, f"{name}.key")
        kind, *options = key
        sh("openssl", "req", "-x509", "-newkey", kind, *options, "-nodes", "-keyout", self.key, "-out", self.cert,
           "-days", str(days), "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}")


class Nginx(Server):
    def __init__(self, ns, folder, ports=(8080,), extra="", http="", tls=None, certificate=None, sync=True,
                 workers=0):
        """tls: the ssl_protocols of every port; certificate: a Certificate, else one is made; workers: so many
        processes, which log in no order (lines() wants one)."""
        os.makedirs(folder)
        ssl = " ssl" if tls else ""
        listen = " ".join(f"listen {p}{ssl} backlog=4096; listen [::]:{p}{ssl} ipv6only=on backlog=4096;"
                          for p in ports)
        if tls:
            c = certificate or Certificate(folder)
            extra += (f"ssl_protocols {tls}; ssl_certificate {c.cert}; ssl_certificate_key {c.key}; "
                      "ssl_ciphers ALL:@SECLEVEL=0; ssl_session_cache shared:s:1m; ssl_early_data on;")
        conf = os.path.join(folder, "nginx.conf")
        with open(conf, "w", encoding="utf-8") as f:
            f.write(NGINX.format(dir=folder, listen=listen, extra=extra, http=http, local=LOCAL if sync else "",
                                 workers=f"user root; worker_processes {workers};" if workers else
                                 "master_process off;"))
        super().__init__(ns, folder, "nginx", "-c", conf, "-e", os.path.join(folder, "error.log"))
        self.syncs = 0
        await_port(ns, ports[0])

    def lines(self, path=r".*", source=r"\S+", broken=False):
        """What nginx logged about the requests it ran whose target matches path, from source; broken:
        those whose head was wrong or broken off as well. One process serves and logs in order, so a
        request of our own that has been logged closes the books."""
        self.syncs += 1
        mark = f"GET /sync/{self.syncs} "
        with self.ns:
            with socket.create_connection(("127.0.0.1", 8099), timeout=PATIENCE) as s:
                s.sendall(f"{mark}HTTP/1.0\r\n\r\n".encode())
                while s.recv(4096):
                    pass
        log = poll(lambda: (text := self._log()) and mark in text and text, 5, "nginx logs the sync request")
        # a request line may be anything a client can send
        wanted = re.compile(rf'({source}) \d+ "' + ("" if path == ".*" else rf'\S+ (?:{path})(?: \S+)?" '))
        return [line for line in log.splitlines()
                if wanted.match(line) and " 8099 " not in line and (broken or not line.endswith(" "))]

    def served(self, where, source):
        """How many requests of source that location answered with 200, whatever they looked like."""
        return sum(line.endswith(f" 200 {where}") for line in self.lines(source=source))

    def count(self, path=r".*", source=r"\S+"):
        return len(self.lines(path, source))

    def _log(self):
        with open(os.path.join(self.dir, "access.log"), encoding="utf-8", errors="replace") as f:
            return f.read()


class Backend(Server):
    def __init__(self, ns, folder, port):
        os.makedirs(folder)
        self.ran_path = os.path.join(folder, "ran")
        self.control = os.path.join(folder, "control")
        open(self.ran_path, "w", encoding="utf-8").close()
        super().__init__(ns, folder, sys.executable, os.path.join(HERE, "backend.py"), str(port),
                         self.ran_path, self.control)
        await_port(ns, port)

    def ran(self):
        with open(self.ran_path, encoding="utf-8") as f:
            return f.read().splitlines()

    def release(self):
        """Lets one held answer end."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.control)
            s.recv(1)


class Answers(Server):
    """A node server that answers as the table says: {"/path": (status, {field: value or list}, body)}."""

    def __init__(self, ns, folder, table, port=8080, tls_port=8443):
        os.makedirs(folder)
        path = os.path.join(folder, "answers.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump({p: {"status": status, "body": body, "fields": self._pairs(fields)}
                       for p, (status, fields, body) in table.items()}, f)
        c = Certificate(folder)
        super().__init__(ns, folder, "node", os.path.join(HERE, "answers.js"), path, str(port), str(tls_port), c.cert,
                         c.key)
        await_port(ns, port)
        await_port(ns, tls_port)

    @staticmethod
    def _pairs(fields):
        return [[n, v] for n, vs in fields.items() for v in (vs if isinstance(vs, list) else [vs])]


class Pieces(Server):
    """A server of its own making that writes piece by piece what it is told to; pieces.py."""

    def __init__(self, ns, folder, port=8080, tls_port=8443, certificate=None):
        self.answers = os.path.join(folder, "answers")
        os.makedirs(self.answers)
        c = certificate or Certificate(folder)
        super().__init__(ns, folder, sys.executable, os.path.join(HERE, "pieces.py"), self.answers, str(port),
                         str(tls_port), c.cert, c.key)
        await_port(ns, port)
        await_port(ns, tls_port)

    def _file(self, path):
        return os.path.join(self.answers, path.strip("/").replace("/", "-"))

    def tell(self, path, pieces):
        """From now on requests of the path are answered with these writes."""
        with open(self._file(path), "w", encoding="ascii") as f:
            json.dump([base64.b64encode(piece).decode() for piece in pieces], f)

    def tell_mapped(self, path, body):
        """/mapped/...: the bytes are written from a mapping nobody has read."""
        with open(self._file(path), "wb") as f:
            f.write(body)


HAPROXY = """
defaults
	mode http
	timeout connect 5s
	timeout client 30s
	timeout server 30s
	option forwardfor
	http-reuse always
frontend in
	bind 127.0.0.1:{port}
	bind :::{port} v6only
	default_backend out
backend out
	server s1 {server}:{backend_port} source {source} pool-max-conn 1
"""


class Haproxy(Server):
    """A reverse proxy that pools its connections to the server under test."""

    def __init__(self, ns, folder, port, source, backend_port=8080, server=SERVER4):
        os.makedirs(folder)
        conf = os.path.join(folder, "haproxy.cfg")
        with open(conf, "w", encoding="utf-8") as f:
            f.write(HAPROXY.format(port=port, server=server, backend_port=backend_port, source=source))
        sh("haproxy", "-c", "-q", "-f", conf)
        super().__init__(ns, folder, "haproxy", "-db", "-f", conf)
        await_port(ns, port)
