"""The `midfill` command as a process: what it prints, where, and its exit code."""

import contextlib
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lsp_server import __version__
from tests.own_home import own_home
from training.export_gguf import export_gguf

CODE = """\
class Reader:
    def __init__(self, name):
        self.name = name

    def title(self):
        return
"""
CURSOR = ("--line", "6", "--column", "15")
WRITTEN = " self.name"  # by the scripted model


@dataclass(frozen=True)
class Midfill:
    """Runs the command in an environment of its own: no worker, socket or log of the user's is touched."""

    environment: dict[str, str]

    def __call__(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lsp_server", *arguments],
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def on_terminal(self, *arguments: str, **more: str) -> str:
        """What stdout gets where it is a terminal."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "lsp_server", *arguments],
            env={**self.environment, "TERM": "xterm", **more},
            stdout=theirs,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        try:
            return _read_all(ours, time.monotonic() + 180)
        finally:
            os.close(ours)
            process.kill()
            process.wait()


def _read_all(descriptor: int, deadline: float) -> str:
    data = b""
    while select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:  # how Linux says that the other end of a terminal is closed
            break
        if not chunk:
            break
        data += chunk
    return data.decode().replace("\r\n", "\n")


@pytest.fixture(scope="module")
def midfill() -> Iterator[Midfill]:
    with own_home() as environment:
        chosen = {name: value for name, value in environment.items() if name not in ("NO_COLOR", "TERM")}
        yield Midfill({**chosen, "COLUMNS": "100"})


@pytest.fixture(scope="module")
def model(make_scripted_model: Callable[[str], Path]) -> str:
    return str(make_scripted_model(WRITTEN + "\n"))


@pytest.fixture(scope="module")
def worker(midfill: Midfill, model: str) -> Iterator[str]:
    """The model's path, whose shared worker is ended when the tests of this module are done."""
    yield model
    status = midfill("status", "--model", model, "--json")
    if status.returncode == 0:
        with contextlib.suppress(ProcessLookupError):
            os.kill(json.loads(status.stdout)["pid"], signal.SIGTERM)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "reader.py"
    path.write_text(CODE)
    return path


def test_version(midfill: Midfill) -> None:
    run = midfill("--version")
    assert (run.returncode, run.stdout, run.stderr) == (0, f"midfill {__version__}\n", "")


@pytest.mark.parametrize("command", ["lsp", "worker", "complete", "status", "doctor", "why"])
def test_every_command_has_help_with_an_example(midfill: Midfill, command: str) -> None:
    run = midfill(command, "--help")
    assert run.returncode == 0
    assert f"  midfill {command}" in run.stdout.split("example", 1)[1]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("complete", "x.py"),
        ("complete", "x.py", "--line", "one", "--column", "1"),
        ("complete", "x.py", "--line", "1", "--column", "1", "--max-tokens", "0"),
        ("complete", "x.py", "--line", "1", "--column", "1", "--max-tok", "5"),
        ("status", "--verbose"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_told_with_code_two(midfill: Midfill, arguments: tuple[str, ...]) -> None:
    run = midfill(*arguments)
    assert run.returncode == 2
    assert run.stdout == ""
    assert "usage: midfill" in run.stderr
    assert "Traceback" not in run.stderr


def cursor(line: int, column: int) -> tuple[str, ...]:
    return ("--line", str(line), "--column", str(column))


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        (0, 1, "line 0 is out of range: {path} has lines 1 to 7"),
        (8, 1, "line 8 is out of range: {path} has lines 1 to 7"),
        (-1, 1, "line -1 is out of range: {path} has lines 1 to 7"),
        (10**30, 1, f"line {10**30} is out of range: {{path}} has lines 1 to 7"),
        (6, 0, "column 0 is out of range: line 6 of {path} has columns 1 to 15"),
        (6, 16, "column 16 is out of range: line 6 of {path} has columns 1 to 15"),
    ],
)
def test_a_place_outside_the_file_is_refused(
    midfill: Midfill, source: Path, line: int, column: int, message: str
) -> None:
    run = midfill("complete", str(source), *cursor(line, column))
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == f"midfill: {message.format(path=source)}\n"


def test_files_that_cannot_be_completed(midfill: Midfill, tmp_path: Path) -> None:
    (tmp_path / "binary.bin").write_bytes(b"\x7fELF\0\0")
    (tmp_path / "latin.py").write_bytes("name = 'é'\n".encode("latin-1"))
    (tmp_path / "id_rsa").write_text("secret\n")
    (tmp_path / "deploy").write_text("-----BEGIN PRIVATE " + "KEY-----\n")
    os.mkfifo(tmp_path / "pipe")
    for name, message in {
        "missing.py": "does not exist",
        ".": "is a directory, not a file",
        "binary.bin": "is a binary file: it holds a zero byte",
        "latin.py": "is not UTF-8 text: byte 8 cannot be decoded",
        "id_rsa": "is not completed: files of this name hold secrets and are never read",
        "deploy": "is not completed: it begins as a file of keys does, and those are never read",
        "pipe": "is not a regular file",
        "n" * 300: "cannot be read: File name too long",
    }.items():
        run = midfill("complete", str(tmp_path / name), *cursor(1, 1))
        assert (run.returncode, run.stdout) == (1, ""), name
        assert run.stderr == f"midfill: {tmp_path / name} {message}\n"


