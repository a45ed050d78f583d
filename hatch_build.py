"""Builds the CPU engine's native modules (CMakeLists.txt) with a wheel, or for an installation in place.

Without a C++ compiler or Python's headers midfill is installed without them, and torch computes.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MODULES = "kernels/*/*.so"


class CpuEngine(BuildHookInterface):  # type: ignore[type-arg] # of hatchling, which is there in the build alone
    """CMake puts the modules into kernels/cpu, where an installation in place finds them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        for stale in root.glob(MODULES):
            stale.unlink()
        folder = root / "build" / f"cpu-{sys.implementation.cache_tag}"
        configure = [
            "cmake", "-S", str(root), "-B", str(folder), "-G", "Ninja", "--fresh",
            "-DCMAKE_BUILD_TYPE=Release", f"-DPython_EXECUTABLE={sys.executable}",
        ]  # fmt: skip
        subprocess.run(configure, check=True)
        subprocess.run(["cmake", "--build", str(folder)], check=True)
        if any(root.glob(MODULES)):
            build_data["artifacts"].append(MODULES)
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
        else:
            self.app.display_warning("midfill is built without its native CPU engine: see above")
