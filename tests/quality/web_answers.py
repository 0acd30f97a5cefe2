# SPDX-License-Identifier: GPL-2.0-or-later
"""What an answer may have wrong: headers, cookies, CORS, problem details, pages, versions, status codes, content types,
RateLimit fields, forbidden fields. Each table gives (name, transaction) pairs: wrong ones, right ones."""

import json


def headers(w):
    wrong = [
        (f"nosniff {v}", dict(request=w.request(), response=w.response(without=["x-content-type-options"], fields=f)))
        for v, f in [
            ("missing", []),
            ("misspelled", [("X-Content-Type-Options", "no-sniff")]),
            ("empty", [("X-Content-Type-Options", "")]),
        ]
    ]
    wrong += [
        (f"hsts {v}", dict(request=w.request(), response=w.response(without=["strict-transport-security"], fields=f)))
        for v, f in [
            ("missing", []),
            ("short", [("Strict-Transport-Security", "max-age=300")]),
            ("off", [("Strict-Transport-Security", "max-age=0")]),
            ("without age", [("Strict-Transport-Security", "includeSubDomains")]),
        ]
    ]
    right = [
        (
            n,
            dict(
                request=w.request(),
                response=w.response(
                    without=["x-content-type-options", "strict-transport-security"],
                    fields=[("x-content-type-options", a), ("strict-transport-security", b)],
                ),
            ),
        )
        for n, a, b in [
            ("upper case", "NOSNIFF", "MAX-AGE=31536000"),
            ("quoted age", "nosniff", 'max-age="31536000"'),
            ("more", "nosniff", "max-age=31536000; preload; includeSubDomains"),
            ("blanks", " nosniff ", "max-age = 31536000"),
        ]
    ]
    right += [
        (
            "clear text without hsts",
            dict(
                request=w.request(credential=False),
                secure=False,
                response=w.response(without=["strict-transport-security"]),
            ),
        ),
        ("not modified", dict(request=w.request(), response=w.response(304, body=""))),
        (
            "created",
            dict(request=w.request("POST"), response=w.response(201, fields=[("Location", "/api/v1/items/8")])),
        ),
        ("no content", dict(request=w.request("DELETE"), response=w.response(204, body=""))),
    ]
    return wrong, right


def cookies(w):
    value = w.maker.value("<url:32>")
    names = ["session", "sid", "auth_token", "access_token", "JSESSIONID", "connect.sid"]
    wrong, right = [], []
    for name in names:
        for attributes in (
            "Path=/",
            "Path=/; Secure; SameSite=Lax",
            "Path=/; HttpOnly; SameSite=Strict",
            "HttpOnly; Secure",
        ):
            wrong.append(
                (
                    f"{name} {attributes}",
                    dict(
                        request=w.request(),
                        response=w.response(fields=[("Set-Cookie", f"{name}={value}; {attributes}")]),
                    ),
                )
            )
        for attributes in (
            "Path=/; HttpOnly; Secure; SameSite=Lax",
            "secure; httponly; samesite=strict; Max-Age=900",
            "HttpOnly; Secure; SameSite=Strict; Domain=shop.test",
        ):
            right.append(
                (
                    f"{name} {attributes}",
                    dict(
                        request=w.request(),
                        response=w.response(fields=[("Set-Cookie", f"{name}={value}; {attributes}")]),
                    ),
                )
            )
    for plain in (
        "lang=de; Path=/",
        "theme=dark",
        "consent=yes; Max-Age=31536000",
        "sid=; Max-Age=0; Path=/",
        "sid=deleted; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "currency=EUR; Path=/shop",
        "tz=Europe/Berlin",
    ):
        right.append((plain, dict(request=w.request(), response=w.response(fields=[("Set-Cookie", plain)]))))
    return wrong, right


def cors(w):
    def pair(origin, allowed, credentials=False, vary=True):
        fields = [("Access-Control-Allow-Origin", allowed)] if allowed else []
        fields += [("Access-Control-Allow-Credentials", "true")] if credentials else []
        fields += [("Vary", "Origin")] if vary else []
        return dict(request=w.request(fields=[("Origin", origin)]), response=w.response(fields=fields))

    other = w.maker.value("https://<lc:8>.<lc:3>")
    wrong = [
        ("wildcard", pair(other, "*")),
        ("wildcard with credentials", pair(other, "*", True)),
        ("echo", pair(other, other, True)),
        ("null", pair("null", "null")),
        ("null with credentials", pair("null", "null", True)),
        ("lookalike", pair("https://api.shop.test.evil.test", "https://api.shop.test.evil.test", True)),
        ("lookalike before", pair("https://evilshop.test", "https://evilshop.test", True)),
        ("clear text", pair("http://app.shop.test", "http://app.shop.test", True)),
    ]
    right = [
        ("own site", pair("https://app.shop.test", "https://app.shop.test", True)),
        ("none", pair(other, "")),
        ("fixed partner", pair(other, "https://partner.test")),
        ("fixed partner with credentials", pair(other, "https://partner.test", True)),
        ("same origin", pair("https://api.shop.test", "https://api.shop.test", True)),
        ("no origin", dict(request=w.request(), response=w.response())),
        ("partner who asks", pair("https://partner.test", "https://partner.test")),
        (
            "expose only",
            dict(
                request=w.request(fields=[("Origin", other)]),
                response=w.response(fields=[("Access-Control-Expose-Headers", "ETag")]),
            ),
        ),
    ]
    return wrong, right


