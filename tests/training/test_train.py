from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import training
from inference.models.qwen3_moe import Qwen3Moe
from tests.training.tiny_run import recipe_text
from training.export import export
from training.optimizer import orthogonalise
from training.row_format import END_WEIGHT, ROW
from training.train import Recipe, Run, flops_per_token, learning_rate_scale, operations, train

RECIPE = recipe_text(("rows_per_step = 4", "rows_per_step = 2"), ("z_weight = 0.01", "z_weight = 0.0001"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows that count up from a random start: easy to learn."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for split, rows in (("train", 9), ("heldout", 8)):
        starts = rng.integers(0, 64, (rows, 1))
        np.save(folder / f"{split}_ids.npy", ((starts + np.arange(ROW + 1)) % 64).astype(np.uint16))
        np.save(
            folder / f"{split}_weights.npy", rng.integers(1, END_WEIGHT + 1, (rows, ROW + 1)).astype(np.uint8)
        )
    return folder


def new_run(folder: Path, data: Path, steps: int) -> Run:
    folder.mkdir(exist_ok=True)
    (folder / "recipe.toml").write_text(RECIPE)
    return Run(folder, Recipe.from_file(folder / "recipe.toml"), data, steps * 2 * ROW, compiled=False)


def run_from_scratch(folder: Path, data: Path) -> dict[str, float]:
    return new_run(folder / "scratch", data, 4).train_step()


def losses(folder: Path, data: Path, steps: int, until: int) -> list[float]:
    run = new_run(folder, data, steps)
    found = [run.train_step()["loss"] for _ in range(run.step, until)]
    run.save()
    return found


def test_a_run_is_deterministic_and_resumes_where_it_stood(tmp_path: Path, data: Path) -> None:
    whole = losses(tmp_path / "whole", data, 12, 12)
    again = losses(tmp_path / "again", data, 12, 12)
    parts = losses(tmp_path / "parts", data, 12, 5) + losses(tmp_path / "parts", data, 12, 12)
    assert whole == again
    assert whole == parts
    assert whole[-1] < 0.8 * whole[0], "it learns"


def test_train_writes_a_log_and_a_checkpoint(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = new_run(tmp_path / "run", data, 20)
    train(run, checkpoint_minutes=60)
    records = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [20]
    assert set(records[-1]["held_out"]) == {"all", "middle", "end"}
    assert records[-1]["tokens"] == 20 * 2 * ROW
    assert "step 20/20" in capsys.readouterr().out
    assert not list((tmp_path / "run").glob("*.part"))
    assert new_run(tmp_path / "run", data, 20).step == 20


def test_the_learning_rate_warms_up_stays_and_falls_to_zero(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(RECIPE)
    settings = Recipe.from_file(tmp_path / "r.toml").training
    scales = [learning_rate_scale(step, 20, settings) for step in range(21)]
    assert scales[0] == 0.5
    assert scales[1:11] == [1.0] * 10
    assert scales[11:] == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0])


def test_the_averaged_weights_are_the_moving_average_of_the_steps(tmp_path: Path, data: Path) -> None:
    run = new_run(tmp_path / "run", data, 4)
    expected = run.model.embed_tokens.detach().double()
    for step in range(1, 5):
        run.train_step()
        decay = (1 + step) / (10 + step)
        expected = decay * expected + (1 - decay) * run.model.embed_tokens.detach().double()
    last = run.model.embed_tokens.detach().clone()
    with run.optimizer.averaged():
        # The average is over float32 masters; what is compared with was rounded to bfloat16.
        torch.testing.assert_close(run.model.embed_tokens.double(), expected, rtol=0.02, atol=1e-4)
    assert torch.equal(run.model.embed_tokens, last)


def test_native_kernels_are_not_for_a_gpu() -> None:
    config = Recipe.from_file(Path(training.__file__).with_name("gpu.toml")).config()
    gpu = torch.device("cuda")
    assert operations("auto", config, False, [1024], gpu).name == "torch"
    with pytest.raises(SystemExit, match="for the CPU"):
        operations("native", config, False, [1024], gpu)


def test_the_recipe_for_gpus_has_the_size_that_it_says() -> None:
    recipe = Recipe.from_file(Path(training.__file__).with_name("gpu.toml"))
    config = recipe.config()
    model = Qwen3Moe(config, "meta")
    total = sum(p.numel() for p in model.parameters())
    experts = sum(p.numel() for name, p in model.named_parameters() if name.endswith(("gate_up", "down")))
    active = total - experts * (config.num_experts - config.experts_per_token) // config.num_experts
    assert (round(active / 1e6, 1), round(total / 1e6, 1)) == (51.2, 114.9)
    assert [round(flops_per_token(config, length) / 1e6) for length in (1024, 2048)] == [383, 458]
    assert config.max_position >= 2048
    assert recipe.training.rows_per_step % recipe.training.micro_rows == 0


@pytest.mark.parametrize("shape", [(3, 8, 24), (2, 24, 8), (1, 16, 16)])
def test_orthogonalised_matrices_have_singular_values_near_one(shape: tuple[int, int, int]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    values = torch.linalg.svdvals(orthogonalise(matrices).float())
    # Four steps in bf16 are meant to come near, not to arrive.
    assert values.min() > 0.4
    assert values.max() < 1.3


def test_an_exported_run_is_what_transformers_computes(tmp_path: Path, data: Path) -> None:
    from transformers import Qwen3MoeForCausalLM

    from inference.models.config import Qwen3MoeConfig
    from inference.models.loader import load_weights

    run = new_run(tmp_path / "run", data, 4)
    for _ in range(4):
        run.train_step()
    run.save()
    (tmp_path / "tokenizer.json").write_text("{}")
    out = tmp_path / "out"
    size = export(tmp_path / "run", tmp_path / "tokenizer.json", "tiny", out)
    assert size == (out / "model.safetensors").stat().st_size
    assert {file.name for file in out.iterdir()} == {
        "config.json", "generation_config.json", "card.json", "tokenizer.json", "tokenizer_config.json",
        "model.safetensors",
    }  # fmt: skip
    ids = torch.arange(40)[None] % 64
    theirs = Qwen3MoeForCausalLM.from_pretrained(out, dtype=torch.float32)
    config = Qwen3MoeConfig.from_file(out / "config.json")
    ours = load_weights(out, config, torch.device("cpu"), torch.float32)
    with torch.no_grad():
        expected = theirs(ids).logits
        from training.network import TrainingNetwork

        logits = ours.logits(TrainingNetwork(ours, compiled=False).hidden(ids)[0])
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-4)
    with run.optimizer.averaged():
        averaged = run.model.embed_tokens.detach().float()
    assert not torch.equal(averaged, run.model.embed_tokens.float())
    torch.testing.assert_close(ours.embed_tokens.data, averaged, rtol=0, atol=0)
    export(tmp_path / "run", tmp_path / "tokenizer.json", "tiny", tmp_path / "last", averaged=False)
    last = load_weights(tmp_path / "last", config, torch.device("cpu"), torch.float32)
    torch.testing.assert_close(last.embed_tokens.data, run.model.embed_tokens.float().data, rtol=0, atol=0)
    recipe = Recipe.from_file(tmp_path / "run" / "recipe.toml")
    (tmp_path / "further").mkdir()
    further = Run(tmp_path / "further", recipe, data, 4 * 2 * ROW, compiled=False, begin_with=out)
    assert further.train_step()["loss"] < run_from_scratch(tmp_path, data)["loss"]
