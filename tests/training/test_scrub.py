from __future__ import annotations

import pytest

from training.scrub import looks_random, scrub

# Put together here, so that no scanner takes this file for a leak.
GITHUB = "ghp_" + "a1B2c3D4e5F6" * 3
AWS = "AKIA" + "ABCDEFGHIJKLMNOP"
HEX = "9f86d081884c7d65" + "9a2feaa0c55ad015"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Jo Doe <jo.doe+x@mail.corp.co.uk>", "# Jo Doe <user@example.com>"),
        ("mailto:jo@corp.org", "mailto:user@example.com"),
        ("@author jo@163.com.", "@author user@example.com."),
        ("联系邮箱jo@qq.com。", "联系邮箱user@example.com。"),
        ("12+jo@users.noreply.github.com", "user@example.com"),
        ("a@b.org, c@d.net;e@f.io", "user@example.com, user@example.com;user@example.com"),
    ],
)
def test_addresses_become_the_example(text: str, expected: str) -> None:
    scrubbed = scrub(text)
    assert scrubbed.text == expected
    assert scrubbed.addresses == expected.count("user@example.com")
    assert scrub(expected).text == expected


@pytest.mark.parametrize(
    "text",
    [
        "@foo.bar\ndef f(): ...", "    @app.com\n", "git@github.com:owner/name.git",
        "ssh://git@gitlab.com/a/b", "user@example.com", "jo@mail.example.org", "root@localhost",
        "jo@host.invalid", "npm i @babel/core@7.0.0", "@scope/name.com", "react@18.3.0-canary.io",
        "uses: actions/checkout@v4.1.0", "y = x@w.T", "y = x@self.weight", "y = q@k.to(device)",
        "y = a@b.name[0]", "y = a @ b.com", "icon@2x.png", "getty@tty1.service", "x@y.com_part",
        "https://jo@host.com/path", "(@NotNull String a)", "{@link foo.com}", "a@b", "go get x/tools@latest",
    ],
)  # fmt: skip
def test_what_only_looks_like_an_address_stays(text: str) -> None:
    assert scrub(text).text == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'key = "{AWS}"', 'key = "secret"'),
        (f"git clone https://{GITHUB}@github.com/a/b", "git clone https://secret@github.com/a/b"),
        (f"API_KEY = '{HEX}'", "API_KEY = 'secret'"),
        (f'"client_secret": "{HEX}"', '"client_secret": "secret"'),
        ("redis://jo:s3cr3tpassw0rd@db.corp.com/1", "redis://jo:password@db.corp.com/1"),
    ],
)
def test_secrets_become_a_plain_word(text: str, expected: str) -> None:
    scrubbed = scrub(text)
    assert (scrubbed.text, scrubbed.secrets, scrubbed.addresses) == (expected, 1, 0)
    assert scrub(expected).text == expected


@pytest.mark.parametrize(
    "text",
    [
        'password = "correct horse battery staple"', 'password = "change-me-before-you-deploy"',
        'api_key = "your_api_key_goes_here_123"'.replace("_123", ""), 'token = os.environ["API_KEY"]',
        f'digest = "{HEX}"', 'secret = "aaaaaaaaaaaaaaaaaaaaaaaaaaaa1"', "postgres://user:password@host.com/db",
        "http://jo:{password1}@host.com/", "task-abcdefghijklmnopqrstuvwxyz0123456789abcdef",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    assert scrub(text).text == text


def test_random_values_are_told_from_words() -> None:
    assert looks_random(HEX)
    assert not looks_random("abcdefghijklmnopqrstuvwxyz")
    assert not looks_random("0" * 30 + "a")