def problems(w):
    def pair(status, body, media="application/problem+json", fields=()):
        return dict(request=w.request(), response=w.response(status, body=body, media=media, fields=fields))

    full = {"type": "about:blank", "title": "Not right", "status": 422, "detail": "amount"}
    wrong = [
        ("own format", pair(422, '{"error":"amount"}', "application/json")),
        ("html", pair(500, "<html>oops</html>", "text/html")),
        ("text", pair(404, "not found", "text/plain")),
        ("list", pair(400, "[]")),
        ("title is a number", pair(422, '{"title":7,"status":422}')),
        ("status is a text", pair(422, '{"title":"x","status":"422"}')),
        ("status differs", pair(400, json.dumps(full))),
        ("xml", pair(500, "<error/>", "application/xml")),
        ("nothing in it", pair(400, "{}")),
    ]
    right = [
        (str(s), pair(s, json.dumps({**full, "status": s}), fields=f))
        for s, f in [
            (400, ()),
            (403, ()),
            (404, ()),
            (409, ()),
            (422, ()),
            (500, ()),
            (503, [("Retry-After", "30")]),
            (401, [("WWW-Authenticate", 'Bearer realm="shop"')]),
            (405, [("Allow", "GET, HEAD")]),
            (429, [("Retry-After", "30")]),
        ]
    ]
    right += [
        ("with a charset", pair(422, json.dumps(full), "application/problem+json; charset=utf-8")),
        ("success", pair(200, '{"error":null,"id":7}', "application/json")),
        ("extensions", pair(422, json.dumps({**full, "balance": 30, "accounts": ["/a/1"]}))),
        ("without status", pair(422, '{"type":"about:blank","title":"x"}')),
    ]
    return wrong, right


def pages(w):
    def listing(n, query="", name="items"):
        return dict(
            request=w.request(path=w.path() + query),
            response=w.response(body=json.dumps({name: [{"id": i} for i in range(n)], "total": n})),
        )

    wrong = [
        (f"{n} {name}", listing(n, name=name)) for n in (101, 250, 1000) for name in ("items", "results", "data")
    ]
    wrong += [(f"limit={n}", listing(n, f"?limit={n}")) for n in (150, 500)] + [
        ("per_page", listing(200, "?per_page=200")),
        ("pageSize", listing(400, "?pageSize=400")),
    ]
    right = [(f"limit={n}", listing(n, f"?limit={n}")) for n in (1, 20, 50, 100)] + [
        ("default", listing(20)),
        ("few", listing(3)),
        ("none", listing(0)),
    ]
    right += [
        ("held down", listing(100, "?limit=1000")),
        ("a vector", dict(request=w.request(), response=w.response(body=json.dumps({"embedding": [0.5] * 768})))),
        (
            "coordinates",
            dict(
                request=w.request(),
                response=w.response(body=json.dumps({"type": "LineString", "coordinates": [[1, 2]] * 300})),
            ),
        ),
        (
            "parts of an item",
            dict(request=w.request(), response=w.response(body=json.dumps({"items": [{"tags": ["x"] * 150}] * 5}))),
        ),
        (
            "refused",
            dict(
                request=w.request(path=w.path() + "?limit=9999"),
                response=w.response(
                    400, body='{"type":"about:blank","title":"x","status":400}', media="application/problem+json"
                ),
            ),
        ),
    ]
    return wrong, right


def versions(w):
    later = "Sun, 24 May 2026 16:00:00 GMT"
    wrong = [
        ("no version", dict(request=w.request(path="/items/7"), response=w.response())),
        ("no number", dict(request=w.request(path="/api/items"), response=w.response())),
        ("deprecated, not said", dict(request=w.request(), response=w.response(), deprecated=True)),
        (
            "sunset in a week",
            dict(
                request=w.request(),
                response=w.response(
                    fields=[("Deprecation", "@1764000000"), ("Sunset", "Mon, 01 Dec 2025 16:00:00 GMT")]
                ),
            ),
        ),
        (
            "sunset is no date",
            dict(
                request=w.request(), response=w.response(fields=[("Deprecation", "@1764000000"), ("Sunset", "soon")])
            ),
        ),
        (
            "deprecation is no date",
            dict(request=w.request(), response=w.response(fields=[("Deprecation", "yes"), ("Sunset", later)])),
        ),
    ]
    right = [
        ("v1", dict(request=w.request(path="/api/v1/items"), response=w.response())),
        ("v12", dict(request=w.request(path="/api/v12/items"), response=w.response())),
        (
            "deprecated and said",
            dict(
                request=w.request(),
                response=w.response(fields=[("Deprecation", "@1748000000"), ("Sunset", later)]),
                deprecated=True,
            ),
        ),
        (
            "health",
            dict(request=w.request(path="/healthz", credential=False), response=w.response(body='{"status":"up"}')),
        ),
        (
            "well known",
            dict(
                request=w.request(path="/.well-known/openid-configuration", credential=False), response=w.response()
            ),
        ),
    ]
    return wrong, right


