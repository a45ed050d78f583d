"""Is it worth having? Types real files through the real server, with the model that ships.

    python -m benchmarks.replay DATA [--language NAME]... [--requests N] [--seed N] [--ablate] [--json] ...

DATA is a folder, best of a project that the model was not trained on, or a heldout.jsonl of
training.corpus. From a file a stretch of lines is taken out and typed again, a key at a time: each is a
change, and a request, whose answer is waited for (or, with --rate, is not). Line ends bring their
indentation, and opened brackets are closed by the editor, until the line ends. Whoever types knows what
they want, and accepts with one key a text that

- is a beginning of what they want, white space at line ends aside, and ends behind a word,
- saves --least keys or more,
- and leaves the brackets behind the cursor right.

What the columns say:

- requests: keys and acceptances, each of which asks; shown: the share that was answered with text;
- exact, part: of the texts (one that only shortens as it is typed is one), those accepted that complete
  their line, and those that do not; saved: the share of keys saved by accepting; by words: the same for
  somebody who also accepts single words of texts that are not right as a whole;
- wrong: the share of requests with a text that is not what is typed then; wrong/100: wrong characters that
  were shown, each text once, for 100 characters that are typed;
- ms: from the request to the reply, with text, and without ("silent"); added errors: texts with which
  tree-sitter finds more errors than without, broken: those of them that the author did not write, and that
  no end would mend; compiled: texts whose lines could be put to Python, misread: in which it stumbles. None
  of this is asked of Midfill's own gates;
- own time: of the server's process, at every fourth key, which counts in no other time; and what a reply
  took by the clock beyond the wait for the worker, where the model was asked.

±: a standard error, by bootstrap over files. With --ablate variants type the same stretches in turns, each
with a server and a worker of its own: each stage switched off (or on, where it ships off); `plain` is the
text around the cursor alone, trimmed, without gates and caches; "saved ×" and "wrong ×": as shipped, over
the variant.
"""

import argparse
import asyncio
import json
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from itertools import count
from pathlib import Path

from benchmarks.editor import WorkerError
from benchmarks.keystroke import machine
from benchmarks.lsp_client import LspError
from benchmarks.replaying.figures import Report, Typing, ablated, by_language, table
from benchmarks.replaying.lsp_screen import lsp_screen
from benchmarks.replaying.source_file import DEFAULT, SourceFile, read_files
from benchmarks.replaying.stretch import Stretch, draws
from benchmarks.replaying.typist import Manner, Typist
from benchmarks.replaying.variant import SHIPPED, Variant, variants
from benchmarks.replaying.workspace import workspace
from training.evaluation.progress import Progress
from training.jsonl import DataError
from training.languages import LANGUAGES


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    try:
        wanted = chosen(options.ablate, options.variant)
        files = read_files(options.data, options.language or DEFAULT, options.tests)
        languages = _languages(files, options)
        with workspace(options.data) as root:
            report = asyncio.run(replay(options, files, languages, wanted, root))
    except (OSError, DataError, WorkerError, LspError, TimeoutError) as error:
        print(f"replay: {str(error) or 'the server did not answer in time'}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nreplay: interrupted", file=sys.stderr)
        return 130
    print(json.dumps(asdict(report), ensure_ascii=False) if options.json else table(report))
    return 0


def chosen(ablate: bool, names: Sequence[str]) -> list[Variant]:
    """The variants that type, as shipped first. Raises DataError for a name that is none."""
    known = {variant.name: variant for variant in variants()}
    for name in names:
        if name not in known:
            raise DataError(f"there is no variant {name!r}: they are {', '.join(map(repr, known))}")
    return list(known.values()) if ablate else [SHIPPED, *(known[name] for name in names if name in known)]


