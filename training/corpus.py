"""Stage 1: from `corpus.toml` and local checkouts to two files of text, one to train on and one held out.

    python -m training.corpus --checkouts DIR --benchmark FILE.jsonl.gz --out DIR

A git source is a bare or ordinary checkout at DIR/<owner>+<name>[/repo]; a package is one that is
installed for this interpreter; "stdlib" is this interpreter's standard library. Every source's licence
is read from its own licence file and has to agree with the manifest. Each benchmark file names text that
must not be trained on: a file sharing ten consecutive words with it is left out. So is a file that is
the same or nearly the same as one before; addresses and secrets are replaced (scrub.py).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tokenizers import Tokenizer

from training.benchmark_filter import BenchmarkFilter
from training.corpus_table import CorpusTable
from training.file_filter import reject_reason
from training.near_duplicates import NearDuplicates
from training.scrub import scrub
from training.sources import SourceError, SourceFile, read_manifest, read_source

MANIFEST = Path(__file__).with_name("corpus.toml")


def normalised_digest(text: str) -> bytes:
    """The same for two texts that differ in white space alone."""
    return hashlib.blake2b(re.sub(r"\s+", " ", text).encode(), digest_size=16).digest()


class Selection:
    """Decides file by file what goes in, and counts what does not and why."""

    def __init__(self, benchmarks: BenchmarkFilter) -> None:
        self._benchmarks = benchmarks
        self._digests: set[bytes] = set()
        self._near = NearDuplicates()
        self.dropped: Counter[str] = Counter()
        self.scrubbed: Counter[str] = Counter()

    def text(self, file: SourceFile) -> str | None:
        """The text of `file` as it is trained on, or None to leave it out."""
        reason = reject_reason(file.path, file.data, file.language)
        if reason is None:
            text = file.data.decode("utf-8").replace("\r\n", "\n")
            digest = normalised_digest(text)
            if digest in self._digests:
                reason = "duplicate"
            elif self._benchmarks.matches(text):
                reason = "benchmark"
            else:
                self._digests.add(digest)
                scrubbed = scrub(text)
                if self._near.keep(scrubbed.text):
                    self.scrubbed["e-mail addresses"] += scrubbed.addresses
                    self.scrubbed["secrets"] += scrubbed.secrets
                    return scrubbed.text
                reason = "near duplicate"
        self.dropped[reason] += 1
        return None


def token_counter(tokenizer_file: Path | None) -> Callable[[str], int]:
    """Tokens of a text, in which a control token spelled out is text; without a tokenizer 0."""
    if tokenizer_file is None:
        return lambda text: 0
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.encode_special_tokens = True
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def build(
    manifest: Path, checkouts: Path, benchmark_files: list[Path], out: Path, tokenizer: Path | None = None
) -> None:
    """Write `train.jsonl`, `heldout.jsonl` and `corpus.json` (what went in) under `out`, each whole."""
    sources, selection = read_manifest(manifest), Selection(BenchmarkFilter.from_files(benchmark_files))
    table, count = CorpusTable(tokenizer is not None), token_counter(tokenizer)
    by_source: dict[str, dict[str, int]] = {}
    out.mkdir(parents=True, exist_ok=True)
    # Held-out projects first: a copy of theirs elsewhere is then the duplicate, and is not trained on.
    for split, chosen in (("heldout", True), ("train", False)):
        partial = out / f"{split}.jsonl.part"
        with partial.open("w", encoding="utf-8") as file:
            for source in (s for s in sources if s.held_out is chosen):
                files = size = 0
                for found in read_source(source, checkouts):
                    if (text := selection.text(found)) is None:
                        continue
                    record = {
                        "source": source.name, "path": found.path, "language": found.language.name,
                        "licence": source.licence, "text": text,
                    }  # fmt: skip
                    file.write(json.dumps(record, ensure_ascii=False) + "\n")
                    bytes_of_text = len(text.encode())
                    table.add(source, found.language.name, bytes_of_text, 0 if chosen else count(text))
                    files, size = files + 1, size + bytes_of_text
                by_source[source.name] = {"files": files, "bytes": size}
                counts = f"{files:6} files {size / 1e6:8.2f} MB"
                print(f"{split:8} {source.name:44} {source.licence:14} {counts}", flush=True)
        partial.rename(out / f"{split}.jsonl")
    summary = {
        "sources": by_source,
        **table.summary(),
        "dropped": dict(selection.dropped),
        "scrubbed": dict(selection.scrubbed),
        "benchmarks": [path.name for path in benchmark_files],
    }
    (out / "corpus.json").write_text(json.dumps(summary, indent=1) + "\n")
    print(table.text(selection.dropped, selection.scrubbed))


def main() -> int:
    parser = argparse.ArgumentParser(prog="training.corpus", description=__doc__.split("\n")[0])
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--checkouts", type=Path, required=True, help="folder of git checkouts")
    parser.add_argument(
        "--benchmark", type=Path, action="append", required=True, help="text to keep out; repeatable"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, help="count tokens too; takes minutes")
    arguments = parser.parse_args()
    try:
        build(
            arguments.manifest, arguments.checkouts, arguments.benchmark, arguments.out, arguments.tokenizer
        )
    except (SourceError, OSError) as error:
        print(f"training.corpus: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
