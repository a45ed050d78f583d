"""CodeXGLUE's line completion of Python (arXiv 2102.04664): py150/line_completion/test.json.

Its files are sequences of tokens with a blank between any two, `<EOL>` for a line end, literals named or
left out, and no indentation. The prompt spells them as code is spelt, as far as that can be known, so that a
model of code sees what it was trained on; the answer is taken apart into tokens again. Exact match is on
tokens, edit similarity on them with a blank between any two, as in the benchmark's evaluator.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from inference.prompt import PromptText
from training.cursors import edit_similarity
from training.evaluation.completer import LineCompleter
from training.evaluation.progress import Progress
from training.jsonl import DataError, read_records

_LITERAL = re.compile(r"<(?:STR|NUM|CHAR)_LIT:(.*?)>", re.DOTALL)
_BLANKS = {"U+0020": " ", "U+002C": ","}
_TOKEN = re.compile(
    r"""[A-Za-z]{0,2}(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|\w+(?:\.\d\w*)?"""
    r"""|\*\*=?|//=?|>>=?|<<=?|[-+*/%&|^=!<>@:]=|->|\.\.\.|[^\w\s]"""
)
_NO_BLANK_BEFORE = frozenset(",:;)]}")
_NO_BLANK_BEHIND = frozenset("([{@~")
_SIGNS = frozenset(("*", "**", "-", "+"))
_BEFORE_SIGNS = frozenset(("(", "[", "{", ",", "=", ":", "==", "return", "\n"))
_CALLS = re.compile(r"[\w)\]]\Z")
_KEYWORDS = frozenset(
    ("and", "as", "assert", "await", "del", "elif", "else", "except", "exec", "for", "from", "if", "import",
     "in", "is", "lambda", "not", "or", "print", "raise", "return", "while", "with", "yield")
)  # fmt: skip


def spelt(tokens: str) -> str:
    """Tokens with a blank between any two, as code: literals filled in, `<EOL>` a line end."""
    out: list[str] = []
    before, last, depth = "", "\n", 0
    for word in tokens.split():
        if word in ("<s>", "</s>"):
            continue
        text = "\n" if word == "<EOL>" else _literal(word)
        depth = max(0, depth + (text == "(") - (text == ")")) if text != "\n" else 0
        if _is_spaced(before, last, text, depth > 0):
            out.append(" ")
        out.append(text)
        before, last = last, text
    return "".join(out)


def _literal(token: str) -> str:
    token = token.replace("<NUM_LIT>", "0").replace("<STR_LIT>", "").replace("<CHAR_LIT>", "")
    token = _LITERAL.sub(r"\1", token)
    for code, character in _BLANKS.items():
        token = token.replace(code, character)
    return token


def _is_spaced(before: str, last: str, text: str, in_call: bool) -> bool:
    """Whether a blank stands between `last` and `text`; `before` is the token in front of them."""
    if "\n" in (last, text):
        return False
    if text == "." or last == ".":
        return last == "from" or text == "import"
    if last in _NO_BLANK_BEHIND or text in _NO_BLANK_BEFORE or (in_call and "=" in (last, text)):
        return False
    if last in _SIGNS and before in _BEFORE_SIGNS:
        return False
    if text in ("(", "["):
        return last in _KEYWORDS or not _CALLS.search(last)
    return True


def taken_apart(line: str) -> list[str]:
    """The tokens of a line of code."""
    return _TOKEN.findall(line)


def code_xglue(completer: LineCompleter, path: Path, limit: int | None) -> dict[str, Any]:
    """Exact match and edit similarity over the first `limit` lines, or all.

    Raises:
        DataError: naming the file, and the line if one is wrong.
    """
    records = list(read_records(path, {"input": str, "gt": str}))[:limit]
    if not records:
        raise DataError(f"{path}: no line in it")
    progress = Progress("CodeXGLUE", len(records))
    rows: list[dict[str, Any]] = []
    for number, record in enumerate(records, 1):
        answer = completer.line(PromptText(spelt(record["input"]), language="python")).text
        truth, model = taken_apart(spelt(record["gt"])), taken_apart(answer)
        similarity = edit_similarity(" ".join(model), " ".join(truth))
        rows.append({"truth": truth, "model": model, "exact": model == truth, "similarity": similarity})
        progress(number)
    return {
        "lines": len(rows),
        "exact": sum(row["exact"] for row in rows) / len(rows),
        "similarity": sum(row["similarity"] for row in rows) / len(rows),
        "rows": rows,
    }
