"""Each thing that `midfill doctor` may find wrong, and the cure it names."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata, util
from pathlib import Path

import pytest

from inference.models.load import load
from lsp_server.commands import checks
from lsp_server.syntax.languages import GRAMMARS
from lsp_server.worker_attach import WorkerFailure
from lsp_server.worker_process import WorkerCommand
from training.export_gguf import export_gguf


def test_a_check_is_a_problem_exactly_when_it_has_a_cure() -> None:
    assert checks.Check("a", "b").ok
    assert not checks.Check("a", "b", "c").ok


def test_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "msgpack":
            raise metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(metadata, "version", version)
    check = checks.check_packages()
    assert (check.found, check.ok) == ("missing: msgpack", False)


def test_a_missing_grammar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "GRAMMARS", {"python": "x", "no such language": "x"})
    check = checks.check_grammars()
    assert check.found.startswith("no grammar for no such language")
    assert "tree-sitter-language-pack" in check.cure


def test_grammars_are_counted_as_they_are_used() -> None:
    assert checks.check_grammars().found == f"python, typescript, rust tried, of {len(GRAMMARS)} in use"


@pytest.mark.parametrize(
    ("files", "lacks"),
    [
        ((), "config.json, tokenizer.json"),
        (("config.json", "model.safetensors"), "tokenizer.json"),
        (("config.json", "tokenizer.json"), "*.safetensors"),
    ],
)
def test_an_incomplete_model(tmp_path: Path, files: tuple[str, ...], lacks: str) -> None:
    for name in files:
        (tmp_path / name).touch()
    check = checks.check_model(str(tmp_path))
    assert check.found == f"{tmp_path} (from --model) lacks {lacks}"
    assert "--model" in check.cure


def test_a_model_is_named_by_its_card(tiny_model_dir: Path) -> None:
    size = (tiny_model_dir / "model.safetensors").stat().st_size / 1e6
    check = checks.check_model(str(tiny_model_dir))
    assert (check.found, check.cure) == (f"tiny (from --model), {size:.0f} MB at {tiny_model_dir}", "")


BROKEN = {
    "config.json": ("{}", "the checkpoint says nothing"),
    "tokenizer.json": ("{", "not JSON"),
    "card.json": ('{"name": "x"}', "missing"),
    "model.safetensors": ("version https://git-lfs.github.com/spec/v1", "model.safetensors"),
}


@pytest.mark.parametrize(("file", "text", "found"), [(name, *each) for name, each in BROKEN.items()])
def test_a_broken_model(tiny_model_dir: Path, tmp_path: Path, file: str, text: str, found: str) -> None:
    folder = tmp_path / "folder"
    shutil.copytree(tiny_model_dir, folder)
    (folder / file).write_text(text)
    check = checks.check_model(str(folder))
    assert check.found.startswith(f"{folder} (from --model) is broken: {folder}")
    assert found in check.found
    assert "--model" in check.cure


def test_a_file_is_a_model_too(tiny_model_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    size = export_gguf(tiny_model_dir, path, "bf16")
    check = checks.check_model(str(path))
    assert (check.found, check.cure) == (f"tiny (from --model), {size / 1e6:.0f} MB at {path}", "")
    path.write_bytes(path.read_bytes()[:-64])
    check = checks.check_model(str(path))
    assert check.found.startswith(f"{path} (from --model) is broken: {path}: truncated")
    assert "--model" in check.cure


def test_a_model_whose_path_cannot_be_looked_at(tmp_path: Path) -> None:
    folder = tmp_path / ("n" * 300)
    check = checks.check_model(str(folder))
    assert check.found == f"{folder} (from --model) cannot be read: File name too long"
    assert "--model" in check.cure


def test_a_model_is_described_without_torch() -> None:
    code = "import sys; from inference.models import description; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=120, check=False).returncode == 0


def test_packed_weights_are_read_whole(make_model_dir: Callable[..., Path]) -> None:
    folder = make_model_dir(hidden_size=64, head_dim=32, moe_intermediate_size=32)
    assert checks.check_weights(str(folder), "auto").found == "bf16, to be packed by the next worker"
    load(folder, "cpu")
    path = folder / "midfill-bf16.packed"
    found = checks.check_weights(str(folder), "bf16")
    assert (found.found, found.cure) == (f"bf16, packed, 0 MB, all of it sound, in {path}", "")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    found = checks.check_weights(str(folder), "bf16")
    assert found.found.startswith(f"{path}: ")
    assert found.found.endswith(" is damaged")
    assert "remove that file" in found.cure


def test_weights_that_torch_takes_are_not_packed(tiny_model_dir: Path) -> None:
    check = checks.check_weights(str(tiny_model_dir), "auto")
    assert check == checks.Check("weights", "not packed: torch computes with them as they are")


def test_the_shipped_model_lies_in_the_package() -> None:
    assert checks.shipped_model() == Path(checks.__file__).parents[2] / "inference" / "weights"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check = checks.check_writable("log", tmp_path / "file" / "midfill")
    assert check.found == f"{tmp_path}/file/midfill cannot be written: Not a directory"
    assert "writable" in check.cure


def test_a_socket_folder_open_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "midfill").mkdir()
    (tmp_path / "midfill").chmod(0o755)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    check = checks.check_socket(WorkerCommand())
    assert f"chmod 700 {tmp_path}/midfill" in check.found
    assert not check.ok


def test_a_worker_is_not_asked_where_its_socket_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "file"))
    monkeypatch.setattr(checks, "ASK_TORCH", "")
    found = {check.name: check for check in checks.check_all("")}
    assert "file/midfill for the worker's socket: Not a directory" in found["socket"].found
    assert found["worker"] == checks.Check("worker", "not asked", "mend the socket first")


def test_native_code_computes_where_it_was_built_and_there_is_no_gpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(checks, "GPU", tmp_path / "none")
    monkeypatch.setattr(checks, "ASK_NATIVE", "print('avx2 portable')")
    assert checks.check_engine() == checks.Check("engine", "native, avx2")
    torch = checks.Check("engine", "torch 2.13 on the CPU")
    monkeypatch.setattr(checks, "check_torch", lambda: torch)
    monkeypatch.setattr(checks, "GPU", tmp_path)
    assert checks.check_engine() == torch
    monkeypatch.setattr(checks, "ASK_NATIVE", "print()")
    check = checks.check_engine()
    assert check.ok
    assert check.found.startswith("torch 2.13 on the CPU; the native one")
    missing = checks.Check("engine", "torch not installed; the worker needs it", "pip install it")
    monkeypatch.setattr(checks, "check_torch", lambda: missing)
    assert checks.check_engine() == missing


def test_torch_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "torch" else object())
    check = checks.check_torch()
    assert check.found == "torch not installed; the worker needs it"
    assert check.cure == "pip install 'midfill[torch]'"


def test_torch_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "ASK_TORCH", "raise ImportError('libcudart.so.12: no such file')")
    check = checks.check_torch()
    assert check.found == "torch does not start: ImportError: libcudart.so.12: no such file"
    assert "--force-reinstall" in check.cure


def test_a_worker_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask_status(command: WorkerCommand) -> None:
        raise WorkerFailure("the worker (process 7) does not answer", cure="end process 7")

    monkeypatch.setattr(checks, "ask_status", ask_status)
    assert checks.check_worker(WorkerCommand()) == checks.Check(
        "worker", "the worker (process 7) does not answer", "end process 7"
    )


def test_nothing_here_imports_torch() -> None:
    code = (
        "import json, sys; from lsp_server import cli; from lsp_server.commands import checks; "
        "checks.check_grammars(); checks.check_torch(); print(json.dumps('torch' in sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert json.loads(run.stdout) is False
