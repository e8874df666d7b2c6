"""Where things lie: the cache, the tools built into it, each cluster's own folder."""

import os
import re
import shutil
from pathlib import Path

from .errors import TestbedError

SETUP = Path(__file__).resolve().parents[2] / "setup"
SOURCES = Path(__file__).resolve().parent


def cache() -> Path:
    """The root of everything that outlives a call: LIGHTER_CACHE, or ~/.cache/lighter."""
    return Path(os.environ.get("LIGHTER_CACHE") or Path.home() / ".cache/lighter").resolve()


def clusters() -> Path:
    """The folder of all clusters' folders."""
    return cache() / "clusters"


def tools(name: str) -> Path:
    """The folder with the built kubernetes, helm3, helm4 or containerd, of the version that tests/setup pins."""
    family = name.rstrip("34")
    version = _pinned_version(SETUP / name / "go.mod", family)
    folder = cache() / family / version
    if not folder.is_dir():
        raise TestbedError(f"{name} {version} is not built yet; run: tests/setup/tools.sh {family}")
    return folder


def program(name: str) -> str:
    """The path of a program from a Debian package."""
    path = shutil.which(name)
    if path is None:
        raise TestbedError(f"'{name}' is not installed; run: tests/setup/packages.sh cluster")
    return path


def _pinned_version(go_mod: Path, family: str) -> str:
    found = re.search(rf"^(?:require)?\s+\S*\b{family}(?:/v\d+)? (v\S+)", go_mod.read_text(), re.MULTILINE)
    if found is None:
        raise TestbedError(f"{go_mod} pins no version of {family}")
    return found[1]
