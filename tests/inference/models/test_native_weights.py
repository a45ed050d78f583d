"""The native engine's weights: mapped ones compute as packed ones do, and bad ones are told by name."""

from __future__ import annotations

import logging
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from inference.model import ModelError
from inference.models import native_weights as native_weights_module
from inference.models.config import Qwen3MoeConfig
from inference.models.load import load
from inference.models.native_model import NativeModel
from inference.models.native_weights import native_weights, packed_tensors
from inference.models.packed_file import open_packed
from kernels.cpu import available, native
from kernels.cpu.interface import Format
from tests.inference.models.logits import behind

WIDE = {"hidden_size": 64, "head_dim": 32, "moe_intermediate_size": 32}
IDS = list(range(3, 40))


@pytest.fixture(scope="module")
def sound(make_model_dir) -> Path:
    directory: Path = make_model_dir(**WIDE)
    return directory


@pytest.fixture
def directory(sound: Path, tmp_path: Path) -> Path:
    """A copy to spoil, without a packed file."""
    return Path(shutil.copytree(sound, tmp_path / "model", ignore=shutil.ignore_patterns("*.packed")))


def config_of(directory: Path) -> Qwen3MoeConfig:
    return Qwen3MoeConfig.from_file(directory / "config.json")


def logits(directory: Path, precision: Format = "bf16") -> np.ndarray:
    model = NativeModel(directory, config_of(directory), "wide", 1, precision=precision)
    return behind(model, model.new_sequence(), IDS)


def spoil(directory: Path, change) -> None:
    path = directory / "model.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path)


def test_mapped_weights_are_those_that_were_packed(directory: Path) -> None:
    config, module = config_of(directory), native()
    packed = dict(packed_tensors(directory, config, 512, module, "bf16"))
    for _ in range(2):
        mapped = native_weights(directory, config, 512, module)
        assert list(mapped) == list(packed)
        for name, array in mapped.items():
            assert not array.flags.writeable
            assert array.dtype == packed[name].dtype
            np.testing.assert_array_equal(array, packed[name])


# Random weights are the worst case: int8, with activations in int8 too, is 6% off; trained, +0.1% perplexity.
@pytest.mark.parametrize(("precision", "tolerance"), [("int8", 0.1), ("int4", 0.4)])
def test_fewer_bits_are_near_and_mapped_ones_the_same(
    directory: Path, precision: Format, tolerance: float
) -> None:
    exact, first = logits(directory), logits(directory, precision)
    np.testing.assert_array_equal(logits(directory, precision), first)
    assert 0 < np.linalg.norm(first - exact) <= tolerance * np.linalg.norm(exact)
    sizes = {path.name: path.stat().st_size for path in directory.glob("*.packed")}
    assert sizes[f"midfill-{precision}.packed"] < sizes["midfill-bf16.packed"]


@pytest.mark.parametrize("precision", ["bf16", "int8", "int4"])
def test_one_file_serves_every_instruction_set(directory: Path, precision: Format) -> None:
    keys = {
        native_weights_module.packed_origin(directory, 512, native(name), precision).key()
        for name in available()
    }
    assert len(keys) == 1


