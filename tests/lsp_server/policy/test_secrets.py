"""Secrets inside texts, and what stands in for them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.policy import secret_in, veil
from tests.lsp_server.policy.secret_shapes import NAMES, TOKENS, VALUES, leaked, private_key

SEEDS = range(20)


@pytest.mark.parametrize("kind", TOKENS)
def test_a_token_is_known_by_its_shape(kind: str) -> None:
    for seed in SEEDS:
        token = TOKENS[kind](random.Random(seed))
        for text in (
            token,
            f"x = '{token}'",
            f"# {token}",
            f"é{'=' * 3} {token}\r\nnext = 1",
            f"curl -H 'X: {token}'",
        ):
            veiled = veil(text)
            assert len(veiled) == len(text)
            assert not leaked(token, veiled), text
            assert veiled.replace("x", "") == text.replace(token, "").replace("x", "")


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("template", NAMES)
def test_a_value_is_known_by_its_name(kind: str, template: str) -> None:
    for seed in SEEDS:
        value = VALUES[kind](random.Random(seed))
        assert veil(template.format(value)) == template.format("x" * len(value))


@pytest.mark.parametrize(
    "line", ["password: {}", "API_TOKEN={}", "export AWS_SECRET_ACCESS_KEY={}", "Authorization: Bearer {}"]
)
def test_a_value_needs_no_quotes(line: str) -> None:
    for seed in SEEDS:
        value = VALUES["hex"](random.Random(seed))
        assert veil(line.format(value)) == line.format("x" * len(value))


@pytest.mark.parametrize(
    "text",
    [
        'password = "hunter two"',
        'password = "password"',
        "password = getpass.getpass()",
        "token = tokenizer.next_token(source2)",
        'token_url = "https://example.com/oauth2/v1/token"',
        'secret_name = "my-app/prod-01"',
        "secret_key = settings.SECRET_KEY_V2",
        'password = "${DB_PASSWORD}"',
        'token = f"{prefix}-{suffix}"',
        'password = "<your-password-1>"',
        "passwords = [user.password for user in users]",
        'url = "postgres://user:password@localhost/db"',
        'url = f"https://{user}:{password}@{host}/"',
        "commit = '9fceb02d0ae598e95dc970b74767f19372d61af8'",
        "sha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'",
        "from a.very.long.module.path.with.many.parts.indeed import SomethingWithALongName2",
        "def test_a_token_that_has_a_long_name_and_a_number_2_is_refused() -> None:",
        '"tokens", "symbol2label"',
        'audio_tokenizer_class = "DacModel2"',
        "ghp_short",
        "AKIA",
        "the -----BEGIN of a line",
        "the secret: nothing2see here",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert veil(text) == text


@pytest.mark.parametrize("seed", SEEDS)
def test_a_key_is_veiled_however_much_of_it_is_there(seed: int) -> None:
    rng = random.Random(seed)
    key = private_key(rng)
    quoted = key.replace("\n", "\\n")
    for text in (
        key,
        f"k = '''{key}'''",
        f'k = "{quoted}"',
        key.replace("\n", "\r\n"),
        "\n    ".join(key.split("\n")),
    ):
        assert not leaked(key, veil(f"a = 1\n{text}\nb = 2\n"))
    for at in range(0, len(key), 37):  # a window's edge falls anywhere
        assert not leaked(key, veil("a = 1\n" + key[:at]))
        assert not leaked(key, veil(key[at:] + "\nb = f(2)\n"))


def test_what_follows_a_key_stays() -> None:
    key = private_key(random.Random(1))
    assert veil(f"{key}\ndef f(a):\n    return a\n").endswith("\ndef f(a):\n    return a\n")
    assert veil(f"import os\n\n{key}").startswith("import os\n\n")


@given(st.text(alphabet=st.sampled_from("aB3-_=:'\"\n\r é😀(){}") | st.characters(), max_size=200))
def test_length_and_lines_stay_whatever_the_text_is(text: str) -> None:
    veiled = veil(text)
    assert len(veiled) == len(text)
    assert [c for c in veiled if c.isspace()] == [c for c in text if c.isspace()]


@given(st.integers(0, 1 << 30), st.sampled_from(sorted(TOKENS)), st.integers(1, 15))
def test_a_secret_is_seen_however_the_cursor_parts_it(seed: int, kind: str, at: int) -> None:
    token = TOKENS[kind](random.Random(seed))
    assert secret_in(f"key = '{token[:at]}", token[at:], "'") == 0
    assert secret_in("key = '", token[:at], token[at:] + "'") is not None
    assert secret_in("", f"one = 1\nkey = '{token}'", "") == len("one = 1\nkey = '")


def test_only_the_text_between_counts() -> None:
    token = TOKENS["aws"](random.Random(0))
    assert secret_in(f"a = '{token}'\n", "b = 1", f"\nc = '{token}'") is None
    assert secret_in("é = ", "'é' + '", f"' + '{token}'") is None


def test_a_stand_in_is_not_shown() -> None:
    assert secret_in('other = "', "x" * 20, '"') == 0
    assert secret_in("", "b = 'xxxxxxxxxxxxxxxx'", "") == 5
    assert secret_in("", "b = 'xxxxxx'", "") is None


@pytest.mark.parametrize(
    "piece", ["password=", "token: ", "a:b@", "eyJ", "-----BEGIN PRIVATE KEY-----", "x" * 59 + " ", "://:"]
)
def test_a_long_text_of_almost_secrets_is_read_to_its_end(piece: str) -> None:
    text = piece * (60_000 // len(piece)) + " é"
    assert len(veil(text)) == len(text)
