"""`midfill doctor --no-egress`."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lsp_server.commands.egress_checks import check_egress
from lsp_server.egress.rehearsal import Outcome, rehearse
from lsp_server.egress.seccomp import Attempt
from lsp_server.egress.sockets import Held

CLEAN = Outcome((), (), "", 4, 100, 3)


def names(seen: Outcome) -> dict[str, bool]:
    return {check.name: check.ok for check in check_egress("", "auto", lambda *_: seen)}


def test_a_session_in_which_nothing_was_seen_passes() -> None:
    assert names(CLEAN) == {"session": True, "calls": True, "sockets": True}


def test_what_was_seen_is_a_problem() -> None:
    attempt, held = Attempt(1, "p", "socket(AF_INET)"), Held(1, "p", "TCP, inode 3")
    assert names(replace(CLEAN, attempts=(attempt,)))["calls"] is False
    assert names(replace(CLEAN, held=(held,)))["sockets"] is False
    assert names(replace(CLEAN, attempts=(attempt,), no_filter="gone"))["calls"] is False


def test_a_session_that_came_to_nothing_proves_nothing() -> None:
    assert names(replace(CLEAN, num_answers=0))["session"] is False
    assert names(replace(CLEAN, error="the server ended"))["session"] is False


def test_without_a_filter_it_says_so() -> None:
    found = [
        check.found for check in check_egress("", "auto", lambda *_: replace(CLEAN, no_filter="seccomp: no"))
    ]
    assert "not watched" in found[1] and "seccomp: no" in found[1]


# A server as small as can be, whose worker opens a connection while it answers.
SERVER = """
import json, socket, sys
def say(message):
    body = json.dumps({"jsonrpc": "2.0", **message})
    sys.stdout.write(f"Content-Length: {len(body)}\\r\\n\\r\\n{body}"); sys.stdout.flush()
while True:
    length = int(sys.stdin.readline().split(":")[1]); sys.stdin.readline()
    message = json.loads(sys.stdin.read(length))
    if message["method"] == "initialized":
        say({"method": "midfill/status", "params": {"state": "ready"}})
    if message["method"] == "textDocument/inlineCompletion":
        PHONE
        say({"id": message["id"], "result": {"items": [{"insertText": "x"}]}})
    elif "id" in message:
        say({"id": message["id"], "result": {}})
    if message["method"] == "exit":
        break
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("phone", "problems"), [("pass", 0), ("exec('try: socket.socket()\\nexcept OSError: pass')", 3)]
)
def test_a_server_that_phones_home_is_caught(tmp_path: Path, phone: str, problems: int) -> None:
    seen = rehearse(server=(sys.executable, "-c", SERVER.replace("PHONE", phone)))
    assert (seen.error, seen.num_answers, seen.no_filter) == ("", 3, "")
    assert [attempt.call for attempt in seen.attempts] == ["socket(AF_INET)"] * problems


def test_a_server_that_ends_is_no_proof() -> None:
    assert rehearse(server=(sys.executable, "-c", "pass")).error
