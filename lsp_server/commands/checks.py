"""What `midfill doctor` looks at, one function each: what it found, and the cure if that is a problem."""

import asyncio
import os
import platform
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from inference.transport import UnsafeDirectoryError
from lsp_server import __version__
from lsp_server.document import Document
from lsp_server.policy import rules_for
from lsp_server.syntax import languages
from lsp_server.worker_attach import WorkerFailure, ask_status
from lsp_server.worker_process import ModelPathError, WorkerCommand, model_path

PACKAGES = (
    "pygls",
    "lsprotocol",
    "tree-sitter",
    "tree-sitter-language-pack",
    "msgpack",
    "tokenizers",
    "numpy",
)
MODEL_FILES = ("config.json", "tokenizer.json")
ADD_TORCH = "pip install 'midfill[torch]'"
# In a process of its own, as the worker's: this one never imports torch. A first import can take half a
# minute.
ASK_TORCH = (
    "import torch; "
    "print(torch.__version__, 'on', torch.cuda.get_device_name() if torch.cuda.is_available() else 'the CPU')"
)
ASK_TORCH_TIMEOUT_S = 120.0
ASK_NATIVE = "from kernels.cpu import available; print(*available())"
GPU = Path("/dev/nvidiactl")
# Also in a process of its own: the server knows nothing of models.
DESCRIBE_MODEL = "inference.models.description"
REPORT_WEIGHTS = "inference.models.packed_report"
DESCRIBE_TIMEOUT_S = 120.0
REPORT_TIMEOUT_S = 600.0
"""Every packed byte is read: a model of 60 GB from a slow disk."""
GRAMMARS = {"python": "x = 1\n", "typescript": "let x = 1;\n", "rust": "fn main() {}\n"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `cure` says what to do, and is set exactly where it is a problem."""

    name: str
    found: str
    cure: str = ""

    @property
    def ok(self) -> bool:
        return not self.cure


def check_all(model: str, precision: str = "auto") -> Iterator[Check]:
    """Every check, each made when it is asked for: the slow ones stand at the end."""
    command = WorkerCommand(model=model, precision=precision)
    yield Check("midfill", f"{__version__}, Python {platform.python_version()} at {sys.executable}")
    yield check_packages()
    yield check_grammars()
    described = check_model(model)
    yield described
    if described.ok:
        yield check_weights(model, precision)
    yield check_policies()
    socket = check_socket(command)
    yield socket
    yield check_log(command)
    yield check_engine()
    yield check_worker(command) if socket.ok else Check("worker", "not asked", "mend the socket first")


def check_packages() -> Check:
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("packages", f"missing: {', '.join(missing)}", "pip install --force-reinstall midfill")
    return Check("packages", ", ".join(found))


def check_grammars() -> Check:
    """Parses a line in some languages: the grammars are shared libraries, which a platform may lack."""
    for language, text in GRAMMARS.items():
        try:
            tree = Document("file:///doctor", language, 0, text).snapshot.tree
        except (LookupError, OSError, ImportError) as error:
            return _no_grammar(language, str(error))
        if tree is None:
            return _no_grammar(language, "it parsed nothing")
    return Check("grammars", f"{', '.join(GRAMMARS)} tried, of {len(languages.GRAMMARS)} in use")


def _no_grammar(language: str, reason: str) -> Check:
    cure = "pip install --force-reinstall 'tree-sitter-language-pack>=0.13,<1'"
    return Check("grammars", f"no grammar for {language}: {reason}", cure)


def check_model(model: str) -> Check:
    try:
        path = model_path(model) if model else shipped_model()
    except ModelPathError as error:
        return Check("model", str(error), "give --model the whole path of a folder or of a GGUF file")
    origin = "from --model" if model else "the one that ships"
    cure = (
        "give --model the folder or the GGUF file of a Qwen3-MoE checkpoint, all of it downloaded"
        if model
        else "pip install --force-reinstall midfill"
    )
    try:
        is_file = path.is_file()
        missing = [] if is_file else [name for name in MODEL_FILES if not (path / name).is_file()]
    except OSError as error:  # a name too long, a folder above it that is closed
        return Check("model", f"{path} ({origin}) cannot be read: {error.strerror}", cure)
    weights = [path] if is_file else sorted(path.glob("*.safetensors"))
    if missing or not weights:
        absent = ", ".join(missing or ["*.safetensors"])
        return Check("model", f"{path} ({origin}) lacks {absent}", cure)
    try:
        run = _python("-m", DESCRIBE_MODEL, str(path.absolute()), timeout_s=DESCRIBE_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return Check("model", f"{path} ({origin}) was not read in {DESCRIBE_TIMEOUT_S:.0f} s", cure)
    if run.returncode != 0:
        return Check("model", f"{path} ({origin}) is broken: {_last_line(run)}", cure)
    megabytes = sum(each.stat().st_size for each in weights) / 1e6
    return Check("model", f"{run.stdout.strip()} ({origin}), {megabytes:.0f} MB at {path}")


def check_weights(model: str, precision: str) -> Check:
    """Reads the packed weights whole, which a worker does not where they are many."""
    folder = (model_path(model) if model else shipped_model()).absolute()
    try:
        run = _python("-m", REPORT_WEIGHTS, str(folder), precision, timeout_s=REPORT_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return Check("weights", f"not read in {REPORT_TIMEOUT_S:.0f} s", "see whether the disk answers")
    if run.returncode != 0:
        return Check("weights", _last_line(run), "remove that file: the next worker makes it anew")
    return Check("weights", run.stdout.strip())


def shipped_model() -> Path:
    """Where the package keeps its model; found without importing the engine."""
    spec = util.find_spec("inference")
    return Path(spec.origin).parent / "weights" if spec and spec.origin else Path("inference/weights")


def check_policies() -> Check:
    """Those of the machine, of the user and of the folder that this runs in."""
    rules = rules_for((Path.cwd(),))
    if rules.problems:
        return Check(
            "policies", "; ".join(map(str, rules.problems)), "mend the file, or ask whoever wrote it"
        )
    hidden = [pattern.id for pattern in rules.patterns if pattern.action == "hide"]
    return Check("policies", f"hide {', '.join(hidden)}" if hidden else "none hides a pattern")


def check_socket(command: WorkerCommand) -> Check:
    try:
        folder = command.socket.parent
    except ModelPathError:
        return Check("socket", "not looked at: it is named after the model", "mend the model first")
    except (UnsafeDirectoryError, OSError) as error:
        return Check("socket", str(error), "do what it says, or set midfill.privateWorker")
    mode = stat.S_IMODE(folder.stat().st_mode)
    return Check("socket", f"{folder}, yours alone (mode {mode:04o})")


def check_log(command: WorkerCommand) -> Check:
    try:
        folder = command.log_path.parent
    except (UnsafeDirectoryError, OSError) as error:
        return Check("log", str(error), "set XDG_STATE_HOME to a directory of your own")
    return check_writable("log", folder)


def check_writable(name: str, folder: Path) -> Check:
    """Makes a file in the folder, which is where a full disk or a read-only one shows."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
    except OSError as error:
        return Check(
            name, f"{folder} cannot be written: {error.strerror}", f"make {folder} writable, or free its disk"
        )
    return Check(name, f"{folder} can be written")


def check_engine() -> Check:
    """What computes: native code on a CPU; torch where there is a GPU, or no native code."""
    try:
        native = _python("-c", ASK_NATIVE, timeout_s=ASK_TORCH_TIMEOUT_S).stdout.split()
    except subprocess.TimeoutExpired:
        native = []
    if native and not GPU.exists():
        return Check("engine", f"native, {native[0]}")
    torch = check_torch()
    if native or not torch.ok:
        return torch
    hint = "the native one, many times as fast, is built where pip finds a C++ compiler and Python's headers"
    return Check("engine", f"{torch.found}; {hint}")


def check_torch() -> Check:
    missing = [name for name in ("torch", "safetensors") if util.find_spec(name) is None]
    if missing:
        return Check("engine", f"{' and '.join(missing)} not installed; the worker needs it", ADD_TORCH)
    try:
        run = _python("-c", ASK_TORCH, timeout_s=ASK_TORCH_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return Check(
            "engine",
            f"torch did not start within {ASK_TORCH_TIMEOUT_S:.0f} s",
            f"{ADD_TORCH} --force-reinstall",
        )
    if run.returncode != 0:
        return Check("engine", f"torch does not start: {_last_line(run)}", f"{ADD_TORCH} --force-reinstall")
    return Check("engine", f"torch {run.stdout.strip()}")


def _python(*arguments: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
    """What the worker's Python does, in a process of its own. Raises subprocess.TimeoutExpired."""
    return subprocess.run(
        [sys.executable, "-P", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        cwd=os.sep,
    )


def _last_line(run: subprocess.CompletedProcess[str]) -> str:
    return (run.stderr.strip().splitlines() or ["no message"])[-1]


def check_worker(command: WorkerCommand) -> Check:
    try:
        status = asyncio.run(ask_status(command))
    except WorkerFailure as failure:
        return Check("worker", str(failure), failure.cure or command.see_log)
    if status is None:
        return Check("worker", "none runs; the next completion starts one")
    return Check(
        "worker",
        f"{status.state}, {status.model} on {status.device or 'no device yet'}, process {status.pid}",
    )
