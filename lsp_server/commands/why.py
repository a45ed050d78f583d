"""`midfill why`: why the last completions were what they were, or were none."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

from inference.transport import UnsafeDirectoryError
from lsp_server.commands import CommandError, terminal
from lsp_server.commands.source_file import read
from lsp_server.why.door import ask, doors
from lsp_server.why.replay import ReplayError, Result, loads
from lsp_server.why.ring import NUM_TRACES

HELP = "say what the last completions went through, and why there was none"
EXAMPLES = """\
Asks the running servers of this user, over sockets that only this user can open. Without --text nothing of
your files is shown but names and sizes. A replay holds the document, with stand-ins for secrets.

examples:
  midfill why
  midfill why --count 5 --text
  midfill why --save odd.json
  midfill why --replay odd.json       # exit code 1 where today's code does otherwise
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--count",
        type=_count,
        default=1,
        metavar="N",
        help=f"the last N requests, 1 to {NUM_TRACES} (default: 1)",
    )
    parser.add_argument("--text", action="store_true", help="with what was sent, said and shown")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--save", type=Path, metavar="FILE", help="write the last request there, to be run again"
    )
    parser.add_argument(
        "--replay", type=Path, metavar="FILE", help="run a saved request with the code as it is now"
    )


def run(options: argparse.Namespace) -> int:
    if options.replay is not None:
        return _replay(options.replay)
    found = _requests(options.count, options.text)
    if options.save is not None:
        return _save(options.save, *found[0])
    told = [request for _, request in found]
    if options.json:
        print(json.dumps({"requests": told}))
    else:
        print("\n\n".join(_told(request) for request in told))
    return 0


def _requests(count: int, with_text: bool) -> list[tuple[Path, dict[str, Any]]]:
    """The last requests of all servers, newest first, each with the door of its server."""
    found: list[tuple[Path, dict[str, Any]]] = []
    try:
        for door in doors():
            answer = ask(door, {"count": count, "text": with_text})
            if answer is None:
                door.unlink(missing_ok=True)  # its server was killed
            else:
                found += [(door, request) for request in answer.get("requests", ())]
    except (UnsafeDirectoryError, OSError, ValueError) as error:
        raise CommandError(f"the servers cannot be asked: {error}") from error
    if not found:
        raise CommandError("no server of yours runs that was asked for a completion yet")
    return sorted(found, key=lambda each: -each[1]["at"])[:count]


def _save(path: Path, door: Path, request: dict[str, Any]) -> int:
    try:
        answer = ask(door, {"replay": request["number"]}) or {"error": "its server has ended"}
    except (OSError, ValueError) as error:
        raise CommandError(f"the server cannot be asked: {error}") from error
    if "replay" not in answer:
        raise CommandError(str(answer.get("error")))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise CommandError(f"{path} is there already") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(str(answer["replay"]))
    return 0


def _replay(path: Path) -> int:
    try:
        replay = loads(read(path))
    except ReplayError as error:
        raise CommandError(f"{path}: {error}") from error
    now = asyncio.run(replay.run())
    if now == replay.result:
        print(f"as it was: {_result(now)}")
        return 0
    print(f"then: {_result(replay.result)}\nnow:  {_result(now)}")
    return 1


def _result(result: Result) -> str:
    gates = f" (objections: {', '.join(result.gates)})" if result.gates else ""
    return terminal.printable(
        f"{result.text!r}{gates}" if result.text else f"nothing: {result.silence}{gates}"
    )


def _told(request: dict[str, Any]) -> str:
    at = time.strftime("%H:%M:%S", time.localtime(request["at"]))
    total = sum(stage["ms"] for stage in request["stages"])
    shown = request["shown"]
    source = _SOURCES.get(request["source"], "nowhere")
    outcome = (
        f"{shown['characters']} characters in {shown['lines']} lines, from {source}"
        if shown["characters"]
        else f"nothing: {request['silence'] or 'not answered yet'}"
    )
    lines = [f"#{request['number']} {request['file']} at {at}, {total:.1f} ms: {outcome}"]
    stages = "  ".join(f"{stage['stage']} {stage['ms']:.1f}" for stage in request["stages"])
    lines.append(f"stages, ms   {stages}")
    if request["snippets"]:
        sizes = ", ".join(f"{each['path']} ({each['characters']} characters)" for each in request["snippets"])
        lines.append(f"snippets     {sizes}")
    if (worker := request["worker"]) is not None:
        lines.append(
            f"worker       {worker['cached_tokens']} of {worker['prompt_tokens']} prompt tokens reused, "
            f"{worker['generated_tokens']} generated in {worker['total_ms']:.1f} ms, "
            f"ended by {worker['stopReason']}"
        )
    if request["candidates"]:
        objections = ", ".join(f"{each['gate']} at {each['at']}{_to(each)}" for each in request["objections"])
        lines.append(f"candidates   {request['candidates']}; objections: {objections or 'none'}")
    if "generated" in request:
        lines += [f"said         {request['generated']!r}", f"shown        {shown['text']!r}"]
        lines += [f"snippet      {each['path']}: {each['text']!r}" for each in request["snippets"]]
    return terminal.printable("\n".join(lines))


_SOURCES = {"model": "the model", "adopted": "a request under way", "recent": "an earlier answer"}


def _to(objection: dict[str, Any]) -> str:
    return f" to {objection['to']!r}" if objection.get("to") else ""


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= NUM_TRACES:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to {NUM_TRACES}")
    return number
