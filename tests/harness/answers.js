// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * answers.js - a real node server that gives the answers it is told to: a JSON file of
 * {"/path": {"status": 200, "fields": [["name", "value"]], "body": "text"}}. Called by servers.py:
 *
 *   node answers.js FILE PLAIN_PORT [TLS_PORT CERT KEY]
 */
"use strict";
const fs = require("fs");
const http = require("http");
const https = require("https");

const [file, plain, secure, cert, key] = process.argv.slice(2);
const answers = JSON.parse(fs.readFileSync(file, "utf8"));
// strangers' framing is what one test is about
const options = { insecureHTTPParser: true, keepAlive: true };

function answer(request, response) {
	const path = request.url.split("?")[0];
	const known = answers[path] || { status: 404, fields: [], body: "" };

	request.resume();
	request.on("end", () => {
		for (const [name, value] of known.fields) {
			const before = response.getHeader(name);
			response.setHeader(name, before === undefined ? value : [].concat(before, value));
		}
		response.statusCode = known.status;
		response.end(request.method === "HEAD" ? "" : known.body);
	});
}

http.createServer(options, answer).listen(Number(plain), "::");
if (secure) {
	https.createServer({ ...options, cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, answer)
		.listen(Number(secure), "::");
}
