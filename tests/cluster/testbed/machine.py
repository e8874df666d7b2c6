"""A machine of the cluster: a few namespaces, held open by one sleeping process."""

from pathlib import Path

from .cgroup import Cgroup
from .errors import TestbedError
from .process import Daemon, wait_for

BOOTED = "booted"


class Machine:
    """Namespaces, a cgroup and a folder; the control plane is one, each node is one."""

    namespaces = ["--net"]

    def __init__(self, name: str, folder: Path, cgroup: Cgroup):
        self.name = name
        self.folder = folder
        self.cgroup = cgroup
        self.holder = Daemon("machine", folder)

    @property
    def pid(self) -> int:
        """A process in its namespaces."""
        if (pid := self.holder.pid) is None:
            raise TestbedError(f"machine {self.name} is down; 'cluster up' starts the cluster afresh")
        return pid

    @property
    def inside(self) -> list[str]:
        """The words before a command that make it run in this machine."""
        return [*self._leaf.entering(), "nsenter", "--target", str(self.pid), *self.namespaces, "--"]

    def boot(self, *prepare: object) -> None:
        """Makes the namespaces and holds them open; `prepare` is a command that runs its last arguments at its end."""
        self.cgroup.create()
        self._leaf.create()
        private = ["--propagation", "private"] if "--mount" in self.namespaces else []
        hold = ["sh", "-c", f"echo {BOOTED}; exec sleep infinity"]
        self.holder.start([*self._leaf.entering(), "unshare", *self.namespaces, *private, *prepare, *hold])
        wait_for(f"{self.name} to boot", lambda: BOOTED in self.holder.log.read_text(), 30, [self.holder])

    @property
    def _leaf(self) -> Cgroup:
        """Version 2 wants processes in leaves only, and kubelet makes the groups of the pods beside this one."""
        return self.cgroup / "daemons"
