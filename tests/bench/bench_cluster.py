"""What the benchmarks share: a cluster of their own, and lighter timed on it."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests/cluster"))

from testbed import lifecycle, paths  # noqa: E402

BUILD = REPOSITORY / "build/release"
CLUSTER = REPOSITORY / "tests/cluster/cluster"


class BenchCluster:
    """A cluster that is up."""

    def __init__(self, name: str):
        self.name = name
        self.folder = lifecycle.open_cluster(name).folder
        kubeconfig = lifecycle.open_cluster(name).control.kubeconfig
        self.environment = os.environ | {
            "KUBECONFIG": str(kubeconfig),
            "PATH": f"{paths.tools('kubernetes')}:{paths.tools('helm4')}:{os.environ['PATH']}",
            "XDG_STATE_HOME": str(self.folder / "state"),
        }

    def run(self, *words: object, stdin: str | None = None) -> str:
        """Runs a command that must succeed; its stdout."""
        command = [str(word) for word in words]
        return subprocess.run(command, env=self.environment, check=True, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout

    def lighter(self, *words: object) -> tuple[float, str]:
        """Seconds that a lighter command took, and its stdout."""
        start = time.monotonic()
        out = self.run(BUILD / "lighter", *words)
        return time.monotonic() - start, out


@contextmanager
def bench_cluster(nodes: str, containerd: str) -> Iterator[BenchCluster]:
    """Brings a cluster up and takes it down again."""
    name = f"b{os.getpid()}"
    subprocess.run([CLUSTER, "up", "--name", name, "--nodes", nodes, "--containerd", containerd], check=True, stdout=subprocess.DEVNULL)
    try:
        yield BenchCluster(name)
    finally:
        subprocess.run([CLUSTER, "down", "--name", name], check=True, stdout=subprocess.DEVNULL)


def show(what: str, seconds: list[float]) -> None:
    """One line: the median and all of them."""
    print(f"  {what:32} median {statistics.median(seconds):5.1f} s   (all: {', '.join(f'{each:.1f}' for each in seconds)})")
