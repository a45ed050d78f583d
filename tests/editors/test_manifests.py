"""The clients' manifests say the same as the server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lsp_server import __version__
from lsp_server.settings import Settings

EDITORS = Path(__file__).resolve().parents[2] / "editors"
JETBRAINS = EDITORS / "jetbrains"

# Settings that an extension keeps to itself.
VSCODE_ALONE = {"midfill.path", "midfill.streaming", "midfill.trace.server"}


def read(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def vscode_settings() -> dict[str, Any]:
    properties = read(EDITORS / "vscode" / "package.json")["contributes"]["configuration"]["properties"]
    return {name: schema for name, schema in properties.items() if name not in VSCODE_ALONE}


def section(settings: dict[str, Any]) -> dict[str, Any]:
    """{"midfill.x": y} as the section that the server asks for."""
    return {name.removeprefix("midfill."): value for name, value in settings.items()}


DEFAULTS = {
    "vscode": {name: schema["default"] for name, schema in vscode_settings().items()},
    "jetbrains": read(JETBRAINS / "settings.json"),
}


@pytest.mark.parametrize("editor", DEFAULTS)
def test_defaults_are_those_of_the_server(editor: str) -> None:
    everything_else = Settings(False, "/m", 7, False, ("x",), True, False, False, "int8", True, "calm")
    settings, problems = everything_else.merged(section(DEFAULTS[editor]))
    assert problems == ()
    assert settings == Settings()


def test_jetbrains_schema_describes_each_setting_as_vscode_does() -> None:
    schema = read(JETBRAINS / "settings.schema.json")["properties"]
    assert set(schema) == set(DEFAULTS["jetbrains"])
    for name, described in vscode_settings().items():
        for key in ("type", "default", "minimum", "maximum", "items", "enum"):
            assert schema[name].get(key) == described.get(key), (name, key)


def test_vscode_extension_has_the_version_of_the_server() -> None:
    assert read(EDITORS / "vscode" / "package.json")["version"] == __version__


@pytest.mark.parametrize("lock", ["editors/vscode/package-lock.json", "tests/e2e/npm/package-lock.json"])
def test_lock_files_pin_hashes_and_name_no_registry(lock: str) -> None:
    packages = read(EDITORS.parent / lock)["packages"]
    fetched = [package for path, package in packages.items() if path]
    assert fetched
    assert not [package for package in fetched if "resolved" in package]
    assert all("integrity" in package for package in fetched if not package.get("inBundle"))


def test_jetbrains_template_is_one_that_lsp4ij_reads() -> None:
    template = read(JETBRAINS / "template.json")
    assert template["programArgs"] == {
        "default": 'sh -c "midfill lsp --stdio"',
        "windows": "midfill lsp --stdio",
    }
    patterns = [
        pattern for mapping in template["fileTypeMappings"] for pattern in mapping["fileType"]["patterns"]
    ]
    assert len(patterns) == len(set(patterns))
    languages = {mapping["languageId"]: mapping for mapping in template["fileTypeMappings"]}
    assert "*.py" in languages["python"]["fileType"]["patterns"]
    # Dotted names become the nested object that `workspace/configuration` is asked for.
    assert template["expandConfiguration"] is True
    for name in ("initializationOptions", "clientSettings", "installer"):
        assert read(JETBRAINS / f"{name}.json")
