"""Environments of their own, for programs whose pins must not meet the project's."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


class NotInstallable(Exception):
    """What was asked for cannot be installed here."""


def make_python(folder: Path, *wheels: str) -> Path:
    """Make an environment with these packages, wheels only; return its interpreter. Raises NotInstallable."""
    # The tests command of the README installs uv below the checkout, and not into PATH.
    places = os.pathsep.join([os.environ.get("PATH", ""), str(ROOT / ".uv" / "bin")])
    uv = shutil.which("uv", path=places)
    if uv is None:
        raise NotInstallable("uv is not installed")
    python = folder / "bin" / "python"
    for command in (
        [uv, "venv", "--quiet", "--no-project", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "--quiet", "--python", str(python), "--only-binary", ":all:", *wheels],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise NotInstallable(f"{' '.join(wheels)} cannot be installed here: {done.stderr.strip()[-300:]}")
    return python


def python_with(folder: Path, *wheels: str) -> Path:
    """Make an environment as `make_python`; skip the test where that cannot be."""
    try:
        return make_python(folder, *wheels)
    except NotInstallable as error:
        pytest.skip(str(error))
