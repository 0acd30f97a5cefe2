# SPDX-License-Identifier: GPL-2.0-or-later
"""Transactions with one thing wrong, and transactions that look wrong and are not, from the standards themselves:
RFC 9110, 6265bis, 6797, the Fetch standard's CORS, 9457, 7519, 6749 with 7636, 9745, 8594. What is right is right
in every other way, so that one control is what a case is about."""

import web_answers
import web_requests
from corpus import Case
from exchange import Web


def both(group, controls, wrong, right):
    """Cases of a group: `wrong` and `right` give (name, what) pairs."""
    for name, what in wrong:
        yield Case(group, name, [("control", controls)], [], secure=what.pop("secure", True), **what)
    for name, what in right:
        yield Case(group, name, [], [group], secure=what.pop("secure", True), **what)


GROUPS = [
    ("security headers", ["REV-13"], web_answers.headers),
    ("cookies", ["AUTH-06"], web_answers.cookies),
    ("cors", ["REV-18"], web_answers.cors),
    ("jwt", ["REV-04", "REV-05", "PRE-12"], web_requests.jwts),
    ("problem details", ["PRE-05"], web_answers.problems),
    ("pagination", ["REV-09", "API-11"], web_answers.pages),
    ("versioning", ["API-01", "API-02", "API-03"], web_answers.versions),
    ("status codes", ["STC-01"], web_answers.statuses),
    ("content type", ["REV-14", "API-08"], web_answers.types),
    ("authentication", ["REV-01"], web_requests.authentication),
    ("oauth", ["AUTH-01"], web_requests.oauth),
    ("secrets in queries", ["LOG-08", "LOG-09", "LOG-10", "AUTH-01"], web_requests.queries),
    ("RateLimit headers", ["API-07"], web_answers.limits),
    ("forbidden fields", ["REV-11"], web_answers.fields),
    ("uploads", ["REV-10"], web_requests.uploads),
    ("passwords", ["AUTH-07"], web_requests.passwords),
    ("credentials in clear", ["TLS-04"], web_requests.in_clear),
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
