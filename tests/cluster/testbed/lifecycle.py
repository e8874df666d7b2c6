"""Bringing clusters up and taking them down, whatever an earlier run left behind."""

import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path

from . import containerd, links, loop
from .cgroup import Cgroup
from .cluster import Cluster
from .errors import TestbedError
from .lock import locked
from .network import free_index
from .node import Node
from .paths import clusters, program, tools
from .settings import Record, Settings, check_name, read_record

PROGRAMS = (
    *("etcd", "docker-registry", "runc"),
    *("ip", "tc", "unshare", "nsenter", "losetup", "mkfs.ext4"),
    *("openssl", "musl-gcc"),
)


def open_cluster(name: str) -> Cluster:
    """The cluster of that name, which must be up."""
    check_name(name)
    record = read_record(_folder(name))
    if record is None or not record.ready:
        raise TestbedError(f"cluster {name} is not up; start it with: cluster up --name {name}")
    return _cluster(record)


def all_names() -> list[str]:
    """The names of the clusters that have a folder."""
    return sorted(folder.name for folder in clusters().iterdir() if folder.is_dir()) if clusters().is_dir() else []


def up(settings: Settings) -> Cluster:
    """Brings a cluster up, or finds it up."""
    _require_programs(settings)
    name, folder = settings.name, _folder(settings.name)
    if not folder.exists() and _cgroup(name).processes():
        raise TestbedError(
            f"a cluster {name} of another LIGHTER_CACHE runs here; choose another --name, or take it down:"
            f" cluster down --name {name}"
        )
    with locked(folder):
        record = read_record(folder)
        if record and record.ready and (cluster := _cluster(record)).is_alive():
            _require_same(record.settings, settings)
            print(f"cluster {name} is already up")
            return cluster
        if _has_remains(name):
            print(f"cleaning up what an earlier run of cluster {name} left", flush=True)
            _clear(name)
        return _start(settings)


def add_node(name: str, kubelet: dict[str, object]) -> Node:
    """Adds a node to a cluster that is up, as a machine that joins later; its kubelet may be configured beyond the others'."""
    check_name(name)
    with locked(_folder(name)):
        cluster = open_cluster(name)
        record = read_record(cluster.folder)
        settings = replace(record.settings, nodes=record.settings.nodes + 1)
        # First, so that `down` knows of what is made now.
        record = replace(record, settings=settings)
        record.write(cluster.folder)
        own = replace(settings, kubelet=settings.kubelet | kubelet)
        return _cluster(replace(record, settings=own)).start_node(f"node{settings.nodes}")


def down(name: str) -> bool:
    """Takes a cluster down, or what is left of one; says whether there was anything."""
    check_name(name)
    folder = _folder(name)
    if not folder.exists() and not _has_remains(name):
        return False
    with locked(folder):
        _clear(name)
        folder.rmdir()
    return True


def _start(settings: Settings) -> Cluster:
    started = time.monotonic()
    nodes = "1 node" if settings.nodes == 1 else f"{settings.nodes} nodes"
    print(f"starting cluster {settings.name}: {nodes} with containerd {settings.containerd}", flush=True)
    record = _claim_addresses(settings)
    cluster = _cluster(record)
    try:
        cluster.start()
    except TestbedError as error:
        hint = f"what runs is left for a look; remove it with: cluster down --name {settings.name}"
        raise TestbedError(f"{error}\n{hint}") from None
    replace(record, ready=True).write(cluster.folder)
    print(f"  {time.monotonic() - started:5.1f} s  in all")
    return cluster


def _require_programs(settings: Settings) -> None:
    tools("kubernetes")
    containerd.programs(settings.containerd)
    for name in PROGRAMS:
        program(name)


def _claim_addresses(settings: Settings) -> Record:
    """Picks addresses that no other cluster has, and records them before another can look."""
    with locked(clusters()):
        others = [read_record(_folder(name)) for name in all_names()]
        index = free_index({other.index for other in others if other})
        record = Record(settings, index, ready=False)
        record.write(_folder(settings.name))
        return record


def _has_remains(name: str) -> bool:
    folder = _folder(name)
    in_folder = folder.exists() and any(folder.iterdir())
    return in_folder or _cgroup(name).exists() or links.host_link_exists(name)


def _clear(name: str) -> None:
    """Removes all of a cluster but its folder itself, which is locked meanwhile."""
    folder, cgroup = _folder(name), _cgroup(name)
    cgroup.kill()
    links.leave_host(name)
    cgroup.remove()
    loop.wait_until_free(folder)
    # The record last: what is interrupted here is found and finished by the next call.
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.is_file()):
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _require_same(have: Settings, wanted: Settings) -> None:
    before, after = asdict(have), asdict(wanted)
    differences = [f"--{key} {before[key]}, not {after[key]}" for key in before if before[key] != after[key]]
    if differences:
        raise TestbedError(
            f"cluster {have.name} is up already with {' and '.join(differences)}; take it down first:"
            f" cluster down --name {have.name}"
        )


def _cluster(record: Record) -> Cluster:
    return Cluster(record, _folder(record.settings.name), _cgroup(record.settings.name))


def _folder(name: str) -> Path:
    return clusters() / name


def _cgroup(name: str) -> Cgroup:
    return Cgroup(f"lighter-{name}")
