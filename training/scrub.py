"""Replaces e-mail addresses and secrets in a text by fixed stand-ins, so that neither is ever learnt.

Known key formats are replaced wherever they stand, other values only where they are assigned to a name
that says what they are and look drawn at random. Running it again changes nothing.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass

ADDRESS, SECRET, PASSWORD = "user@example.com", "secret", "password"
# Top-level domains that addresses in code have. A closed list: most of `a@b.c` in code is no address.
_TOP_LEVEL = (
    "com|org|net|edu|gov|mil|int|info|biz|name|me|io|ai|co|dev|app|tech|xyz|email|cloud|us|uk|ca|au|nz|ie|eu|de"
    "|at|ch|fr|be|nl|lu|it|es|pt|gr|dk|se|no|fi|is|pl|cz|sk|hu|ro|bg|hr|rs|si|lt|lv|ee|ua|by|ru|su|kz|tr|il|ir"
    "|in|pk|lk|bd|cn|hk|tw|jp|kr|sg|my|id|th|vn|ph|br|ar|cl|mx|pe|uy|za|ke|ng|eg|ma|cc|tv"
)
# What follows may be a full stop, but no more of a name, a call or an index. Sought by its sign:
# with the local part first, scrubbing took ten times as long.
_DOMAIN = re.compile(
    rf"@((?:[a-z0-9](?:[a-z0-9-]{{0,61}}[a-z0-9])?\.){{1,5}}(?:{_TOP_LEVEL}))(?![a-z0-9_(\[-]|\.[a-z0-9_])",
    re.IGNORECASE | re.ASCII,
)
_LOCAL_PART = re.compile(
    r"(?<![a-z0-9._%+-])[a-z0-9_](?:[a-z0-9._%+-]{0,62}[a-z0-9_])?$", re.IGNORECASE | re.ASCII
)
_HARMLESS = re.compile(r"(^|\.)(example\.(com|org|net|edu)|example|test|invalid|localhost)$", re.IGNORECASE)
_VERSION = re.compile(r"v?\d+\.\d", re.IGNORECASE)
_URL_BEFORE = re.compile(r"://[^\s'\"<>@]*$")
_KEY_STARTS = (
    "AKIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "xox", "glpat-", "npm_", "pypi-AgE", "sk-",
    "k_live_", "AIza", "hf_", "SG.", "eyJ", "hooks.slack.com",
)  # fmt: skip
_KEY = re.compile(
    r"\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b|\bgithub_pat_[A-Za-z0-9_]{40,}\b"
    r"|\bxox[baprs]-[A-Za-z0-9-]{20,}|\bglpat-[\w-]{20,}|\bnpm_[A-Za-z0-9]{36}\b|\bpypi-AgE[\w-]{50,}"
    r"|\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{32,}|\b[rs]k_live_[A-Za-z0-9]{24,}\b|\bAIza[\w-]{35}"
    r"|\bhf_[A-Za-z]{34}\b|\bSG\.[\w-]{22}\.[\w-]{43}|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"
    r"|(?<=hooks\.slack\.com/services/)T\w{8,}/B\w{8,}/\w{20,}"
)
_QUOTED = re.compile(r"([\"'])([A-Za-z0-9+/=_-]{20,200})\1")
_SECRET_NAME = re.compile(
    r"(?:api_?key|secret(?:_?key)?|access_?key|client_?secret|(?:auth|access|bearer|refresh)_?token|password"
    r"|passwd)[\"']?\s*[:=]\s*$",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"(://[^\s/:@'\"]{1,64}:)([^\s/:@'\"]{8,128})(?=@)")
_MIN_ENTROPY = 3.3  # bits a character; 32 random hexadecimal digits have 3.6 on average, prose words less


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """A text and how many addresses and secrets were replaced in it."""

    text: str
    addresses: int = 0
    secrets: int = 0


def scrub(text: str) -> Scrubbed:
    """`text` with stand-ins. An address that is an example already, and the login of a URL, stay."""
    counts: Counter[str] = Counter()

    def key(match: re.Match[str]) -> str:
        counts["secrets"] += 1
        return SECRET

    def quoted(match: re.Match[str]) -> str:
        name = match.string[max(0, match.start() - 60) : match.start()]
        if not (_SECRET_NAME.search(name) and looks_random(match[2])):
            return match[0]
        counts["secrets"] += 1
        return match[1] + SECRET + match[1]

    def password(match: re.Match[str]) -> str:
        if not (re.search(r"\d", match[2]) and re.search(r"[A-Za-z]", match[2])) or "{" in match[2]:
            return match[0]
        counts["secrets"] += 1
        return match[1] + PASSWORD

    if any(start in text for start in _KEY_STARTS):
        text = _KEY.sub(key, text)
    text = _QUOTED.sub(quoted, text)
    pieces, done = [], 0
    if "@" in text:
        text = _URL_PASSWORD.sub(password, text)
        for match in _DOMAIN.finditer(text):
            start = _address_start(text, done, match)
            if start is not None:
                pieces += [text[done:start], ADDRESS]
                done = match.end()
    return Scrubbed("".join([*pieces, text[done:]]), len(pieces) // 2, counts["secrets"])


def _address_start(text: str, begin: int, domain: re.Match[str]) -> int | None:
    """Where the address with this domain starts, not before `begin`; None if it is none or may stay."""
    before = text[max(begin, domain.start() - 200) : domain.start()]
    local = _LOCAL_PART.search(before)
    if local is None or local[0].lower() == "git":
        return None
    if _HARMLESS.search(domain[1]) or _VERSION.match(domain[1]) or _URL_BEFORE.search(before):
        return None
    return domain.start() - len(local[0])


def looks_random(value: str) -> bool:
    """Whether a value has digits and letters and as much entropy a character as a key."""
    if not (re.search(r"\d", value) and re.search(r"[A-Za-z]", value)):
        return False
    shares = [count / len(value) for count in Counter(value).values()]
    return -sum(share * math.log2(share) for share in shares) >= _MIN_ENTROPY
