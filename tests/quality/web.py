# SPDX-License-Identifier: GPL-2.0-or-later
"""Transactions with one thing wrong, and transactions that look wrong and are not, from the standards themselves:
RFC 9110, 6265bis, 6797, the Fetch standard's CORS, 9457, 7519, 6749 with 7636, 9745, 8594. What is right is right
in every other way, so that one control is what a case is about."""

import json

from corpus import Case

REPEAT = 4  # rounds over each table, every time with other values


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


def both(group, controls, wrong, right):
    """Cases of a group: `wrong` and `right` give (name, what) pairs."""
    for name, what in wrong:
        yield Case(group, name, [("control", controls)], [], secure=what.pop("secure", True), **what)
    for name, what in right:
        yield Case(group, name, [], [group], secure=what.pop("secure", True), **what)


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


NOW = 1764000000  # what judge takes for the time of a transaction


def jwts(w):
    def bearing(header, claims, status=200):
        token = f"{w.maker.b64url(json.dumps(header))}.{w.maker.b64url(json.dumps(claims))}." + (
            "" if header.get("alg") == "none" else w.maker.b64url(w.maker.rng.randbytes(64))
        )
        return dict(
            request=w.request(credential=False, fields=[("Authorization", f"Bearer {token}")]),
            response=w.response(status),
            auth=True,
        )

    good = {"iss": "https://login.shop.test", "sub": w.maker.value("u-<d:5>"), "iat": NOW - 60, "exp": NOW + 600}
    plain = {"alg": "RS256", "typ": "JWT", "kid": w.maker.value("k<d:2>")}
    wrong = [
        ("none", bearing({"alg": "none", "typ": "JWT"}, good)),
        ("None", bearing({"alg": "nOnE"}, good)),
        ("no such algorithm", bearing({**plain, "alg": "RS1"}, good)),
        ("jku", bearing({**plain, "jku": "https://evil.test/jwks.json"}, good)),
        ("x5u", bearing({**plain, "x5u": "http://198.51.100.9/c.pem"}, good)),
        ("kid path", bearing({**plain, "kid": "../../../../dev/null"}, good)),
        ("kid sql", bearing({**plain, "kid": "k1' UNION SELECT 'x"}, good)),
        ("own key", bearing({**plain, "jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}}, good)),
        ("a day", bearing(plain, {**good, "exp": NOW + 86400})),
        ("no end", bearing(plain, {k: v for k, v in good.items() if k != "exp"})),
        ("milliseconds", bearing(plain, {**good, "exp": (NOW + 600) * 1000})),
        ("ended", bearing(plain, {**good, "iat": NOW - 4000, "exp": NOW - 3600})),
    ]
    right = [
        (alg, bearing({**plain, "alg": alg}, good)) for alg in ("RS256", "ES256", "PS512", "EdDSA", "HS256", "ES384")
    ]
    right += [
        ("at+jwt", bearing({**plain, "typ": "at+jwt"}, good)),
        ("fifteen minutes", bearing(plain, {**good, "iat": NOW, "exp": NOW + 900})),
        ("uuid kid", bearing({**plain, "kid": w.maker.uuid()}, good)),
        ("thumbprint kid", bearing({**plain, "kid": w.maker.value("<url:43>")}, good)),
        ("opaque", dict(request=w.request(), response=w.response(), auth=True)),
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


def authentication(w):
    wrong = [
        (m, dict(request=w.request(m, credential=False), response=w.response(), auth=True))
        for m in ("GET", "POST", "PUT", "PATCH", "DELETE")
    ]
    right = [
        ("credential", dict(request=w.request(), response=w.response(), auth=True)),
        ("public", dict(request=w.request(credential=False), response=w.response())),
        (
            "refused",
            dict(
                request=w.request(credential=False),
                auth=True,
                response=w.response(
                    401,
                    [("WWW-Authenticate", "Bearer")],
                    '{"type":"about:blank","title":"x","status":401}',
                    media="application/problem+json",
                ),
            ),
        ),
        (
            "api key",
            dict(
                request=w.request(credential=False, fields=[("X-Api-Key", w.maker.value("<an:32>"))]),
                response=w.response(),
                auth=True,
            ),
        ),
        (
            "preflight",
            dict(
                request=w.request(
                    "OPTIONS",
                    credential=False,
                    fields=[("Origin", "https://app.shop.test"), ("Access-Control-Request-Method", "GET")],
                ),
                response=w.response(204, body=""),
                auth=True,
            ),
        ),
        (
            "redirect",
            dict(
                request=w.request(credential=False),
                response=w.response(302, [("Location", "https://login.shop.test/")], ""),
                auth=True,
            ),
        ),
    ]
    return wrong, right


def oauth(w):
    def token(body):
        return dict(
            request=w.request(
                "POST",
                "/oauth/token",
                [("Content-Type", "application/x-www-form-urlencoded")],
                body,
                credential=False,
            ),
            response=w.response(
                body=json.dumps(
                    {"access_token": w.maker.value("<url:40>"), "token_type": "Bearer", "expires_in": 600}
                )
            ),
        )

    def authorize(query):
        return dict(
            request=w.request(path=f"/oauth/authorize?{query}", credential=False),
            response=w.response(302, [("Location", "https://app.shop.test/cb?code=x&state=y")], ""),
        )

    challenge = "code_challenge=" + w.maker.value("<url:43>")
    wrong = [
        ("password", token("grant_type=password&username=a&password=Abcdefgh1234!x")),
        ("implicit", authorize("response_type=token&client_id=a&state=s")),
        ("no challenge", authorize("response_type=code&client_id=a&state=s")),
        ("plain", authorize(f"response_type=code&client_id=a&state=s&{challenge}&code_challenge_method=plain")),
        (
            "no verifier",
            token("grant_type=authorization_code&code=abc&redirect_uri=https%3A%2F%2Fapp.shop.test%2Fcb"),
        ),
    ]
    right = [
        ("code", authorize(f"response_type=code&client_id=a&state=s&{challenge}&code_challenge_method=S256")),
        ("client", token("grant_type=client_credentials&scope=a")),
        ("exchange", token("grant_type=authorization_code&code=abc&code_verifier=" + w.maker.value("<url:43>"))),
        ("refresh", token("grant_type=refresh_token&refresh_token=" + w.maker.value("<url:40>"))),
        ("other", dict(request=w.request(path=w.path() + "?code=abc&state=7"), response=w.response())),
    ]
    return wrong, right


def queries(w):
    m = w.maker
    wrong = [
        (n, dict(request=w.request(path=f"{w.path()}?{q}"), response=w.response()))
        for n, q in [
            ("password", "user=a&password=" + m.value("<an:12>")),
            ("token", "access_token=" + m.value("<url:40>")),
            ("key", "api_key=" + m.value("<an:32>")),
            ("session", "sessionid=" + m.value("<hx:32>")),
            ("secret", "client_secret=" + m.value("<an:40>")),
            ("jwt", "t=" + m.jwt()),
        ]
    ]
    right = [
        (n, dict(request=w.request(path=f"{w.path()}?{q}"), response=w.response()))
        for n, q in [
            ("page", "page=2&limit=20"),
            ("page token", "page_token=" + m.value("<url:24>")),
            ("sort", "sort=-created&filter=status%3Aopen"),
            ("csrf off", "passwordless=true"),
            ("token type", "token_type=bearer"),
            ("key word", "keyword=garden&category=keys"),
            ("id", "id=" + m.uuid()),
            ("cursor", "cursor=" + m.value("<url:32>")),
        ]
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


def uploads(w):
    def pair(media, body, status=201, name=None):
        fields = [("Content-Type", media)]
        if name:
            head = f"Content-Disposition: form-data; name=f; filename={name}\r\nContent-Type: {media}"
            body = f"--b\r\n{head}\r\n\r\n{body}\r\n--b--"
            fields = [("Content-Type", "multipart/form-data; boundary=b")]
        problem = '{"type":"about:blank","title":"x","status":%d}' % status
        answer = (
            w.response(status, [("Location", "/api/v1/f/1")], "{}")
            if status < 300
            else w.response(status, body=problem, media="application/problem+json")
        )
        return dict(request=w.request("POST", fields=fields, body=body), response=answer)

    wrong = [
        ("php as image", pair("image/png", "<?php echo 1;")),
        ("html as image", pair("image/jpeg", "<html><script>x</script>")),
        ("program as pdf", pair("application/pdf", "MZ....")),
        ("script by name", pair("text/plain", "x", name="a.php")),
        ("program by name", pair("application/octet-stream", "x", name="setup.exe")),
        ("page in a form", pair("image/gif", "<!doctype html>", name="a.gif")),
    ]
    right = [
        ("image", pair("image/png", "\x7fPNG")),
        ("refused", pair("image/png", "<?php", 415)),
        ("text", pair("text/plain", "hello", name="a.txt")),
        ("pdf", pair("application/pdf", "%PDF-1.7", name="a.pdf")),
        ("svg", pair("image/svg+xml", "<svg xmlns=a></svg>")),
        ("archive", pair("application/zip", "PK..", name="a.zip")),
        ("php in its name only", pair("text/plain", "x", name="php-manual.txt")),
    ]
    return wrong, right


def passwords(w):
    def pair(password, path="/api/v1/register", status=201, name="password"):
        body = json.dumps({"email": "someone", name: password})
        answer = w.response(status, [("Location", "/api/v1/users/9")] if status == 201 else [], "{}")
        return dict(
            request=w.request("POST", path, [("Content-Type", "application/json")], body, credential=False),
            response=answer,
        )

    m = w.maker
    wrong = [
        ("short", pair(m.value("<uc:2><lc:3><d:2>!"))),
        ("one kind", pair(m.value("<lc:16>"))),
        ("no sign", pair(m.value("<uc:4><lc:8><d:4>"))),
        ("changed to a short one", pair(m.value("<uc:1><lc:3>1!"), "/api/v1/password/change", 200, "newPassword")),
    ]
    right = [
        ("long", pair(m.value("<uc:4><lc:6><d:4>!?"))),
        ("a login is no choice", pair(m.value("<lc:6>"), "/api/v1/login", 200)),
        ("refused", pair(m.value("<lc:5>"), status=422)),
        ("passphrase", pair(m.value("Correct-<lc:6>-<lc:6>-<d:2>"))),
    ]
    return wrong, right


def in_clear(w):
    def pair(secure, credential=True, fields=(), status=200):
        return dict(
            request=w.request(credential=credential, fields=list(fields)), response=w.response(status), secure=secure
        )

    wrong = [
        ("bearer", pair(False)),
        ("basic", pair(False, False, [("Authorization", "Basic " + w.maker.b64(16))])),
        ("api key", pair(False, False, [("X-Api-Key", w.maker.value("<an:32>"))])),
    ]
    right = [
        ("inside tls", pair(True)),
        ("no credential", pair(False, False)),
        ("tls before a proxy", pair(False, True, [("X-Forwarded-Proto", "https")])),
        ("key inside tls", pair(True, False, [("X-Api-Key", w.maker.value("<an:32>"))])),
    ]
    return wrong, right


GROUPS = [
    ("security headers", ["REV-13"], headers),
    ("cookies", ["AUTH-06"], cookies),
    ("cors", ["REV-18"], cors),
    ("jwt", ["REV-04", "REV-05", "PRE-12"], jwts),
    ("problem details", ["PRE-05"], problems),
    ("pagination", ["REV-09", "API-11"], pages),
    ("versioning", ["API-01", "API-02", "API-03"], versions),
    ("status codes", ["STC-01"], statuses),
    ("content type", ["REV-14", "API-08"], types),
    ("authentication", ["REV-01"], authentication),
    ("oauth", ["AUTH-01"], oauth),
    ("secrets in queries", ["LOG-08", "LOG-09", "LOG-10", "AUTH-01"], queries),
    ("RateLimit headers", ["API-07"], limits),
    ("forbidden fields", ["REV-11"], fields),
    ("uploads", ["REV-10"], uploads),
    ("passwords", ["AUTH-07"], passwords),
    ("credentials in clear", ["TLS-04"], in_clear),
]


def cases(maker):
    for group, controls, table in GROUPS:
        made = [0, 0]
        while made[0] < 40 or made[1] < 100:  # other values every round
            wrong, right = table(Web(maker))
            if made[0] >= 40:
                wrong = []
            if made[1] >= 100:
                right = []
            made[0] += len(wrong)
            made[1] += len(right)
            yield from both(group, tuple(controls), wrong, right)
