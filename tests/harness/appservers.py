# SPDX-License-Identifier: GPL-2.0-or-later
"""appservers.py - applications that can be attacked: logins, objects by id, what only some may see, a crash, a leak.
The same in node (https: HTTP/1.1; http2: HTTP/2) and in Python (threads, ssl). What reached them is logged with its
time. Called by tests.

    app = s.serve(lambda: APPS["node"](s.server, folder, 8443, certificate))
"""

from tlsservers import PYTHON_TLS, TlsServer

LEAK = "AKIA" + "Q3EGRZ5XBFTLN7WD"
RIGHT = "Right-horse-7"


class App(TlsServer):
    def moments(self, path):
        """When requests whose path begins so reached it."""
        with open(self.reached, encoding="utf-8") as f:
            rows = [line.split() for line in f.read().split("\n")[:-1]]
        return [float(row[3]) for row in rows if row[2].startswith(path)]


class NodeApp(App):
    MOST = "TLSv1.3"
    MODULE = "https"
    PROGRAM = """
const fs = require("fs");
const log = fs.openSync("@reached@", "a");
function say(response, status, body, type) {
	response.writeHead(status, {"Content-Type": type || "text/plain"});
	response.end(body);
}
function route(request, response, body) {
	const path = request.url.split("?")[0];
	if (path.startsWith("/api/v1/login/"))
		return JSON.parse(body).password === "@right@" ? say(response, 200, "in\\n") : say(response, 401, "no\\n");
	if (path.startsWith("/api/v1/admin/"))
		return say(response, 403, "no\\n");
	if (path.startsWith("/api/v1/crash"))
		throw new Error("no such row");
	if (path.startsWith("/api/v1/leak"))
		return say(response, 200, JSON.stringify({region: "eu", key: "@leak@"}), "application/json");
	say(response, 200, JSON.stringify({name: "x"}), "application/json");
}
function answer(request, response) {
	const who = (request.socket.remoteAddress || "gone").replace("::ffff:", "");
	fs.writeSync(log, `${who} ${request.method} ${request.url} ${Date.now() / 1000}\\n`);
	let body = "";
	request.on("data", (more) => { body += more; });
	request.on("end", () => {
		try {
			route(request, response, body);
		} catch (e) {
			say(response, 500, "internal error\\n");
		}
	});
}
const tls = {cert: fs.readFileSync("@cert@"), key: fs.readFileSync("@key@"), maxVersion: "@most@", allowHTTP1: true};
const server = require("@module@")[ "@module@" === "http2" ? "createSecureServer" : "createServer" ](tls, answer);
server.keepAliveTimeout = 60000;
server.listen(@port@, "::");
"""

    def command(self, folder):
        return "node", self.write("app.js", self.PROGRAM, right=RIGHT, leak=LEAK, most=self.MOST, module=self.MODULE)


class NodeApp2(NodeApp):
    http2 = True
    MODULE = "http2"


class PythonApp(App):
    MOST = "TLSv1_3"
    PROGRAM = """
import http.server, json, os, socket, ssl, time
log = os.open("@reached@", os.O_WRONLY | os.O_APPEND)

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def say(self, status, body, kind="text/plain"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def route(self, body):
        path = self.path.split("?")[0]
        if path.startswith("/api/v1/login/"):
            right = json.loads(body)["password"] == "@right@"
            return self.say(200, "in\\n") if right else self.say(401, "no\\n")
        if path.startswith("/api/v1/admin/"):
            return self.say(403, "no\\n")
        if path.startswith("/api/v1/crash"):
            raise KeyError("no such row")
        if path.startswith("/api/v1/leak"):
            return self.say(200, json.dumps({"region": "eu", "key": "@leak@"}), "application/json")
        return self.say(200, json.dumps({"name": "x"}), "application/json")

    def do_GET(self):
        who = self.client_address[0].removeprefix("::ffff:")
        os.write(log, f"{who} {self.command} {self.path} {time.time():.3f}\\n".encode())
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            self.route(body)
        except Exception:
            self.say(500, "internal error\\n")

    do_POST = do_GET

    def log_message(self, *args):
        pass

""" + PYTHON_TLS

    def command(self, folder):
        return "/usr/bin/python3", self.write("app.py", self.PROGRAM, right=RIGHT, leak=LEAK, most=self.MOST)


class OldNodeApp(NodeApp):
    MOST = "TLSv1.2"


class OldPythonApp(PythonApp):
    MOST = "TLSv1_2"


APPS = {"node": NodeApp, "node-h2": NodeApp2, "python": PythonApp, "old-node": OldNodeApp, "old-python": OldPythonApp}