def test_a_control_character_in_a_name_does_not_reach_the_terminal(midfill: Midfill, tmp_path: Path) -> None:
    run = midfill("complete", str(tmp_path / "\x1b[2Jx.py"), *cursor(1, 1))
    assert run.returncode == 1
    assert "\x1b" not in run.stderr


def test_a_model_that_is_not_there(midfill: Midfill, source: Path, tmp_path: Path) -> None:
    run = midfill("complete", str(source), *CURSOR, "--private", "--model", str(tmp_path / "nowhere"))
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("midfill: ")
    assert str(tmp_path / "nowhere") in run.stderr
    assert len(run.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["complete", "status"])
def test_a_model_in_the_home_of_nobody(midfill: Midfill, source: Path, command: str) -> None:
    place = (str(source), *CURSOR) if command == "complete" else ()
    run = midfill(command, *place, "--model", "~nosuchuser/m")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("midfill: the model '~nosuchuser/m' cannot be found")
    assert len(run.stderr.splitlines()) == 1


def test_worker_of_a_model_in_the_home_of_nobody(midfill: Midfill) -> None:
    run = midfill("worker", "--model", "~nosuchuser/m")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("midfill worker: the model '~nosuchuser/m' cannot be found")


def test_a_command_imports_none_of_the_others() -> None:
    program = (
        "import sys; from lsp_server.cli import parser\n"
        "parser('worker').parse_args(['worker'])\n"
        "names = ('asyncio', 'logging', 'msgpack', 'tree_sitter', 'pygls')\n"
        "print(*(name for name in names if name in sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("\n", "")


def test_doctor_of_a_model_in_the_home_of_nobody(midfill: Midfill) -> None:
    run = midfill("doctor", "--model", "~nosuchuser/m", "--json")
    assert (run.returncode, run.stderr) == (1, "")
    problems = {check["name"]: check["cure"] for check in json.loads(run.stdout)["checks"] if check["cure"]}
    assert list(problems) == ["model", "socket", "worker"]
    assert problems["model"] == "give --model the whole path of a folder or of a GGUF file"


def test_complete_prints_the_text_alone_into_a_pipe(midfill: Midfill, worker: str, source: Path) -> None:
    run = midfill("complete", str(source), *CURSOR, "--model", worker)
    assert (run.returncode, run.stdout.rstrip("\n"), run.stderr) == (0, WRITTEN, "")
    assert source.read_text() == CODE


def test_a_gguf_file_completes(midfill: Midfill, model: str, source: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    export_gguf(Path(model), path, "bf16")
    run = midfill("complete", str(source), *CURSOR, "--private", "--model", str(path))
    assert (run.returncode, run.stdout.rstrip("\n"), run.stderr) == (0, WRITTEN, "")


def test_complete_json_counts_and_reuses_the_prompt(midfill: Midfill, worker: str, source: Path) -> None:
    runs = [midfill("complete", str(source), *CURSOR, "--model", worker, "--json") for _ in range(2)]
    first, second = (json.loads(run.stdout) for run in runs)
    times, counts = {"ttft_ms", "total_ms"}, {"prompt_tokens", "cached_tokens", "generated_tokens"}
    assert set(first) == {"text", "stop_reason", "model"} | times | counts
    assert first["text"].rstrip("\n") == WRITTEN
    assert first["stop_reason"] in ("eot", "trimmed")
    assert first["model"] == "tiny"
    assert 0 < first["ttft_ms"] <= first["total_ms"]
    assert first["generated_tokens"] > 0
    assert second["prompt_tokens"] == first["prompt_tokens"] > 0
    assert 0 < second["cached_tokens"] < second["prompt_tokens"]


def test_complete_shows_its_line_on_a_terminal(midfill: Midfill, worker: str, source: Path) -> None:
    command = ("complete", str(source), *CURSOR, "--model", worker)
    coloured = midfill.on_terminal(*command)
    assert "\x1b[2m" in coloured
    plain = midfill.on_terminal(*command, NO_COLOR="1")
    assert plain.rstrip("\n") == "        return" + WRITTEN
    assert coloured.replace("\x1b[2m", "").replace("\x1b[0m", "") == plain


def test_complete_reads_five_megabytes_and_crlf(midfill: Midfill, worker: str, tmp_path: Path) -> None:
    path = tmp_path / "large.py"
    line = "value = 'é中'\r\n"
    path.write_bytes(("\ufeff" + line * (5_000_000 // len(line.encode()))).encode())
    run = midfill("complete", str(path), *cursor(1000, 8), "--model", worker, "--json")
    assert run.returncode == 0, run.stderr
    assert "text" in json.loads(run.stdout)


def test_complete_reads_an_empty_file(midfill: Midfill, worker: str, tmp_path: Path) -> None:
    path = tmp_path / "empty.py"
    path.touch()
    run = midfill("complete", str(path), *cursor(1, 1), "--model", worker, "--json")
    assert run.returncode == 0, run.stderr


def test_status_of_a_running_worker(midfill: Midfill, worker: str, source: Path) -> None:
    assert midfill("complete", str(source), *CURSOR, "--model", worker).returncode == 0
    told = json.loads(midfill("status", "--model", worker, "--json").stdout)
    assert told["state"] == "ready"
    assert told["model"] == "tiny"
    assert told["memory_bytes"] > 0
    run = midfill("status", "--model", worker)
    assert run.returncode == 0
    assert f"process  {told['pid']}, up" in run.stdout
    assert "\x1b" not in run.stdout


def test_status_without_a_worker(midfill: Midfill, tmp_path: Path) -> None:
    run = midfill("status", "--model", str(tmp_path))
    assert (run.returncode, run.stderr) == (1, "")
    assert run.stdout.startswith("no worker runs")
    run = midfill("status", "--model", str(tmp_path), "--json")
    assert (run.returncode, json.loads(run.stdout)) == (1, {"state": "stopped"})


def test_status_refuses_a_socket_folder_that_others_can_write(midfill: Midfill, tmp_path: Path) -> None:
    short = Path(tempfile.mkdtemp(prefix="mf"))
    try:
        (short / "midfill").mkdir(mode=0o777)
        (short / "midfill").chmod(0o777)
        run = midfill("status", XDG_RUNTIME_DIR=str(short))
        assert (run.returncode, run.stdout) == (1, "")
        assert f"chmod 700 {short}/midfill" in run.stderr
    finally:
        shutil.rmtree(short)


def test_doctor_finds_nothing_wrong(midfill: Midfill, model: str) -> None:
    run = midfill("doctor", "--model", model, "--json")
    told = json.loads(run.stdout)
    assert told["ok"], told
    assert run.returncode == 0
    checks = {check["name"]: check["found"] for check in told["checks"]}
    names = {
        "midfill",
        "packages",
        "grammars",
        "model",
        "weights",
        "policies",
        "socket",
        "log",
        "engine",
        "worker",
    }
    assert set(checks) == names
    assert "tiny (from --model)" in checks["model"]
    assert "mode 0700" in checks["socket"]


def test_doctor_says_what_to_do(midfill: Midfill, tmp_path: Path) -> None:
    run = midfill("doctor", "--model", str(tmp_path))
    assert run.returncode == 1
    lines = run.stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("problem model"))
    assert "lacks config.json, tokenizer.json" in lines[at]
    assert "→ give --model the folder or the GGUF file of a Qwen3-MoE checkpoint" in lines[at + 1]
    assert lines[-1] == "1 of 9 checks found a problem"


@pytest.mark.parametrize("argument", ["--idle-timeout=-1", "--precision=int2"])
def test_worker_is_the_inference_worker(midfill: Midfill, tmp_path: Path, argument: str) -> None:
    run = midfill("worker", "--model", str(tmp_path), argument)
    assert run.returncode == 2
    assert argument.partition("=")[0] in run.stderr.splitlines()[-1]
    assert "usage: midfill worker" in run.stderr


def test_lsp_speaks_over_stdio(midfill: Midfill) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "shutdown"}).encode()
    run = subprocess.run(
        [sys.executable, "-m", "lsp_server", "lsp", "--stdio"],
        input=b"Content-Length: %d\r\n\r\n%s" % (len(body), body),
        env=midfill.environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    header, _, answer = run.stdout.partition(b"\r\n\r\n")
    assert header.startswith(b"Content-Length: ")
    assert json.loads(answer)["error"]["code"] == -32002  # before initialize


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("status >/dev/full", "No space left on device"),
        ("status >&-", "standard output and standard error must be open"),
        ("lsp --stdio <&-", "standard input is closed; an editor speaks over it"),
    ],
)
def test_streams_that_cannot_be_used_are_told_in_one_sentence(
    midfill: Midfill, command: str, told: str
) -> None:
    run = subprocess.run(
        ["sh", "-c", f'exec "$0" -m lsp_server {command}', sys.executable],
        env=midfill.environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert (run.returncode, run.stderr) == (1, f"midfill: {told}\n")


def test_a_locale_without_a_character_is_no_error(midfill: Midfill, tmp_path: Path) -> None:
    run = midfill("doctor", "--model", str(tmp_path), PYTHONIOENCODING="ascii")
    assert (run.returncode, run.stderr) == (1, "")
    assert "\\u2192 give --model the folder" in run.stdout


def test_a_reader_that_has_had_enough_is_no_error(midfill: Midfill) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        run = subprocess.run(
            [sys.executable, "-m", "lsp_server", "status", "--model", "/nowhere"],
            env=midfill.environment,
            stdout=theirs,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(theirs)
    assert (run.returncode, run.stderr) == (0, b"")
