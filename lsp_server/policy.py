"""What may be read, and what may be shown.

A document that is refused here never reaches the channel, so neither the worker nor a cache can hold it.
"""

from __future__ import annotations

import unicodedata
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from lsp_server.settings import Settings

# By name, because the name is known before the text is; compared in lower case.
_SECRET_NAMES = (
    ".env", ".env.*", "*.env", ".envrc", "*.pem", "*.key", "*.p8", "*.p12", "*.pfx", "*.jks",
    "*.keystore", "*.kdbx", "*.ppk", "*.gpg", "*.asc", "*.ovpn", "*.keytab", "id_rsa*", "id_dsa*",
    "id_ecdsa*", "id_ed25519*", "*_rsa", "*_ed25519", ".netrc", "_netrc", ".npmrc", ".pypirc", ".pgpass",
    ".htpasswd", ".my.cnf", ".git-credentials", ".dockercfg", ".dockerconfigjson", "credentials",
    "credentials.*", "secret.*", "secrets.*", "*.secrets.*", "kubeconfig", "*.tfstate", "*.tfstate.*",
    "*.tfvars", "*.tfvars.json", "master.key", "service-account*.json",
)  # fmt: skip
_SECRET_FOLDERS = frozenset({".ssh", ".aws", ".gnupg", ".kube", ".password-store", "secrets", ".secrets"})
_NOT_SECRET = (".env.example", ".env.sample", ".env.template", ".env.dist", "*.pub")
_SOURCE = (
    ".py",
    ".pyi",
    ".rs",
    ".go",
    ".js",
    ".jsx",
    ".ts",
    ".tsx",
    ".java",
    ".kt",
    ".c",
    ".h",
    ".cc",
    ".cpp",
    ".rb",
)

# Variation selectors and blank letters that draw nothing, beside every character of category Cf.
_BLANK_LETTERS = (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2028, 0x2029, 0x3164, 0xFFA0)
_INVISIBLE = frozenset([*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), *_BLANK_LETTERS])


def refuses(uri: str, language: str, settings: Settings) -> str | None:
    """Why no completion may be made for a document, in a few words; None when one may."""
    if not settings.enabled:
        return "Midfill is switched off (midfill.enabled)"
    if language in settings.disabled_languages:
        return f"the language {language} is switched off (midfill.disabledLanguages)"
    if is_secret(uri):
        return "files of this name hold secrets and are never read"
    return None


def is_secret(uri: str) -> bool:
    """Whether a document's name says that it holds secrets: keys, tokens, passwords."""
    path = PurePosixPath(unquote(urlsplit(uri).path).replace("\\", "/").lower())
    name = path.name.rstrip(". ")  # Windows opens "id_rsa." as "id_rsa"
    if _matches(name, _NOT_SECRET):
        return False
    if _SECRET_FOLDERS.intersection(path.parts[:-1]):
        return not name.endswith(_SOURCE)
    return _matches(name, _SECRET_NAMES) and not name.endswith(_SOURCE)


def hides(text: str) -> bool:
    """Whether a text holds characters that an editor does not draw, or that reorder what it draws.

    Bidirectional controls, zero-width and tag characters (CVE-2021-42574) and other controls; tab and line
    ends are not among them.
    """
    return any(not (" " <= char <= "~") and _is_hidden(char) for char in text)


def _is_hidden(char: str) -> bool:
    if char in "\t\n\r":
        return False
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn") or ord(char) in _INVISIBLE


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