async def replay(
    options: argparse.Namespace,
    files: Sequence[SourceFile],
    languages: Sequence[str],
    wanted: Sequence[Variant],
    root: Path,
) -> Report:
    """Type. Raises WorkerError, LspError, TimeoutError, DataError."""
    manner = Manner(options.least, options.rate, options.look, options.pairs, 0 if options.rate else 4)
    typed = {variant.name: {name: Typing() for name in languages} for variant in wanted}
    async with AsyncExitStack() as stack:
        typists, model = {}, ""
        for variant in wanted:
            screen, model = await stack.enter_async_context(lsp_screen(variant, options.model, root))
            typists[variant.name] = Typist(screen, manner)
        progress = Progress("replay", options.requests)
        asked = dict.fromkeys(languages, 0)
        quota = -(-options.requests // len(languages))
        for turn, stretch in zip(count(), _stretches(files, options, asked, quota), strict=False):
            first = turn % len(wanted)
            for name in [variant.name for variant in [*wanted[first:], *wanted[:first]]]:
                result = await typists[name].type(stretch)
                typed[name][stretch.file.language].add(stretch.file.path, result)
                if name == SHIPPED.name:
                    asked[stretch.file.language] += result.tally.requests
            progress(min(options.requests, sum(min(each, quota) for each in asked.values())))
    shipped = typed[SHIPPED.name]
    return Report(
        data=options.data.name,
        seed=options.seed,
        rate=options.rate,
        model=model,
        machine=machine(),
        languages=by_language(shipped),
        variants=ablated(typed),
        settings={variant.name: dict(variant.settings) for variant in wanted},
        flaws=[flaw for typing in shipped.values() for flaw in typing.flaws],
    )


def _stretches(
    files: Sequence[SourceFile], options: argparse.Namespace, asked: dict[str, int], quota: int
) -> Iterator[Stretch]:
    """One of each language in turn, until as many requests as wanted have been made in each."""
    order = {
        name: draws(
            [file for file in files if file.language == name],
            options.length,
            random.Random(f"{options.seed}/{name}"),
        )
        for name in asked
    }
    while left := [name for name in asked if asked[name] < quota]:
        for name in left:
            stretch = next(order[name], None)
            if stretch is None:
                raise DataError(f"no file in {name} has a line to type")
            yield stretch


def _languages(files: Sequence[SourceFile], options: argparse.Namespace) -> list[str]:
    """Those wanted that there are files of. Raises DataError where one that was named has none, or all."""
    there = {file.language for file in files}
    missing = [name for name in options.language or () if name not in there]
    if missing or not there:
        raise DataError(f"{options.data}: no file in {' or '.join(missing or DEFAULT)} that is not a test")
    return [name for name in options.language or DEFAULT if name in there]


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.replay", description="What completions are worth to somebody who types."
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="a folder, or a heldout.jsonl")
    parser.add_argument(
        "--language",
        action="append",
        choices=sorted(LANGUAGES),
        metavar="NAME",
        help=f"repeatable (default: {', '.join(DEFAULT)})",
    )
    parser.add_argument(
        "--requests", type=_natural, default=1000, metavar="N", help="as shipped (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="draws the places (default: 0)")
    parser.add_argument("--ablate", action="store_true", help="all variants")
    parser.add_argument(
        "--variant", action="append", default=[], metavar="NAME", help="this beside as shipped; repeatable"
    )
    parser.add_argument(
        "--length", type=_natural, default=80, metavar="N", help="keys of a stretch (default: %(default)s)"
    )
    parser.add_argument(
        "--least", type=_natural, default=3, metavar="N", help="keys to be saved (default: %(default)s)"
    )
    parser.add_argument(
        "--rate", type=_rate, default=0.0, metavar="N", help="keys a second, whether answered or not"
    )
    parser.add_argument(
        "--look",
        type=_seconds,
        default=0.25,
        metavar="S",
        help="seconds before accepting (default: %(default)s)",
    )
    parser.add_argument("--no-pairs", dest="pairs", action="store_false", help="no brackets are closed")
    parser.add_argument("--tests", action="store_true", help="files of tests too")
    parser.add_argument("--model", default="", metavar="PATH", help="(default: the one that ships)")
    parser.add_argument("--json", action="store_true", help="print one JSON object, with what broke syntax")
    return parser.parse_args(arguments)


def _natural(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def _rate(text: str) -> float:
    number = float(text)
    if not 0 < number <= 100:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and up to 100")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 60:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to 60")
    return number


if __name__ == "__main__":
    sys.exit(main())
