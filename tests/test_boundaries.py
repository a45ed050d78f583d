"""What must not need torch does not, and every path in ARCHITECTURE.md exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def modules(package: str) -> list[str]:
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.name not in ("__init__.py", "__main__.py") and "models" not in path.relative_to(ROOT).parts
    ]


@pytest.mark.parametrize("package", ["lsp_server", "inference"])
def test_the_base_install_imports_without_torch(package: str) -> None:
    names = modules(package)
    assert len(names) > 20
    program = "import sys, importlib\nsys.modules['torch'] = None\n" + "".join(
        f"importlib.import_module({name!r})\n" for name in names
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_architecture_names_files_that_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w/]+(?:\.py|/))`", text))
    assert len(named) > 20
    folders = ["", "lsp_server/", "inference/", "tests/"]
    missing = [
        name for name in sorted(named) if not any((ROOT / folder / name).exists() for folder in folders)
    ]
    assert not missing


def test_nothing_names_the_machine_it_was_built_on() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    hosts = re.compile(
        r"files\.python" + r"hosted|registry\.npm" + r"js|deb\.debian" + r"\.org|pypi" + r"\.org"
    )
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.suffix in (".safetensors", ".png") or not path.is_file():
            continue
        assert not hosts.search(path.read_text(encoding="utf-8", errors="replace")), name
