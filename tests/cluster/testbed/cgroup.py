"""Control groups, version 1, 2 or both: every process of a cluster lives below one, so all can be found and ended."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from .errors import TestbedError
from .process import wait_for

CONTROLLERS = {"cpu", "cpuset", "hugetlb", "io", "memory", "pids"}


def _mounted() -> dict[Path, tuple[str, str]]:
    """Mount point -> (cgroup or cgroup2, options) of each hierarchy."""
    rows = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return {Path(row[1]): (row[2], row[3]) for row in rows if row[2] in ("cgroup", "cgroup2")}


class Cgroup:
    """One path in every mounted hierarchy."""

    def __init__(self, path: str):
        self.path = path
        self._mounted = _mounted()

    def __truediv__(self, child: str) -> "Cgroup":
        return Cgroup(f"{self.path}/{child}")

    def create(self) -> None:
        """Makes the group, in version 2 with the controllers that kubelet wants."""
        for root, (kind, _) in self._mounted.items():
            folder = root
            for part in Path(self.path).parts:
                if kind == "cgroup2":
                    _hand_down_controllers(folder)
                folder /= part
                folder.mkdir(exist_ok=True)

    def exists(self) -> bool:
        """Whether any hierarchy has it."""
        return any(folder.is_dir() for folder in self._folders())

    def entering(self) -> list[str]:
        """The words before a command that make it run in this group."""
        return ["sh", "-c", f'echo 0 >{self._process_hierarchy() / self.path}/cgroup.procs && exec "$@"', "sh"]

    def processes(self) -> set[int]:
        """The processes in it and below it."""
        found: set[int] = set()
        for folder in self._folders():
            for below, _, _ in os.walk(folder):  # passes over groups that go meanwhile, which rglob does not
                with suppress(OSError):
                    found.update(int(pid) for pid in Path(below, "cgroup.procs").read_text().split())
        return found - {0}

    def kill(self) -> None:
        """Ends every process in it, however fast they multiply."""

        def none_is_left() -> bool:
            processes = self.processes()
            for pid in processes:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not processes

        wait_for(f"the processes of cgroup {self.path} to end", none_is_left, 30)

    def remove(self) -> None:
        """Removes it with all below it; the kernel may need a moment after the last process."""

        def is_gone() -> bool:
            for folder in self._folders():
                for below, _, _ in os.walk(folder, topdown=False):
                    with suppress(OSError):
                        os.rmdir(below)
            return not self.exists()

        wait_for(f"cgroup {self.path} to be removable", is_gone, 10)

    def _folders(self) -> list[Path]:
        return [root / self.path for root in self._mounted]

    def _process_hierarchy(self) -> Path:
        """One hierarchy that takes processes without further settings and limits nothing they were limited in."""
        for root, (kind, options) in self._mounted.items():
            if kind == "cgroup2" or "name=systemd" in options:
                return root
        raise TestbedError("no cgroup2 and no name=systemd hierarchy is mounted below /sys/fs/cgroup")


def _hand_down_controllers(folder: Path) -> None:
    """Version 2 gives the groups below a folder the controllers that the folder names for them."""
    available = CONTROLLERS & set((folder / "cgroup.controllers").read_text().split())
    control = folder / "cgroup.subtree_control"
    try:
        control.write_text(" ".join(f"+{name}" for name in sorted(available)))
    except OSError as error:
        raise TestbedError(f"the kernel does not hand cgroup controllers down: {control}: {error}") from None
