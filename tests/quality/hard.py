# SPDX-License-Identifier: GPL-2.0-or-later
"""What looks like something and is nothing: for every family texts that a careless rule would take."""

from corpus import Case, as_json, in_file
from leaks import DATABASES, TRACES
from personal import card, grouped, iban, luhn_digit, ssn

# name of the member, value; each is tried several times, as an answer and as a file
NO_SECRET = """
id|<uuid>
sha256|<hx:64>
etag|W/"<hx:32>"
md5|<hx:32>
commit|<hx:40>
integrity|sha512-<b64:86>==
digest|sha256:<hx:64>
traceparent|00-<hx:32>-<hx:16>-01
nonce|<b64:24>
avatar|data:image/png;base64,iVBORw0KGgo<b64:300>
publicKey|MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A<b64:200>
certificate|-----BEGIN CERTIFICATE-----\\n<b64:64>\\n<b64:64>\\n-----END CERTIFICATE-----
public|-----BEGIN PUBLIC KEY-----\\n<b64:64>\\n-----END PUBLIC KEY-----
sshKey|ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI<b64:43> me@host.test
stripe_publishable_key|pk_live_<an:24>
api_key|YOUR_API_KEY_HERE_PLEASE
api_key|xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
api_key|${API_KEY_FROM_THE_VAULT}
api_key|<your-api-key-goes-here>
api_key|0000000000000000000000000000
api_key_id|production
client_secret|{{ client_secret_of_the_shop }}
client_secret|********************
access_key|AKIAIOSFODNN7EXAMPLE
secret|wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
password|changeme-please
password|${DB_PASSWORD}
password|null
password|********
url|https://user@git.corp.test/x.git
url|https://api.shop.test:8443/v1/users/12?expand=<lc:8>
database_url|postgres://db.corp.test:5432/shop
database_url|postgres://app:${DB_PASSWORD}@db.corp.test/shop
authorization|Bearer
authorization|Basic realm=shop
cursor|eyJpZCI6<d:1>MDAsImRpciI6Im5leHQifQ
heroku_app_name|shop-<lc:8>-staging
datadog_trace_id|<d:19>
mistral_model|mistral-large-2402
openai_model|gpt-4o-mini-2024-07-18
stability|experimental
cloudflare_zone|shop.test
vercel_url|shop-<lo:9>-team.vercel.app
github_repository|corp/shop-<lc:6>
sk_type|sk_live_is_a_prefix
token_type|bearer
token_count|<d:5>
tokenizer|cl100k_base_<d:4>
key|orders:<d:4>:status:open
keyboard|qwertzuiopasdfghjklyxcvbnm
jwt_issuer|https://login.shop.test/realms/customers
jwks|{"kty":"EC","crv":"P-256","x":"<url:43>","y":"<url:43>"}
secret_name|projects/shop/secrets/db/versions/<d:1>
AccountKeyName|RootManageSharedAccessKey
csrf|<url:24>
slack_channel|C<up:10>
webhook|https://hooks.shop.test/services/<lc:6>/<lc:6>
font|d09GMgABAAAAA<b64:120>
version|v1.0-<hx:7>
file|/srv/app/node_modules/.cache/<hx:32>.js
api_key_id|<uuid>
api_key_header|X-Shop-Partner-Key-V2
apiKeyExpires|2026-11-01T00-00-00Z
client_secret_name|shop-production-2026-secret
datadog_trace_id|<hx:32>
mistral_model_version|<hx:32>
heroku_app_id|<uuid>
cloudflare_zone_id|<hx:37>
twilio_message_id|<hx:32>
deepgram_request_id|<hx:40>
snyk_project_id|<uuid>
password_changed_at|2026-03-11T08-15-00Z
password_file|/run/secrets/db-password
secretsEnabled|true-for-everybody
signing_key_url|https://shop.test/keys/current
access_key_count|<d:17>
google|https://maps.test/?q=<lc:9>&zoom=12
mapbox|pk.eyJ1Ijoic2hvcCJ9.<url:22>
recaptcha_site_key|6L<url:38>
oidc_client|<d:12>-<lo:32>.apps.googleusercontent.test
k8s|kubernetes.io/service-account.name
ulid|01<up:24>
ksuid|<an:27>
mongo|<hx:24>
order|SG-<d:8>-DE
build|sk-<d:6>-linux-x64
sku|rk_live_edition
locale|sq-AL
css|.hf_wrapper-item__title--large
svg|M12.5 3.2l<d:2>.<d:2> 4.1c<d:1>.<d:2>-1.2 2.2-3.1
gtm|GTM-<up:7>
class|btn-primary-outline-large-rounded-<lc:6>
"""

