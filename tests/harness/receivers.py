# SPDX-License-Identifier: GPL-2.0-or-later
"""receivers.py - who receives what the agent exports, in the agent's namespace: a webhook receiver that
checks signatures and can be slow, failing or dead; rsyslog and Prometheus as Debian ships them.
"""

import hashlib
import hmac
import http.server
import json
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from poll import PATIENCE, poll
from servers import await_port


class Receiver:
    """An HTTP receiver. Signatures are verified from the header's description alone, with Python's own
    hmac. `status` is what it answers (a number, or a function of the request's number); `headers` go
    with every answer; `delay` is how long it thinks."""

    def __init__(self, ns, port, key=None, tls=None):
        self.ns, self.port, self.key, self.tls = ns, port, key, tls
        self.status, self.headers, self.delay = 204, {}, 0
        self.requests = []  # (path, headers, body, status answered, time)
        self.peek = b""  # the body `status` is asked about
        self.bad_signatures = 0
        self.lock = threading.Lock()
        self.server = None
        self.start()

    def start(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                receiver.handle(self)

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        class Server(http.server.ThreadingHTTPServer):
            def process_request(self, request, client_address):
                receiver.connections.append(request)
                super().process_request(request, client_address)

        self.connections = []
        with self.ns:
            self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        if self.tls:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def handle(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        if self.delay:
            time.sleep(self.delay)  # sleep: this receiver is slow, that is what is tested
        with self.lock:
            self.peek = body
            status = self.status(len(self.requests)) if callable(self.status) else self.status
            self.bad_signatures += not self.signed(request.headers, body)
            self.requests.append((request.path, dict(request.headers), body, status, time.monotonic()))
        request.send_response(status)
        for name, value in self.headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def signed(self, headers, body):
        if self.key is None:
            return True
        stamp = headers.get("Glacis-Timestamp", "")
        wanted = "v1=" + hmac.new(self.key, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        fresh = stamp.isdigit() and abs(time.time() - int(stamp)) < 300
        return fresh and hmac.compare_digest(wanted, headers.get("Glacis-Signature", ""))

    def taken(self):
        """Every event that was answered with 2xx, in order, repeated ones too."""
        with self.lock:
            return [e for _, _, body, status, _ in self.requests if status < 300
                    for e in json.loads(body).get("events", [])]

    def ids(self):
        return [e["id"] for e in self.taken()]

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            for c in self.connections:
                try:
                    c.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it has ended
        self.server = None


RSYSLOG = """
module(load="imtcp") module(load="imudp") module(load="imuxsock" SysSock.Use="off") module(load="mmpstrucdata")
global(workDirectory="{dir}")
template(name="json" type="list") {{
    constant(value="{{\\"pri\\":\\"") property(name="pri")
    constant(value="\\",\\"sev\\":\\"") property(name="syslogseverity-text")
    constant(value="\\",\\"facility\\":\\"") property(name="syslogfacility-text")
    constant(value="\\",\\"host\\":\\"") property(name="hostname" format="json")
    constant(value="\\",\\"app\\":\\"") property(name="app-name" format="json")
    constant(value="\\",\\"msgid\\":\\"") property(name="msgid" format="json")
    constant(value="\\",\\"time\\":\\"") property(name="timereported" dateFormat="rfc3339")
    constant(value="\\",\\"msg\\":\\"") property(name="msg" format="json")
    constant(value="\\",\\"sd\\":") property(name="$!rfc5424-sd") constant(value="}}\\n")
}}
ruleset(name="out") {{
    action(type="mmpstrucdata")
    action(type="omfile" file="{dir}/messages" template="json")
}}
input(type="imtcp" port="{port}" address="127.0.0.1" ruleset="out")
input(type="imudp" port="{port}" address="127.0.0.1" ruleset="out")
input(type="imuxsock" Socket="{dir}/log.sock" ruleset="out" UseSysTimeStamp="off" ParseTrusted="off"
      RateLimit.Interval="0" useSpecialParser="off" parseHostname="on")
"""


class Rsyslog:
    def __init__(self, ns, folder, port):
        os.makedirs(folder)
        os.chmod(folder, 0o755)
        self.ns, self.dir, self.port = ns, folder, port
        self.conf = os.path.join(folder, "rsyslog.conf")
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(RSYSLOG.format(dir=folder, port=port))
        self.process = None
        self.start()

    def start(self):
        with open(os.path.join(self.dir, "output"), "ab") as log:
            self.process = self.ns.popen("rsyslogd", "-n", "-f", self.conf, "-i", os.path.join(self.dir, "pid"),
                                         stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        await_port(self.ns, self.port)

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def messages(self):
        """What it wrote: JSON made by rsyslog of what it parsed."""
        path = os.path.join(self.dir, "messages")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8-sig") as f:
            return [json.loads(line) for line in f if line.endswith("\n")]

    def ids(self):
        return [m["sd"]["glacis@32473"]["id"] for m in self.messages()]


class Prometheus:
    def __init__(self, ns, folder, port, target):
        os.makedirs(folder)
        self.ns, self.port = ns, port
        conf = os.path.join(folder, "prometheus.yml")
        with open(conf, "w", encoding="utf-8") as f:
            f.write("global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: glacis\n"
                    f"    static_configs: [{{targets: ['{target}']}}]\n")
        self.log = open(os.path.join(folder, "output"), "wb")
        self.process = ns.popen("prometheus", f"--config.file={conf}", f"--storage.tsdb.path={folder}/data",
                                f"--web.listen-address=127.0.0.1:{port}", stdout=self.log, stderr=self.log,
                                stdin=subprocess.DEVNULL)
        await_port(ns, port)
        poll(self.is_ready, 20, "Prometheus is ready")

    def is_ready(self):
        try:
            with self.ns:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=PATIENCE) as r:
                    return r.status == 200
        except urllib.error.HTTPError:
            return False

    def query(self, text):
        """An instant query's samples: [({label: value}, number)]."""
        with self.ns:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/query?"
                                        + urllib.parse.urlencode({"query": text}), timeout=PATIENCE) as r:
                answer = json.load(r)
        return [(s["metric"], float(s["value"][1])) for s in answer["data"]["result"]]

    def await_query(self, text, seconds=15):
        return poll(lambda: self.query(text), seconds, f"Prometheus knows {text}")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
