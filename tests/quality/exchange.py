# SPDX-License-Identifier: GPL-2.0-or-later
"""One request with its response, right in every way a case does not say: what web_*.py is written in."""


class Web:
    def __init__(self, maker):
        self.maker = maker

    def path(self):
        return self.maker.value("/api/v<d:1>/<lc:6>/<d:4>").replace("/v0/", "/v1/")

    def request(self, method="GET", path=None, fields=(), body="", credential=True):
        own = [("Host", "api.shop.test"), ("Accept", "application/json")]
        if credential:
            own.append(("Authorization", self.maker.value("Bearer <url:32>")))
        return (
            "\n".join([f"{method} {path or self.path()} HTTP/1.1"] + [f"{n}: {v}" for n, v in [*own, *fields]])
            + "\n\n"
            + body
        )

    def response(self, status=200, fields=(), body='{"id":7}', without=(), media="application/json"):
        own = [
            ("Date", "Mon, 24 Nov 2025 16:00:00 GMT"),
            ("X-Content-Type-Options", "nosniff"),
            ("Strict-Transport-Security", "max-age=63072000; includeSubDomains"),
            ("Cache-Control", "no-store"),
            ("RateLimit-Policy", '"general";q=100;w=900'),
            ("RateLimit", '"general";r=99;t=900'),
        ]
        if media and body:
            own.append(("Content-Type", media))
        own = [(n, v) for n, v in own if n.lower() not in without]
        return "\n".join([f"HTTP/1.1 {status} X"] + [f"{n}: {v}" for n, v in [*own, *fields]]) + "\n\n" + body