NO_PERSON = {
    "mail address": [
        "logo@2x.png",
        "react@18.2.0",
        "git@github",
        "@types/node@20.<d:1>.0",
        "a@b",
        "user@localhost",
        "x@y.json",
        "@media (max-width:<d:3>px)",
        "<lc:5>@",
        "@<lc:6>.<lc:3>",
        "icon@3x.<lc:2>.svg",
        "noreply@shop.test",
    ],
    "phone number": [
        "<d:4>-0<d:1>-1<d:1>",
        "1<d:9>",
        "<d:3>.<d:2>",
        "2026-03-11T08:15:00Z",
        "0x<hx:8>",
        "<uuid>",
        "12:30-14:00",
    ],
    "card": [
        "<d:12>",
        "0<d:15>",
        "7<d:15>",
        "9<d:15>",
        "1<d:15>",
        "<hx:16>",
        "0.<d:16>",
        "17<d:11>",
        "ORD-4<d:14>",
        "<d:20>",
        "<d:24>",
    ],
    "iban": ["DE00<d:18>", "XX<d:20>", "GB<d:2>WEST", "DE<d:4>", "INV<d:20>", "US<d:18>", "ZZ<d:2><up:16>"],
    "us ssn": [
        "000-12-<d:4>",
        "666-12-<d:4>",
        "9<d:2>-12-<d:4>",
        "123-00-4567",
        "536-12-0000",
        "<d:4>-<d:2>-<d:4>",
        "<d:3>-<d:2>-<d:5>",
        "a536-12-<d:4>",
        "+1-536-12-<d:4>",
    ],
    "ip address": [
        "1.2.3.4",
        "127.0.0.1",
        "0.0.0.0",
        "10.2.3",
        "<d:1>.0.<d:2>.1-beta",
        "1.10.<d:3>.4.5",
        "256.1.2.<d:1>",
        "v2.10.11.12",
        "3.14.15.92a",
        "255.255.255.0",
        "224.0.0.251",
        "::1",
        "fe80::<hx:4>",
        "2001:db8::<hx:4>",
        "1<d:1>:3<d:1>:0<d:1>",
        "std::vector",
        "a:b:c:d",
        "<hx:2>:<hx:2>:<hx:2>:<hx:2>:<hx:2>:<hx:2>",
    ],
    "named personal data": ["passport-saml", "true", "basic", "required", "none", "2026", "missing", "unknown"],
}
NAMES = {
    "named personal data": [
        "passport_strategy",
        "driver_license_required",
        "national_id_status",
        "date_of_birth_visible",
    ],
    "phone number": ["phoneVerifiedAt", "createdAt", "duration", "position"],
}

NO_HASH = [
    "hashed",
    "bcrypt",
    "$2b$",
    "$2a$10$short",
    "argon2id",
    "$argon2id$v=19",
    "pbkdf2_sha256",
    "<hx:64>",
    "sha256-<b64:43>=",
    "$6$",
    "$1.50",
    "{SSHA}",
    "$P$",
    "US$5$10$20",
]
HASH_NAMES = ["algorithm", "password_hash_algorithm", "price", "checksum", "digest", "hash"]

NO_TRACE = [
    "Meet us at the Cart.",
    "The parcel is at Main Street (house 12)",
    "See the manual at docs/errors.js for more",
    "Java is at version 21",
    "An error occurred: the order was not found",
    "File a complaint on line 12",
    "Error: the amount must be positive",
    "panic button pressed in room 12",
    "goroutine scheduling explained",
    "The thread 'main' topic was closed",
    "Fatal attraction is a film",
    "Warning: contents may be hot",
    "Notice the difference",
    "Django unchained at 8 pm",
    "syntax error in the query parameter sort",
    "duplicate order number",
    "SQL is a language",
    "sqlite is small",
    "ORA is a name",
    "The exception proves the rule",
    "NullPointerException explained: a course for beginners",
    "line 3, in the second paragraph",
    "index.js was changed",
    "main.go, util.go and 3 other files",
    "Traceback of parcels",
    "column 12 of the table is empty",
    '{"stack":"lamp","at":"desk"}',
    "see app.rb and test.rb",
    "you are at /srv/www",
    "error code 1045",
    "Unique constraint: one voucher per customer",
    "phpinfo is disabled",
]


