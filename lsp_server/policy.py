"""What may be read, and what may be shown.

A document that is refused here never reaches the channel, so neither the worker nor a cache can hold it.
"""

from __future__ import annotations

import re
import unicodedata
from fnmatch import translate
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from lsp_server.settings import Settings


def _any_of(*patterns: str) -> re.Pattern[str]:
    """Shell patterns as one: these are asked at every keystroke."""
    return re.compile("|".join(map(translate, patterns)))


# By name, because the name is known before the text is; compared in lower case.
_SECRET_NAMES = _any_of(
    # settings of one's own
    ".env", ".env.*", ".env-*", ".env_*", "*.env", ".envrc", ".envrc.*", ".dev.vars", ".dev.vars.*",
    "secret.*", "secrets.*", "*.secret.*", "*.secrets.*", "credentials", "credentials.*",
    "*_credentials.json", "*-credentials.json", "token", "password.txt", "passwords.txt", "passwords.csv",
    "local.settings.json",
    # keys and the stores of keys
    "*.pem", "*.key", "*.p8", "*.p12", "*.pkcs12", "*.pfx", "*.jks", "*.jceks", "*.bks", "*.keystore",
    "*.snk", "*.pvk", "*.ppk", "*.gpg", "*.asc", "*.agekey", "*.keytab", "*.kdb", "*.kdbx",
    "*.keychain", "*.keychain-db", "*.ovpn", "wg[0-9]*.conf", "id_rsa*", "id_dsa*", "id_ecdsa*",
    "id_ed25519*", "*_rsa", "*_ed25519", "ssh_host_*_key", "master.key",
    # what programs log in with, and what was typed into them
    ".netrc", "_netrc", ".authinfo", ".git-credentials", ".npmrc", ".pypirc", ".dockercfg",
    ".dockerconfigjson", ".htpasswd", ".pgpass", ".pg_service.conf", ".my.cnf", ".mylogin.cnf", ".s3cfg",
    ".boto", ".databrickscfg", "rclone.conf", "kaggle.json", "settings-security.xml", ".*_history",
    # clouds and clusters
    "kubeconfig", "*.kubeconfig", "kubeconfig-*", "kubeconfig.yaml", "kubeconfig.yml", "*.tfstate",
    "*.tfstate.*", "*.tfvars", "*.tfvars.json", ".terraformrc", "terraform.rc", ".vault-token",
    ".vault_pass*", ".vault-pass*", "service-account*.json", "service_account*.json", "serviceaccount*.json",
    "*firebase-adminsdk*.json", "client_secret*.json",
)  # fmt: skip
_SECRET_PATHS = _any_of(
    "*/.docker/config.json", "*/.config/containers/auth.json", "*/.config/gcloud/*", "*/.config/gh/hosts.yml",
    "*/.azure/accesstokens.json", "*/.composer/auth.json",
)  # fmt: skip
_SECRET_FOLDERS = frozenset({".ssh", ".aws", ".gnupg", ".kube", ".password-store", "secrets", ".secrets"})
_NOT_SECRET = _any_of(".env?example", ".env?sample", ".env?template", ".env?dist", "*.pub")
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

# The first line, behind comments, of what OpenSSL, OpenSSH, PGP, PuTTY and age write.
_KEY = re.compile(
    r"(?:\ufeff|\s|#.*\n)*(?:-----BEGIN |Bag Attributes\s|PuTTY-User-Key-File-|AGE-SECRET-KEY-1)"
)
_KEY_WITHIN = 4096

# Variation selectors and blank letters that draw nothing, beside every character of category Cf.
_BLANK_LETTERS = (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2028, 0x2029, 0x3164, 0xFFA0)
_INVISIBLE = frozenset([*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), *_BLANK_LETTERS])


def refuses(uri: str, language: str, text: str, settings: Settings) -> str | None:
    """Why no completion may be made for a document, in a few words; None when one may."""
    if not settings.enabled:
        return "Midfill is switched off (midfill.enabled)"
    if language in settings.disabled_languages:
        return f"the language {language} is switched off (midfill.disabledLanguages)"
    if is_secret(uri):
        return "files of this name hold secrets and are never read"
    if begins_a_key(text):
        return "it begins as a file of keys does, and those are never read"
    return None


def is_secret(uri: str) -> bool:
    """Whether a document's name says that it holds secrets: keys, tokens, passwords."""
    path = PurePosixPath(unquote(urlsplit(uri).path).replace("\\", "/").lower())
    name = path.name.rstrip(". ")  # Windows opens "id_rsa." as "id_rsa"
    if _NOT_SECRET.match(name):
        return False
    if _SECRET_FOLDERS.intersection(path.parts[:-1]):
        return not name.endswith(_SOURCE)
    if _SECRET_PATHS.match(path.as_posix()):
        return True
    return _SECRET_NAMES.match(name) is not None and not name.endswith(_SOURCE)


def begins_a_key(text: str) -> bool:
    """Whether a text begins as keys and certificates in text form do, whatever its name."""
    return _KEY.match(text[:_KEY_WITHIN]) is not None


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
