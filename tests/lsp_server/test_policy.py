import pytest

from lsp_server.policy import hides, is_secret, refuses
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
        "vscode-remote://host/p/.env",
        "vscode-notebook-cell:/p/.env#x",
        "untitled:.env",
    ],
)
def test_files_that_hold_secrets_are_known_by_name(uri: str) -> None:
    assert is_secret(uri)
    assert refuses(uri, "plaintext", Settings()) is not None


@pytest.mark.parametrize(
    "uri",
    [
        "file:///p/a.py",
        "file:///p/.env.example",
        "file:///home/a/.ssh/id_rsa.pub",
        "file:///p/environment.py",
        "file:///p/secrets.py",
        "file:///p/secrets/rotate.py",
        "file:///p/credentials.go",
        "file:///p/keyboard.c",
        "untitled:Untitled-1",
        "",
        "not a uri",
    ],
)
def test_other_files_are_not(uri: str) -> None:
    assert not is_secret(uri)
    assert refuses(uri, "python", Settings()) is None


def test_a_refusal_says_why() -> None:
    assert "midfill.enabled" in str(refuses("file:///a.py", "python", Settings(enabled=False)))
    settings = Settings(disabled_languages=("python",))
    assert "disabledLanguages" in str(refuses("file:///a.py", "python", settings))
    assert refuses("file:///a.go", "go", settings) is None


@pytest.mark.parametrize(
    "code",
    [
        *(0x202E, 0x2066, 0x061C),  # bidirectional controls
        *(0x200B, 0x200D, 0xFEFF, 0x00AD, 0xE0041, 0xFE0F, 0xE0100, 0x3164),  # drawn as nothing
        *(0x00, 0x1B, 0x7F, 0x85, 0x2028, 0xD800, 0xE000),  # controls, half a pair, private use
    ],
)
def test_hidden_characters_are_found(code: int) -> None:
    assert hides(f"x = 1{chr(code)}")


@pytest.mark.parametrize("text", ["", "x = 1\r\n\ty", "名前 = 'é' # 😀", "a\u00a0b", "Ω ≤ √2 — …"])
def test_text_that_an_editor_draws_is_not_hidden(text: str) -> None:
    assert not hides(text)
