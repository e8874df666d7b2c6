"""Loop devices below a folder: they go by themselves with the last mount, a moment later."""

from contextlib import suppress
from pathlib import Path

from .errors import TestbedError
from .process import run, wait_for


def wait_until_free(folder: Path) -> None:
    """Waits until no file of the folder is behind a loop device; detaches what does not go by itself."""
    try:
        wait_for(f"loop devices of {folder} to go", lambda: not _devices(folder), 5)
    except TestbedError:
        for device in _devices(folder):
            run("losetup", "--detach", device)


def _devices(folder: Path) -> list[str]:
    found = []
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        with suppress(OSError):  # it went away meanwhile
            if backing.read_text().startswith(f"{folder}/"):
                found.append(f"/dev/{backing.parts[3]}")
    return found
