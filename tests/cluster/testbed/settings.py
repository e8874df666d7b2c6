"""What a cluster was asked to be, and the record of it."""

import json
import re
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from .errors import TestbedError
from .network import NODES_AT_MOST


@dataclass(frozen=True)
class Settings:
    """The options of `cluster up`."""

    name: str = "lighter"
    nodes: int = 3
    containerd: str = "1.6"
    disk: str | None = None
    link: str | None = None
    registry: str = "refuse"
    containerd_root: str = "/var/lib/containerd"
    kubelet: dict[str, object] = field(default_factory=dict)
    apiserver: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        check_name(self.name)
        if not 1 <= self.nodes <= NODES_AT_MOST:
            raise TestbedError(f"--nodes {self.nodes}: a cluster has 1 to {NODES_AT_MOST} nodes")

    @property
    def beyond(self) -> str:
        """What becomes of packets that leave the cluster's addresses."""
        return "swallow" if self.registry == "swallow" else "refuse"


@dataclass(frozen=True)
class Record:
    """A cluster as its folder remembers it."""

    settings: Settings
    index: int
    ready: bool

    def write(self, folder: Path) -> None:
        """Replaces the record in the folder."""
        temporary = folder / "cluster.json.new"
        temporary.write_text(json.dumps(asdict(self), indent=1))
        temporary.rename(folder / "cluster.json")


def read_record(folder: Path) -> Record | None:
    """The record in a folder, or None where a cluster never came so far."""
    try:
        values = json.loads((folder / "cluster.json").read_text())
    except FileNotFoundError:
        return None
    # A checkout of another version may have settings that this one does not know.
    known = {option.name for option in fields(Settings)}
    settings = {name: value for name, value in values["settings"].items() if name in known}
    return Record(Settings(**settings), values["index"], values["ready"])


def check_name(name: str) -> None:
    """A cluster's name becomes part of a link's name, which the kernel keeps below 16 letters."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,11}", name):
        raise TestbedError(f"'{name}' is no cluster name: 1 to 12 lower-case letters, digits and hyphens")
