"""Prompts: a gap in a file to the tokens that make a model fill it, within exact budgets.

Both layouts run from what is stable to what the next keystroke changes, so that keys and values computed for
one request serve the next (arXiv 2505.21889):

    midfill-spm   <|file_sep|>NAME⏎SNIPPET … <|file_sep|>NAME⏎<|fim_suffix|>SUFFIX<|fim_middle|>PREFIX
                  <|file_sep|>NAME⏎PREFIX                                       when the suffix is blank
    qwen          <|fim_prefix|>LINES<|fim_suffix|>SUFFIX<|fim_middle|>LINE
                  <|repo_name|>NAME⏎<|file_sep|>PATH⏎SNIPPET … <|file_sep|>PATH⏎<|fim_prefix|> …

midfill-spm is the joint suffix-prefix-middle order of arXiv 2207.14255; NAME is the file's, without folders,
for models whose card has `name_tokens` for it. In qwen, which was trained on whole
prefixes first, LINES ends with the last full line and the current line's text LINE follows the middle marker.
Where PREFIX or LINES do not reach back to the file's beginning, its imports and the headers of the scopes
around the cursor come first in them, as far as they fit a quarter of the budget.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from inference.card import Card, PromptFormat
from inference.healing import is_indented, token_cut, word_cut
from inference.line_tokens import Encoder, WorkspaceTokens
from inference.messages import Extent, Snippet
from inference.model import ModelError
from inference.outline import window_with_outline
from inference.tokenizer import Tokenizer
from inference.window import first_tokens, last_tokens

PATH_TOKENS = 64


@dataclass(frozen=True, slots=True)
class PromptText:
    """What a request says of the gap. Line ends of any kind; the rest of the prompt is the card's affair.

    `outline` are extents of `prefix` worth seeing where the window does not reach them, most telling first.
    """

    prefix: str
    suffix: str = ""
    path: str = ""
    language: str = ""
    repository: str = ""
    snippets: tuple[Snippet, ...] = ()
    outline: tuple[Extent, ...] = ()


@dataclass(frozen=True, slots=True)
class Prompt:
    """`token_ids` to prefill; `required` is the text before the cursor that they leave out: the first tokens
    generated must reproduce it, and it is not part of the answer. `indented`: no blank may follow it."""

    token_ids: tuple[int, ...]
    required: bytes
    indented: bool = False


class PromptWriter:
    """Renders prompts for one model.

    Args:
        card: names the layout and the budgets.
        context_length: of the model; the card's budgets must leave room for a completion.

    Raises:
        ModelError: the tokenizer lacks a control token of the layout, or the budgets exceed the context.
    """

    __slots__ = ("_card", "_lines", "_render", "_tokenizer", "max_prompt_tokens")

    def __init__(self, card: Card, tokenizer: Tokenizer, context_length: int) -> None:
        layouts: dict[PromptFormat, tuple[Callable[[PromptText, Encoder], Prompt], int, tuple[str, ...]]] = {
            "midfill-spm": (self._midfill_spm, 3, ("file_sep", "fim_suffix", "fim_middle")),
            "qwen": (
                self._qwen,
                5 + 2 * PATH_TOKENS,
                ("fim_prefix", "fim_suffix", "fim_middle", "repo_name", "file_sep"),
            ),
        }
        self._render, frame, controls = layouts[card.format]
        for name in controls:
            tokenizer.control(f"<|{name}|>")
        self._card = card
        self._tokenizer = tokenizer
        self._lines = WorkspaceTokens(tokenizer)
        self.max_prompt_tokens = (
            card.prefix_tokens + card.suffix_tokens + card.snippet_tokens + card.name_tokens + frame
        )
        if self.max_prompt_tokens >= context_length:
            raise ModelError(
                f"card: prompts of up to {self.max_prompt_tokens} tokens leave no room to complete "
                f"in a context of {context_length}"
            )

    def write(self, text: PromptText, salt: str = "") -> Prompt:
        """At most `max_prompt_tokens` and at least one token. Line ends become \\n.

        `salt` names the workspace: lines are remembered for each apart.
        """
        return self._render(text, self._lines.of(salt))

    def _midfill_spm(self, text: PromptText, encoder: Encoder) -> Prompt:
        prefix = _unix(text.prefix)
        kept, required = self._split(prefix, word_cut(prefix))
        ids = []
        left = self._card.snippet_tokens
        for snippet in text.snippets:
            name = self._name(snippet.path)
            body = first_tokens(_unix(snippet.text), left - len(name) - 1, encoder)
            if body:
                ids += [self._control("file_sep"), *name, *body]
                left -= len(name) + len(body) + 1
        ids += [self._control("file_sep"), *self._name(text.path)]
        suffix = _unix(text.suffix)
        if suffix.strip():
            after = first_tokens(suffix, self._card.suffix_tokens, encoder)
            ids += [self._control("fim_suffix"), *after, self._control("fim_middle")]
        ids += self._before(text, kept, self._card.prefix_tokens, encoder)
        return Prompt(tuple(ids), required, is_indented(prefix))

    def _qwen(self, text: PromptText, encoder: Encoder) -> Prompt:
        prefix = _unix(text.prefix)
        lines, line = prefix[: prefix.rfind("\n") + 1], prefix[prefix.rfind("\n") + 1 :]
        kept, required = self._split(line, token_cut(line, self._tokenizer))
        current = last_tokens(kept, self._card.prefix_tokens // 2, encoder)
        before = self._before(text, lines, self._card.prefix_tokens - len(current), encoder)
        after = first_tokens(_unix(text.suffix), self._card.suffix_tokens, encoder)
        ids = [
            *self._repository(text, encoder),
            *(self._control("fim_prefix"), *before),
            *(self._control("fim_suffix"), *after),
            *(self._control("fim_middle"), *current),
        ]
        return Prompt(tuple(ids), required, is_indented(prefix))

    def _before(self, text: PromptText, kept: str, budget: int, encoder: Encoder) -> list[int]:
        """The end of `kept`, which the prefix begins with, and the outline of what it leaves out."""
        outline = text.outline
        if "\r" in text.prefix:
            ends = [(len(_unix(text.prefix[: e.start])), len(_unix(text.prefix[: e.end]))) for e in outline]
            outline = tuple(Extent(start, end) for start, end in ends)
        return window_with_outline(kept, outline, budget, encoder)

    def _repository(self, text: PromptText, encoder: Encoder) -> list[int]:
        """Qwen's repository form: name, other files, and the path of this one; nothing without any."""
        if not text.repository and not text.snippets:
            return []
        ids = []
        if text.repository:
            ids += [self._control("repo_name"), *self._line(text.repository)]
        left = self._card.snippet_tokens
        for snippet in text.snippets:
            path = self._line(snippet.path)
            body = first_tokens(_unix(snippet.text), left - len(path) - 1, encoder)
            if body:
                ids += [self._control("file_sep"), *path, *body]
                left -= len(path) + len(body) + 1
        return [*ids, self._control("file_sep"), *self._line(text.path)]

    def _line(self, text: str) -> list[int]:
        """A name or path of at most 64 tokens, the line end among them."""
        return last_tokens(_unix(text).replace("\n", " ") + "\n", PATH_TOKENS, self._tokenizer)

    def _name(self, path: str) -> list[int]:
        """The file's name and a line end; nothing if they are more than the card's `name_tokens`."""
        name = PurePosixPath(path).name
        ids = self._tokenizer.encode(name + "\n") if name and self._card.name_tokens else []
        return ids if len(ids) <= self._card.name_tokens else []

    def _split(self, prefix: str, cut: int) -> tuple[str, bytes]:
        return prefix[:cut], self._tokenizer.normalise(prefix[cut:]).encode()

    def _control(self, name: str) -> int:
        return self._tokenizer.control(f"<|{name}|>")


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
