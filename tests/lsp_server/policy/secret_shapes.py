"""Secrets of every kind, drawn by lot and put together here: no scanner takes this file for a leak."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

_ALNUM = string.ascii_letters + string.digits
_UPPER = string.ascii_uppercase + string.digits
_HEX = "0123456789abcdef"
_B64 = _ALNUM + "+/"
_URLSAFE = _ALNUM + "-_"

Draw = Callable[[random.Random], str]


def _of(alphabet: str, length: int) -> Draw:
    return lambda rng: "".join(rng.choices(alphabet, k=length))


def _after(prefix: str, alphabet: str, length: int) -> Draw:
    draw = _of(alphabet, length)
    return lambda rng: prefix + draw(rng)


def _password(rng: random.Random) -> str:
    """Twenty letters and digits with two of each: what a generator makes."""
    drawn = [
        *rng.choices(_ALNUM, k=14),
        *rng.choices(string.digits, k=3),
        *rng.choices(string.ascii_letters, k=3),
    ]
    rng.shuffle(drawn)
    return "".join(drawn)


def _jwt(rng: random.Random) -> str:
    part = _of(_URLSAFE, 30)
    return f"ey{'J'}{part(rng)}.ey{'J'}{part(rng)}.{part(rng)}"


TOKENS: dict[str, Draw] = {
    "aws": _after("AKIA", _UPPER, 16),
    "aws-session": _after("ASIA", _UPPER, 16),
    "github": _after("ghp_", _ALNUM, 36),
    "github-fine": _after("github_pat_", _ALNUM + "_", 60),
    "gitlab": _after("glpat-", _ALNUM, 20),
    "slack": _after("xoxb-", string.digits, 24),
    "slack-app": _after("xapp-1-", _UPPER, 30),
    "google": _after("AIza", _ALNUM, 35),
    "google-oauth": _after("ya29.", _ALNUM, 60),
    "stripe": _after("sk_live_", _ALNUM, 24),
    "stripe-hook": _after("whsec_", _ALNUM, 32),
    "openai": _after("sk-proj-", _ALNUM, 48),
    "npm": _after("npm_", _ALNUM, 36),
    "pypi": _after("pypi-AgEIcHlwaS5vcmc", _URLSAFE, 60),
    "sendgrid": lambda rng: f"SG.{_of(_ALNUM, 22)(rng)}.{_of(_ALNUM, 43)(rng)}",
    "jwt": _jwt,
}
"""Known by their shape, wherever they stand."""

VALUES: dict[str, Draw] = {
    "password": _password,
    "hex": lambda rng: "a1" + _of(_HEX, 38)(rng),
    "base64": lambda rng: "aB3" + _of(_B64, 41)(rng),
    "aws-secret": lambda rng: "wJ4" + _of(_B64, 37)(rng),
}
"""Known by the name that they are given to."""

NAMES = (
    'password = "{}"',
    "DB_PASSWORD='{}'",
    '"api_key": "{}",',
    "secretKey: `{}`,",
    'private String token = "{}";',
    'let access_token: &str = "{}";',
    'client_secret := "{}"',
    'config["auth_token"] = "{}"',
    'setPassword("{}")',
    'var pwd = @"{}";',
    "const SIGNING_KEY = '{}'",
    'passphrase: "{}"',
    '"password" => "{}",',
    'if token == "{}":',
    '#define API_KEY "{}"',
)


def private_key(rng: random.Random) -> str:
    kind = rng.choice(["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
    lines = [_of(_B64, 64)(rng) for _ in range(rng.randint(3, 24))] + [
        _of(_B64, rng.randint(8, 60))(rng) + "="
    ]
    return "\n".join(
        [f"-----BEGIN {kind}PRIVATE " + "KEY-----", *lines, f"-----END {kind}PRIVATE " + "KEY-----"]
    )


def leaked(secret: str, text: str, length: int = 12) -> bool:
    """Whether any line of a secret, or a part of it so long, stands in a text."""
    lines = [line for line in secret.split("\n") if "-----" not in line]
    return any(
        line[at : at + length] in text for line in lines for at in range(0, max(1, len(line) - length + 1), 4)
    )
