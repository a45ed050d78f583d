"""On a machine without torch everything but the tensors works: nothing imports it on the way."""

import subprocess
import sys
from pathlib import Path

import pytest

import inference

MODULES = sorted(
    path.stem for path in Path(inference.__file__).parent.glob("*.py") if path.stem != "__init__"
)


@pytest.mark.parametrize(
    "module",
    [
        *MODULES,
        "models.checkpoint",
        "models.config",
        "models.load",
        "models.native_model",
        "models.native_weights",
        "models.safetensors_header",
    ],
)
def test_a_module_imports_without_torch(module):
    program = (
        "import sys; sys.modules['torch'] = None\n"  # an import of torch now raises ImportError
        f"import inference.{module}"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_model_that_ships_completes_without_torch():
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from inference.models.load import load\n"
        "model, tokenizer, _ = load(device='cpu')\n"
        "from inference.model import Chunk\n"
        "(logits,) = model.forward([Chunk(model.new_sequence(), tokenizer.encode('import os'))])\n"
        "assert logits.shape == (1, model.vocab_size)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
