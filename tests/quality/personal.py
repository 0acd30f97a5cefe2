# SPDX-License-Identifier: GPL-2.0-or-later
"""Personal data: numbers with their checksums (ISO/IEC 7812, ISO 13616, the SSA's ranges), addresses, and what
only its name tells. Every one is made up."""

from corpus import Case, as_json

# first digits and length, by who issues them
CARDS = [
    ("4", 16),
    ("51", 16),
    ("55", 16),
    ("2221", 16),
    ("2720", 16),
    ("34", 15),
    ("37", 15),
    ("6011", 16),
    ("65", 16),
    ("3528", 16),
    ("3589", 16),
    ("36", 14),
    ("300", 14),
    ("62", 16),
    ("2200", 16),
]
# country, length, and the form of the national part (ISO 13616 registry: n digits, a capitals, c both)
IBANS = {
    "DE": "18n",
    "FR": "10n11c2n",
    "GB": "4a14n",
    "NL": "4a10n",
    "ES": "20n",
    "IT": "1a10n12c",
    "CH": "5n12c",
    "AT": "16n",
    "BE": "12n",
    "PL": "24n",
    "SE": "20n",
    "NO": "11n",
    "DK": "14n",
    "FI": "14n",
    "IE": "4a14n",
    "PT": "21n",
    "LU": "3n13c",
    "MT": "4a5n18c",
    "CZ": "20n",
    "SA": "2n18c",
    "TR": "5n1n16c",
}


def luhn_digit(number):
    total = 0
    for i, c in enumerate(reversed(number)):
        n = int(c) * (2 if i % 2 == 0 else 1)
        total += n - 9 if n > 9 else n
    return str(-total % 10)


def card(maker, begin, size):
    number = begin + maker.chars("d", size - len(begin) - 1)
    return number + luhn_digit(number)


def grouped(number, sign):
    sizes = {14: (4, 6, 4), 15: (4, 6, 5), 16: (4, 4, 4, 4)}[len(number)]
    parts, at = [], 0
    for size in sizes:
        parts.append(number[at : at + size])
        at += size
    return sign.join(parts)


def iban_sum(country, rest):
    text = rest + country + "00"
    return "%02d" % (98 - int("".join(str(int(c, 36)) for c in text)) % 97)


def iban(maker, country):
    rest, form = "", IBANS[country]
    while form:
        n = 0
        while form[0].isdigit():
            n, form = n * 10 + int(form[0]), form[1:]
        rest += maker.chars({"n": "d", "a": "uc", "c": "up"}[form[0]], n)
        form = form[1:]
    return country + iban_sum(country, rest) + rest


def ssn(maker):
    area = maker.rng.choice([n for n in range(1, 900) if n != 666])
    return "%03d-%02d-%04d" % (area, maker.rng.randint(1, 99), maker.rng.randint(1, 9999))


def spread(text):
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))


def cards(maker):
    for begin, size in CARDS:
        for sign in ("", " ", "-"):
            number = card(maker, begin, size)
            shown = grouped(number, sign) if sign else number
            name = maker.rng.choice(["cardNumber", "pan", "number", "account", "instrument"])
            text = (
                f'{{"n":{shown},"ok":true}}' if not sign and maker.rng.random() < 0.3 else as_json(maker, name, shown)
            )
            yield Case("card", begin, [("personal", "card")], where="response", text=text)


def ibans(maker):
    for country in IBANS:
        for form in (str, spread):
            value = form(iban(maker, country))
            text = maker.rng.choice(
                [
                    as_json(maker, "account", value),
                    f"Please pay to {value} EUR 12.50",
                    f'{{"text":"bank details:\\n{value}\\n"}}',
                ]
            )
            yield Case("iban", country, [("personal", "iban")], where="response", text=text)


def mails(maker):
    for i in range(40):
        who = maker.rng.choice(["<lc:5>.<lc:7>", "<lc:8>", "<lc:3>+<lc:4>", "<lc:2>_<d:4>", "<lc:1>.<lc:9>-<lc:4>"])
        at = maker.rng.choice(
            ["<lc:6>.de", "mail.<lc:7>.co.uk", "<lc:5>-<lc:4>.io", "<lc:8>.com", "<lc:3><d:2>.museum"]
        )
        value = maker.value(f"{who}@{at}")
        text = maker.rng.choice(
            [
                as_json(maker, "contact", value),
                f'{{"from":"Jane Doe <{value}>"}}',
                f'{{"href":"mailto:{value}?subject=x"}}',
            ]
        )
        yield Case("mail address", "mail", [("personal", "mail")], where="response", text=text)


def phones(maker):
    forms = [
        "+49 30 <d:8>",
        "+1 415 555 <d:4>",
        "(415) 555-<d:4>",
        "+44<d:10>",
        "0<d:3> <d:7>",
        "+33 6 <d:2> <d:2> <d:2> <d:2>",
    ]
    names = ["phone", "phoneNumber", "mobile", "telephone", "contact_phone", "homeFax", "fax", "whatsapp"]
    for i in range(48):
        yield Case(
            "phone number",
            "phone",
            [("personal", "phone")],
            where="response",
            text=as_json(maker, names[i % len(names)], maker.value(forms[i % len(forms)])),
        )


def named(maker):
    """What has no checksum and is told by its name."""
    forms = {
        "passport": (["passport", "passportNumber", "passport_no"], "<uc:1><d:8>"),
        "driving licence": (["driver_license", "drivingLicence", "license_number"], "<uc:1><d:7>"),
        "national id": (["national_id", "tax_id", "aadhaar", "personnummer"], "<d:8>-<d:4>"),
        "birth date": (["birthdate", "date_of_birth", "dateOfBirth", "birthday"], "19<d:2>-0<d:1>-1<d:1>"),
    }
    for kind, (names, form) in forms.items():
        for i in range(12):
            yield Case(
                "named personal data",
                kind,
                [("personal", kind)],
                where="response",
                text=as_json(maker, names[i % len(names)], maker.value(form)),
            )
    for i in range(12):
        yield Case(
            "us ssn",
            "named",
            [("personal", "ssn")],
            where="response",
            text=as_json(maker, ["ssn", "social_security_number", "userSsn"][i % 3], ssn(maker).replace("-", "")),
        )


def cases(maker):
    yield from cards(maker)
    yield from ibans(maker)
    for i in range(40):
        value = ssn(maker)
        yield Case(
            "us ssn",
            "ssn",
            [("personal", "ssn")],
            where="response",
            text=maker.rng.choice([as_json(maker, "note", f"SSN {value}"), as_json(maker, "taxpayer", value)]),
        )
    yield from mails(maker)
    yield from phones(maker)
    yield from named(maker)
    for i in range(24):
        value = maker.value(
            maker.rng.choice(
                ["2a0<d:1>:<hx:3>:<hx:4>::<d:1>", "2600:<hx:4>:<hx:3>:<hx:4>::", "2a02:" + ":".join(["<hx:4>"] * 7)]
            )
        )
        yield Case("ip address", "v6", [("personal", "ip")], where="response", text=as_json(maker, "clientIp", value))
    for i in range(40):
        rest = ".".join(str(maker.rng.randint(10, 250)) for _ in range(3))
        value = f"{maker.rng.choice([10, 81, 93, 172, 192, 203])}.{rest}"
        yield Case(
            "ip address",
            "v4",
            [("personal", "ip")],
            where="response",
            text=as_json(maker, maker.rng.choice(["clientIp", "peer", "origin"]), value),
        )
