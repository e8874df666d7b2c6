"""What a cluster would leave behind, looked for in every place where it can be."""

import os
from contextlib import suppress
from pathlib import Path

from testbed.cgroup import Cgroup
from testbed.process import run

NAMESPACES = ("net", "mnt", "uts", "ipc", "pid")


def namespaces_of(cluster: str) -> set[str]:
    """The namespaces that a running cluster's processes are in and this process is not."""
    own = {_namespace(os.getpid(), kind) for kind in NAMESPACES}
    processes = Cgroup(f"lighter-{cluster}").processes()
    return {_namespace(pid, kind) for pid in processes for kind in NAMESPACES} - own - {""}


def traces_of(cluster: str, folder: Path, namespaces: set[str]) -> list[str]:
    """Everything there is of a cluster, described; empty where it left nothing."""
    # Other clusters' groups and loop devices come and go while this looks.
    found = [f"cgroup {path}" for path, _, _ in os.walk("/sys/fs/cgroup") if path.endswith(f"/lighter-{cluster}")]
    network = run("ip", "-oneline", "address") + run("ip", "route", "show", "table", "all")
    found += [f"link, address or route: {line}" for line in network.splitlines() if f" lt-{cluster} " in line]
    found += [f"file {folder}"] if folder.exists() else []
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        with suppress(OSError):
            if f"{folder}/" in backing.read_text():
                found.append(f"loop device {backing}")
    for process in Path("/proc").glob("[0-9]*"):
        found += _traces_of_process(process, folder, namespaces)
    return found


def _traces_of_process(process: Path, folder: Path, namespaces: set[str]) -> list[str]:
    found = []
    try:
        words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        mounts = (process / "mountinfo").read_text()
    except OSError:  # it ended meanwhile
        return []
    if f"{folder}/" in words:
        found.append(f"process {process.name}: {words}")
    if f"{folder}/" in mounts:
        found.append(f"a mount below {folder}, seen by process {process.name}: {words}")
    if {_namespace(int(process.name), kind) for kind in NAMESPACES} & namespaces:
        found.append(f"process {process.name} in a namespace of the cluster: {words}")
    return found


def _namespace(pid: int, kind: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/{kind}")
    except OSError:
        return ""