def test_the_checkpoint_is_not_read_where_a_packed_file_fits(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = logits(directory)

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(native_weights_module, "checked_entries", never)
    np.testing.assert_array_equal(logits(directory), expected)


def test_a_damaged_file_is_packed_anew(directory: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    expected = logits(directory)
    path = directory / "midfill-bf16.packed"
    whole = path.read_bytes()
    for entry in open_packed(path).entries[::5]:
        data = bytearray(whole)
        data[entry.offset + entry.size // 2] ^= 0x80
        path.write_bytes(data)
        np.testing.assert_array_equal(logits(directory), expected)
        assert path.read_bytes() == whole
        assert f"{path} is not used: {entry.name} is damaged" in [r.getMessage() for r in caplog.records]


def test_weights_that_change_are_packed_anew(directory: Path) -> None:
    before = logits(directory)
    spoil(directory, lambda weights: weights.update({"model.norm.weight": np.full(64, 0.5, np.float32)}))
    assert not np.array_equal(logits(directory), before)


def test_a_layout_that_changes_is_packed_anew(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logits(directory)
    path = directory / "midfill-bf16.packed"
    key = open_packed(path).key
    assert key == native_weights_module.packed_origin(directory, 512, native(), "bf16").key()
    monkeypatch.setattr(native_weights_module, "_pack", lambda native, rows, alternate, precision: -rows)
    assert key != native_weights_module.packed_origin(directory, 512, native(), "bf16").key()
    assert key != native_weights_module.packed_origin(directory, 511, native(), "bf16").key()


class Formats:
    """Packs nothing: an array that says which format was asked for."""

    def pack(self, values: np.ndarray, alternate: int = 0, format: str = "bf16") -> np.ndarray:
        return np.array([{"bf16": 16, "int8": 8, "int4": 4}[format]], np.uint8)


@pytest.mark.parametrize(
    ("precision", "experts", "others"), [("bf16", 16, 16), ("int8", 8, 8), ("int4", 4, 8)]
)
def test_experts_alone_have_four_bits(make_model_dir, precision, experts: int, others: int) -> None:
    directory = make_model_dir(**WIDE, tie_word_embeddings=False)
    packed = dict(packed_tensors(directory, config_of(directory), 512, Formats(), precision))
    bits = {name: int(array[0]) for name, array in packed.items() if array.dtype == np.uint8}
    of_experts = {f"layers.{layer}.{name}": experts for layer in (0, 1) for name in ("gate_up", "down")}
    of_attention = {f"layers.{layer}.{name}": others for layer in (0, 1) for name in ("qkv", "o")}
    assert bits == {"embedding": others, "head": others, **of_experts, **of_attention}


def test_a_model_in_one_file_has_its_packed_file_beside_it(tmp_path: Path) -> None:
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(name.encode())
    origins = [
        native_weights_module.packed_origin(tmp_path / name, 512, native(), "bf16")
        for name in ("a.gguf", "b.gguf")
    ]
    assert [each.places[0].name for each in origins] == ["a.gguf-bf16.packed", "b.gguf-bf16.packed"]
    assert len({place for each in origins for place in each.places}) == 4
    assert origins[0].key() != origins[1].key()


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_floats_are_rounded_to_the_nearest_and_to_even(directory: Path, dtype: type) -> None:
    values = np.array([1, 1.00390625, 1.01171875, 1.0039, -1.0039, 1.0040, 0, -0.0, 6e-8], np.float32)
    wanted = [1, 1, 1.015625, 1, -1, 1.0078125, 0, -0.0, 6e-8]
    if dtype is np.float16:
        values, wanted = values[[0, 1, 2, 6, 7]], [1, 1, 1.015625, 0, -0.0]
    norm = np.zeros(64, dtype)
    norm[: len(values)] = values
    spoil(directory, lambda weights: weights.update({"model.norm.weight": norm}))
    config = config_of(directory)
    found = dict(packed_tensors(directory, config, 512, native(), "bf16"))["norm"][: len(wanted)]
    np.testing.assert_allclose(found, wanted, rtol=2e-3)
    np.testing.assert_array_equal(found[:5], np.array(wanted[:5], np.float32))


NO_NUMBERS = {
    "nan": np.float32(np.nan),
    "a nan whose rounding overflows": np.array(0x7FFFFFFF, np.uint32).view(np.float32)[()],
    "a negative one": np.array(0xFFFFFFFF, np.uint32).view(np.float32)[()],
    "infinity": np.float32(np.inf),
    "a number beyond bfloat16": np.float32(3.4028e38),
}
NAMES = ["model.embed_tokens.weight", "model.norm.weight", "model.layers.1.mlp.experts.3.down_proj.weight"]


@pytest.mark.parametrize("backend", ["native", "torch"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", NO_NUMBERS.values(), ids=NO_NUMBERS.keys())
def test_weights_that_are_no_numbers_are_named(directory: Path, value, name: str, backend) -> None:
    spoil(directory, lambda weights: weights[name].reshape(-1).__setitem__(5, value))
    if backend == "torch" and np.isfinite(value):
        assert load(directory, "cpu", backend)[0].device == "cpu"  # in float32, which holds it
        return
    with pytest.raises(ModelError, match=f"model.safetensors: {name} holds a weight that is not finite"):
        load(directory, "cpu", backend)
    assert not list(directory.glob("*.packed*"))


def test_a_file_that_is_cut_after_it_was_packed_is_told(directory: Path) -> None:
    logits(directory)
    path = directory / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match=r"model\.safetensors: truncated"):
        load(directory, "cpu", "native")


def test_misaligned_tensors_are_told(directory: Path) -> None:
    path = directory / "model.safetensors"
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = data[8 : 8 + length].replace(b'"data_offsets":[0,', b'"data_offsets":[2,', 1)
    path.write_bytes(data[:8] + header + data[8 + length :])
    with pytest.raises(ModelError, match=r"model\.safetensors: .*(does not fill|overlap or leave a gap)"):
        load(directory, "cpu", "native")


def test_weights_that_vanish_are_told(directory: Path) -> None:
    (directory / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        native_weights(directory, config_of(directory), 512, native())


def test_processes_share_one_copy(directory: Path) -> None:
    program = (
        "import pathlib, sys\n"
        "from inference.models.load import load\n"
        "model, _, _ = load(pathlib.Path(sys.argv[1]), 'cpu', 'native')\n"
        "lines = pathlib.Path('/proc/self/maps').read_text().splitlines()\n"
        "print(*{line.split()[1] for line in lines if line.endswith('midfill-bf16.packed')})"
    )
    command = [sys.executable, "-c", program, str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("r--s\n", "")
