# SPDX-License-Identifier: GPL-2.0-or-later
"""What a case of the corpus is, and making values of chance from the description of a format.

A description is text with fields in angle brackets: "<an:36>" are 36 letters and digits. Values are
made when the corpus is made, so that no file of this tree holds anything that looks like one."""

import base64
import random
import re
import zlib

LOWER, UPPER, DIGITS = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
BASE62 = DIGITS + UPPER + LOWER
SETS = {
    "an": LOWER + UPPER + DIGITS,  # letters and digits
    "al": LOWER + UPPER,
    "lo": LOWER + DIGITS,
    "up": UPPER + DIGITS,
    "lc": LOWER,
    "uc": UPPER,
    "d": DIGITS,
    "hx": DIGITS + "abcdef",
    "HX": DIGITS + "ABCDEF",
    "b32": UPPER + "234567",  # RFC 4648 section 6
    "b64": LOWER + UPPER + DIGITS + "+/",
    "url": LOWER + UPPER + DIGITS + "-_",  # RFC 4648 section 5
    "bech": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",  # BIP 173
    "crypt": "./" + DIGITS + UPPER + LOWER,  # crypt(3)
}


class Case:
    """A text or a transaction, and what is really in it: labels, by kind. A text's label has the value it
    is about; a transaction's is a control."""

    def __init__(self, group, name, labels=(), hard_for=(), form=None, **what):
        self.form = form
        self.group, self.name, self.labels, self.what = group, name, list(labels), what
        self.hard_for = set(hard_for)  # groups whose precision this case is to try


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def chars(self, name, n):
        return "".join(self.rng.choice(SETS[name]) for _ in range(n))

    def uuid(self):
        h = self.chars("hx", 32)
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"

    def base62_sum(self, text):
        """GitHub's and npm's: CRC-32 of the text as six digits of base 62."""
        n, out = zlib.crc32(text.encode()), ""
        for _ in range(6):
            n, out = n // 62, BASE62[n % 62] + out
        return out

    def field(self, match):
        name, size = match.group(1), match.group(2)
        if name == "uuid":
            return self.uuid()
        if name == "sum30":
            text = self.chars("an", 30)
            return text + self.base62_sum(text)
        if name not in SETS or not size:
            return match.group(0)
        return self.chars(name, int(size))

    def value(self, description):
        return re.sub(r"<([A-Za-z]\w*)(?::(\d+))?>", self.field, description)

    def b64(self, n):
        return base64.b64encode(self.rng.randbytes(n)).decode()

    def b64url(self, text):
        return base64.urlsafe_b64encode(text if isinstance(text, bytes) else text.encode()).decode().rstrip("=")

    def jwt(
        self, claims='{"iss":"login.shop.test","sub":"u-%d","exp":1764000900}', header='{"alg":"RS256","typ":"JWT"}'
    ):
        body = claims % self.rng.randrange(10**6) if "%d" in claims else claims
        return f"{self.b64url(header)}.{self.b64url(body)}.{self.b64url(self.rng.randbytes(64))}"

    def words(self, n):
        some = (
            "order item price total customer street city note status open paid invoice account house garden team "
            "update request service report people first between world every place number school water"
        ).split()
        return " ".join(self.rng.choice(some) for _ in range(n))


def as_json(maker, name, value):
    """A member of an answer, as deep as answers are."""
    rng = maker.rng
    value = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    member = f'"{name}":"{value}"' if rng.random() < 0.6 else f'"{name}": "{value}"'
    return rng.choice(
        [
            f'{{"id":{rng.randrange(10**6)},{member},"active":true}}',
            f'{{"data":{{"items":[{{"note":"{maker.words(4)}",{member}}}]}}}}',
            f'{{\n  "updated": "2026-03-1{rng.randrange(9)}T08:1{rng.randrange(9)}:00Z",\n  {member}\n}}',
        ]
    )


def in_file(maker, name, value):
    """A setting, as files hold them."""
    return maker.rng.choice(
        [
            f"# {maker.words(3)}\nexport {name.upper()}={value}\n",
            f"{name.upper()}={value}\nDEBUG=false\n",
            f'  {name}: "{value}"\n  retries: 3\n',
            f"const {name} = '{value}';\n",
            f'{name} = "{value}"  # {maker.words(2)}\n',
            f'<add key="{name}" value="{value}" />\n',
        ]
    )