def statuses(w):
    problem = dict(media="application/problem+json")

    def pair(status, fields=(), body=None, **more):
        body = json.dumps({"type": "about:blank", "title": "x", "status": status}) if body is None else body
        return dict(
            request=w.request(),
            response=w.response(status, fields, body, **(more or (problem if status >= 400 else {}))),
        )

    wrong = [
        ("error in a success", pair(200, body='{"error":"no such order"}')),
        ("failed in a success", pair(200, body='{"success":false,"message":"x"}')),
        ("status in a success", pair(200, body='{"statusCode":500}')),
        ("401 without challenge", pair(401)),
        ("405 without Allow", pair(405)),
        ("429 without Retry-After", pair(429)),
        ("redirect without place", dict(request=w.request(), response=w.response(302, body=""))),
    ]
    right = [
        ("401", pair(401, [("WWW-Authenticate", "Bearer")])),
        ("405", pair(405, [("Allow", "GET")])),
        ("429", pair(429, [("Retry-After", "60")])),
        ("no error", pair(200, body='{"error":null}')),
        ("no errors", pair(200, body='{"errors":[]}')),
        ("success", pair(200, body='{"success":true}')),
        ("graphql", pair(200, body='{"data":{"order":null},"errors":[{"message":"x"}]}')),
        ("a status of its own", pair(200, body='{"status":"shipped"}')),
        ("created", dict(request=w.request("POST"), response=w.response(201, [("Location", "/api/v1/x/9")]))),
        ("404", pair(404)),
    ]
    return wrong, right


def types(w):
    def pair(body, media):
        return dict(request=w.request(), response=w.response(body=body, media=media))

    wrong = [
        ("json as html", pair('{"id":7,"name":"x"}', "text/html")),
        ("json as text", pair('{"id":7}', "text/plain")),
        ("json without type", pair('{"id":7}', None)),
        ("html as json", pair("<!doctype html><html><body>x</body></html>", "application/json")),
        ("broken json", pair('{"id":7,}', "application/json")),
        ("text as json", pair("ok", "application/json")),
    ]
    right = [
        ("json", pair('{"id":7}', "application/json")),
        ("problem", pair('{"id":7}', "application/vnd.shop+json")),
        ("text", pair("hello there", "text/plain")),
        ("html", pair("<!doctype html><html></html>", "text/html; charset=utf-8")),
        ("a number", pair("7", "application/json")),
        ("blanks", pair(' \n{"id":7}\n', "application/json")),
        ("csv", pair("id,name\n7,x\n", "text/csv")),
        ("utf-8", pair('{"id":7}', "application/json; charset=utf-8")),
    ]
    return wrong, right


def limits(w):
    none = ["ratelimit-policy", "ratelimit"]
    wrong = [
        (n, dict(request=w.request(), response=w.response(without=none, body=b), limited=True))
        for n, b in [("none", '{"id":7}'), ("list", '{"items":[]}')]
    ]
    right = [
        ("draft", dict(request=w.request(), response=w.response(), limited=True)),
        (
            "legacy",
            dict(
                request=w.request(),
                response=w.response(
                    without=none,
                    fields=[("RateLimit-Limit", "100"), ("RateLimit-Remaining", "99"), ("RateLimit-Reset", "60")],
                ),
                limited=True,
            ),
        ),
        (
            "x-",
            dict(
                request=w.request(),
                response=w.response(
                    without=none, fields=[("X-RateLimit-Limit", "100"), ("X-RateLimit-Remaining", "9")]
                ),
                limited=True,
            ),
        ),
        ("no limit", dict(request=w.request(), response=w.response(without=none))),
    ]
    return wrong, right


def fields(w):
    names = ["password_hash", "internal_id", "credit_score"]

    def pair(body):
        return dict(request=w.request(), response=w.response(body=body), forbidden=names)

    wrong = [
        (n, pair(json.dumps({"user": {"id": 7, n: w.maker.value("<lc:8>")}})))
        for n in ("password_hash", "passwordHash", "internal_id", "internalId", "creditScore", "CREDIT_SCORE")
    ]
    wrong += [
        ("in a list", pair(json.dumps([{"id": 1}, {"id": 2, "internal_id": 9}]))),
        ("escaped", pair('{"p\\u0061ssword_hash":"x"}')),
    ]
    right = [
        ("null", pair('{"password_hash":null}')),
        ("as a value", pair('{"field":"password_hash"}')),
        ("a part", pair('{"password_hash_algorithm":"none"}')),
        ("another", pair('{"internal":true,"id":7}')),
        ("none", pair('{"id":7}')),
        ("in a text", pair('{"m":"the \\"internal_id\\": is gone"}')),
    ]
    return wrong, right
