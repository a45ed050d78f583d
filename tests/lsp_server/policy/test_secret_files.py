"""Files of keys, by their name and by how they begin."""

import pytest

from lsp_server.policy import begins_a_key, is_secret, refuses
from lsp_server.settings import Settings


@pytest.mark.parametrize(
    "uri",
    [
        "file:///p/.env",
        "file:///p/.env.production",
        "file:///p/%2Eenv",
        "file:///p/.ENV",
        "file:///p/prod.env",
        "file:///p/server.pem",
        "file:///p/server%2Ekey",
        "file:///home/a/.ssh/config",
        "file:///home/a/.ssh/id_rsa",
        "file:///p/id_ed25519",
        "file:///c%3A/Users/a/id_rsa.",
        "file:///home/a/.aws/credentials",
        "file:///p/credentials.json",
        "file:///p/config/secrets.yml",
        "file:///p/secrets/token",
        "file:///p/terraform.tfstate",
        "file:///home/a/.netrc",
        "file:///home/a/.pypirc",
        "file:///home/a/.bash_history",
        "file:///home/a/.docker/config.json",
        "file:///home/a/.config/gcloud/access_tokens.db",
        "file:///p/.env_prod",
        "file:///p/.dev.vars",
        "file:///p/prod.secret.exs",
        "file:///p/keys.pkcs12",
        "file:///p/application_default_credentials.json",
        "file:///p/client_secret_12.apps.json",
        "file:///p/serviceAccountKey.json",
        "file:///p/prod.kubeconfig",
        "file:///p/terraform.tfstate.backup",
        "file:///etc/ssh/ssh_host_rsa_key",
        "file:///etc/wireguard/wg0.conf",
        "file:///run/secrets/kubernetes.io/serviceaccount/token",
        "vscode-remote://host/p/.env",
        "vscode-notebook-cell:/p/.env#x",
        "untitled:.env",
    ],
)
def test_files_that_hold_secrets_are_known_by_name(uri: str) -> None:
    assert is_secret(uri)
    assert refuses(uri, "plaintext", "", Settings()) is not None


@pytest.mark.parametrize(
    "uri",
    [
        "file:///p/a.py",
        "file:///p/.env.example",
        "file:///p/.env_sample",
        "file:///home/a/.ssh/id_rsa.pub",
        "file:///p/environment.py",
        "file:///p/secrets.py",
        "file:///p/secrets/rotate.py",
        "file:///p/credentials.go",
        "file:///p/keyboard.c",
        "file:///p/token.py",
        "file:///p/tokens.json",
        "file:///p/history.ts",
        "file:///p/wgpu.conf",
        "file:///p/kubeconfig.go",
        "file:///p/locales/auth.json",
        "file:///p/.docker/nginx.conf",
        "file:///etc/ssh/ssh_host_rsa_key.pub",
        "untitled:Untitled-1",
        "",
        "not a uri",
    ],
)
def test_other_files_are_not(uri: str) -> None:
    assert not is_secret(uri)
    assert refuses(uri, "python", "", Settings()) is None


# Put together here, so that no scanner takes this file for a leak.
KEY = "-----BEGIN " + "OPENSSH PRIVATE " + "KEY-----"


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f"{KEY}\r\nb3BlbnNzaC1rZXk",
        f"\ufeff\n\n  {KEY}\n",
        f"# the deploy key\n\n# of staging\n{KEY}\n",
        "-----BEGIN PGP PRIVATE " + "KEY BLOCK-----\n",
        "-----BEGIN CERTIFICATE-----\nMIIB",  # its key often follows
        "Bag Attributes\n    friendlyName: me\nKey Attributes: <No Attributes>\n",
        "PuTTY-User-Key-File-3: ssh-ed25519\n",
        "# created: 2025-01-01T00:00:00Z\n# public key: age1x\nAGE-SECRET-" + "KEY-1QQ\n",
    ],
)
def test_files_of_keys_are_known_by_their_beginning(text: str) -> None:
    assert begins_a_key(text)
    assert "keys" in str(refuses("untitled:Untitled-1", "plaintext", text, Settings()))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "#",
        "-----",
        "-- BEGIN",
        f'KEY = """{KEY}\n"""\n',
        f"x = 1\n{KEY}\n",
        "\n" * 5000 + KEY,
        "Bag of words",
    ],
)
def test_a_text_that_speaks_of_keys_is_none(text: str) -> None:
    assert not begins_a_key(text)