def wrong_luhn(number):
    return number[:-1] + str((int(number[-1]) + 1) % 10)


def swapped(value):
    """Two unlike neighbours exchanged: what a checksum is for."""
    for i in range(len(value) - 1, 5, -1):
        if value[i] != value[i - 1] and value[i].isdigit() and value[i - 1].isdigit():
            return value[: i - 1] + value[i] + value[i - 1] + value[i + 1 :]
    return value


def numbers(maker):
    """Numbers that are right but for what makes them one."""
    for begin, size in [("4", 16), ("51", 16), ("37", 15), ("6011", 16), ("36", 14)] * 5:
        good = card(maker, begin, size)
        yield "card", wrong_luhn(good)
        yield "card", grouped(wrong_luhn(good), " ")
        yield "card", "00" + good + "12"
        yield "card", "ref" + good
    for begin in ("1", "7", "8", "9") * 4:  # the sum is right, nobody issues it
        number = begin + maker.chars("d", 14)
        yield "card", number + luhn_digit(number)
    for country in ("DE", "GB", "FR", "NL", "ES") * 8:
        good = iban(maker, country)
        yield "iban", swapped(good)
        yield "iban", good[:-1]
        yield "iban", "X" + good
    for _ in range(20):
        good = ssn(maker)
        yield "us ssn", "9" + good[1:]
        yield "us ssn", good[:-4] + "0000"
        yield "us ssn", good + "-7"


def minified(maker):
    """Script as bundlers leave it."""
    parts = [
        maker.value("function <lc:1>(<lc:1>,<lc:1>){return <lc:1>.<lc:4>(<lc:1>)?<d:3>:0x<hx:4>}") for _ in range(20)
    ]
    return "!" + "".join(parts) + maker.value("var key=e.key,token=t[<d:2>],secret=n.secret;o.password=r.password;")


def lock_file(maker):
    return "".join(
        maker.value(
            '    "node_modules/<lc:8>": {\n      "version": "<d:1>.<d:2>.<d:1>",\n      "resolved": '
            '"https://registry.test/<lc:8>/-/<lc:8>-<d:1>.<d:1>.0.tgz",\n      "integrity": "sha512-<b64:86>=="\n'
            "    },\n"
        )
        for _ in range(6)
    )


def cases(maker):
    secrets = {"secret cloud", "secret code", "secret business", "secret AI", "secret generic"}
    for line in NO_SECRET.strip().split("\n"):
        name, form = line.split("|", 1)
        for i in range(3):
            value = maker.value(form).replace("\\n", "\n")
            file = i == 1
            yield Case(
                "no secret",
                name,
                [],
                secrets,
                text=in_file(maker, name, value) if file else as_json(maker, name, value),
                where="file" if file else "response",
            )
    for i in range(10):
        yield Case(
            "no secret", "minified script", [], secrets, text=minified(maker), where="response" if i % 2 else "file"
        )
        yield Case("no secret", "lock file", [], secrets, text=lock_file(maker), where="file")
    for group, forms in NO_PERSON.items():
        for i in range(104):
            name = maker.rng.choice(NAMES.get(group, ["value", "reference", "number", "version", "label", "text"]))
            yield Case(
                f"no {group}",
                group,
                [],
                [group],
                text=as_json(maker, name, maker.value(forms[i % len(forms)])),
                where="response",
            )
    for group, value in numbers(maker):
        yield Case(
            f"no {group}",
            group,
            [],
            [group],
            text=as_json(maker, maker.rng.choice(["order", "reference"]), value),
            where="response",
        )
    for i in range(112):
        yield Case(
            "no password hash",
            "hash",
            [],
            ["password hash"],
            where="response",
            text=as_json(maker, HASH_NAMES[i % len(HASH_NAMES)], maker.value(NO_HASH[i % len(NO_HASH)])),
        )
    traces = [f"trace {kind}" for kind in (*TRACES, *DATABASES)]
    for i in range(128):
        text = NO_TRACE[i % len(NO_TRACE)]
        text = (
            text if i % 3 == 0 else as_json(maker, "message", text) if i % 3 == 1 else f"<html><p>{text}</p></html>"
        )
        yield Case("no trace", "prose", [], traces, text=text, where="response")
