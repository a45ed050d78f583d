"""Characters that nobody sees."""

import pytest

from lsp_server.policy import hides


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
