"""The real server with a worker that knows how the files go on: python -m … FOLDER truth|lie

It says all of what is missing between the text before the cursor and the text behind it, or else a lie.
"""

import sys
from pathlib import Path

from inference.messages import Generate
from lsp_server.server import run_stdio
from tests.lsp_server.fake_link import FakeGeneration, FakeLink

LIE = "!!!"


class KnowingLink(FakeLink):
    async def start(self) -> None:
        await super().start()
        self.script = lambda generation: say(generation)


def say(generation: FakeGeneration) -> None:
    truth = missing(generation.request)
    text = truth if sys.argv[2] == "truth" else LIE if not truth.startswith(LIE) else "???"
    generation.say(text).end()


def missing(request: Generate) -> str:
    """Brackets that the editor has closed behind the cursor are in no file there."""
    for path in Path(sys.argv[1]).iterdir():
        text = path.read_text(encoding="utf-8")
        if text.startswith(request.prefix):
            rest = text[len(request.prefix) :]
            behind = request.suffix.lstrip(")]}")
            if rest.endswith(behind):
                return rest[: len(rest) - len(behind)]
    raise AssertionError("the request is for no file that there is")


if __name__ == "__main__":
    sys.exit(run_stdio(connect=KnowingLink))
