"""One command at a time on a cluster, and where addresses are handed out."""

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a lock on a folder, which is made where it is not and may vanish while it is held."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _lock(handle, folder)
            if _is(handle, folder):
                yield
                return
        finally:
            os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    patience = time.monotonic() + 1
    while time.monotonic() < patience:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
    print(f"waiting for another command that works on {folder}", file=sys.stderr, flush=True)
    fcntl.flock(handle, fcntl.LOCK_EX)


def _is(handle: int, folder: Path) -> bool:
    """Whether the folder is still the one that was opened: its owner may have removed it meanwhile."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(folder))
    except FileNotFoundError:
        return False
