"""Files that hold keys, tokens and passwords: known by their name, or by how their text begins."""

from __future__ import annotations

import re
from fnmatch import translate
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit


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


def is_secret(uri: str) -> bool:
    """Whether a document's name says that it holds secrets: keys, tokens, passwords."""
    path = PurePosixPath(path_in(uri).replace("\\", "/").lower())
    name = path.name.rstrip(". ")  # Windows opens "id_rsa." as "id_rsa"
    if _NOT_SECRET.match(name):
        return False
    if _SECRET_FOLDERS.intersection(path.parts[:-1]):
        return not name.endswith(_SOURCE)
    if _SECRET_PATHS.match(path.as_posix()):
        return True
    return _SECRET_NAMES.match(name) is not None and not name.endswith(_SOURCE)


def path_in(uri: str) -> str:
    """The path of a URI of any scheme; "" of what is none."""
    try:
        return unquote(urlsplit(uri).path)
    except ValueError:  # `https://[`
        return ""


def begins_a_key(text: str) -> bool:
    """Whether a text begins as keys and certificates in text form do, whatever its name."""
    return _KEY.match(text[:_KEY_WITHIN]) is not None
