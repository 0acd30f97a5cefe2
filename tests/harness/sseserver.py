# SPDX-License-Identifier: GPL-2.0-or-later
"""sseserver.py - a node application whose answers take as long as anybody listens: server-sent events on
/.../stream, an upgrade to a protocol of its own on /.../upgrade; anything else is answered at once. HTTP/1.1 in
plaintext, and over TLS HTTP/1.1 and HTTP/2. Called by tests.

    app = s.serve(lambda: SseServer(s.server, folder, plain=8080, tls=8443))
"""

from tlsservers import TlsServer


class SseServer(TlsServer):
    EVERY_MS = 20
    PROGRAM = """
const fs = require("fs"), http = require("http"), http2 = require("http2");
const log = fs.openSync("@reached@", "a");
const name = (socket, method, url) => `${(socket.remoteAddress || "").replace("::ffff:", "")} ${method} ${url}\\n`;
function answer(request, response) {
	fs.writeSync(log, name(request.socket, request.method, request.url));
	request.resume();
	if (!request.url.split("?")[0].endsWith("/stream")) {
		response.setHeader("Content-Type", "text/plain");
		response.end("hello\\n");
		return;
	}
	response.setHeader("Content-Type", "text/event-stream");
	let n = 0;
	const tick = setInterval(() => response.write(`data: ${n++}\\n\\n`), @every@);
	const over = () => clearInterval(tick);
	response.on("close", over);
	response.on("error", over);
}
function upgrade(request, socket) {
	fs.writeSync(log, name(socket, request.method, request.url));
	socket.write("HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: ticks\\r\\nConnection: Upgrade\\r\\n\\r\\n");
	const tick = setInterval(() => socket.write("tick\\n"), @every@);
	socket.on("close", () => clearInterval(tick));
	socket.on("error", () => clearInterval(tick));
}
const plain = http.createServer(answer);
const secure = http2.createSecureServer({cert: fs.readFileSync("@cert@"), key: fs.readFileSync("@key@"),
	allowHTTP1: true}, answer);
for (const server of [plain, secure]) {
	server.on("upgrade", upgrade);
	server.keepAliveTimeout = 60000;
}
plain.listen(@plain@, "::", () => secure.listen(@port@, "::"));
"""

    def __init__(self, ns, folder, plain, tls, certificate=None):
        self.plain = plain
        super().__init__(ns, folder, tls, certificate)

    def command(self, folder):
        return "node", self.write("server.js", self.PROGRAM, plain=self.plain, every=self.EVERY_MS)
