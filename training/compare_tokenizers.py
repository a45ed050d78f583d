"""Bytes a token of held-out text, for several tokenizers side by side.

    python -m training.compare_tokenizers --corpus DIR ours=tokenizer.json gpt2=other/tokenizer.json

A row for each language, and one for each part that the manifest counts by itself. A tokenizer that makes
fewer tokens of the same bytes sees further and asks for fewer steps. The last column is how many fewer tokens
the first one makes than the second.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from tokenizers import Tokenizer

from training.cursors import language_of
from training.jsonl import DataError, read_records
from training.sources import read_manifest

MANIFEST = Path(__file__).with_name("corpus.toml")


def held_out_texts(corpus: Path, parts: Mapping[str, str], max_bytes: int) -> dict[str, list[str]]:
    """Texts by language and by part, each group up to about `max_bytes`; `parts` by a source's name.

    Raises:
        DataError: the file is not a corpus.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    sizes: dict[str, int] = defaultdict(int)
    for record in read_records(corpus / "heldout.jsonl", {"source": str, "path": str, "text": str}):
        names = [language_of(record)]
        if part := parts.get(record["source"]):
            names.append(f"part {part}")
        for name in names:
            if sizes[name] < max_bytes:
                groups[name].append(record["text"])
                sizes[name] += len(record["text"].encode())
    return groups


def bytes_a_token(tokenizer: Tokenizer, texts: Iterable[str]) -> float:
    """Control tokens spelled out count as the text that they are."""
    tokenizer.encode_special_tokens = True
    size = tokens = 0
    for text in texts:
        size += len(text.encode())
        tokens += len(tokenizer.encode(text, add_special_tokens=False).ids)
    return size / tokens


def table(groups: Mapping[str, list[str]], tokenizers: Mapping[str, Tokenizer]) -> str:
    """Largest group first."""
    heads = ["", "kB", *tokenizers, *(["fewer"] if len(tokenizers) > 1 else [])]
    rows = [heads]
    sizes = {name: sum(len(text.encode()) for text in texts) for name, texts in groups.items()}
    for name in sorted(groups, key=lambda name: -sizes[name]):
        densities = [bytes_a_token(tokenizer, groups[name]) for tokenizer in tokenizers.values()]
        row = [name, f"{sizes[name] / 1e3:,.0f}", *(f"{density:.2f}" for density in densities)]
        if len(densities) > 1:
            row.append(f"{1 - densities[1] / densities[0]:.1%}")
        rows.append(row)
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    lines = []
    for first, *rest in rows:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]))
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="training.compare_tokenizers", description="Bytes a token.")
    parser.add_argument("tokenizers", nargs="+", metavar="NAME=FILE", help="tokenizer.json files")
    parser.add_argument("--corpus", type=Path, required=True, help="folder that training.corpus wrote")
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--max-mb", type=float, default=2.0, help="of each language and part")
    options = parser.parse_args(arguments)
    tokenizers = {}
    for item in options.tokenizers:
        name, separator, file = item.partition("=")
        if not separator:
            parser.error(f"{item}: wanted NAME=FILE")
        if not Path(file).is_file():
            print(f"training.compare_tokenizers: {file}: no such file", file=sys.stderr)
            return 1
        tokenizers[name] = Tokenizer.from_file(file)
    parts = {source.name: source.part for source in read_manifest(options.manifest) if source.part}
    try:
        groups = held_out_texts(options.corpus, parts, int(options.max_mb * 1e6))
    except (DataError, OSError) as error:
        print(f"training.compare_tokenizers: {error}", file=sys.stderr)
        return 1
    print(table(groups, tokenizers))
    return 0


if __name__ == "__main__":
    sys.exit(main())
