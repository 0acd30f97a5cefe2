# SPDX-License-Identifier: GPL-2.0-or-later
"""What a request, or how it is let in, may have wrong: tokens, authentication, OAuth, queries, uploads, passwords,
credentials in clear. Each table gives (name, transaction) pairs: wrong ones, right ones."""

import json

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
