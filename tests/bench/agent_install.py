#!/usr/bin/env python3
"""How long `lighter agent install` takes until every node's agent is ready, from nothing and when all is there.

    tests/bench/agent_install.py [NODES] [CONTAINERD] [TIMES]      default: 8 1.6 3

Brings a cluster up and takes it down again. Needs root and a release build.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests/cluster"))

from testbed import lifecycle, paths  # noqa: E402

LIGHTER = REPOSITORY / "build/release/lighter"
CLUSTER = REPOSITORY / "tests/cluster/cluster"


def timed(environment: dict[str, str], *words: str) -> tuple[float, str]:
    """Seconds that a lighter command took, and its stdout."""
    start = time.monotonic()
    done = subprocess.run([LIGHTER, *words], env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return time.monotonic() - start, done.stdout


def main() -> None:
    nodes, containerd, times = (sys.argv[1:] + ["8", "1.6", "3"][len(sys.argv) - 1 :])[:3]
    name = f"b{os.getpid()}"
    subprocess.run([CLUSTER, "up", "--name", name, "--nodes", nodes, "--containerd", containerd], check=True, stdout=subprocess.DEVNULL)
    try:
        cluster = lifecycle.open_cluster(name)
        environment = os.environ | {
            "KUBECONFIG": str(cluster.control.kubeconfig),
            "PATH": f"{paths.tools('kubernetes')}:{os.environ['PATH']}",
        }
        first, again = [], []
        for _ in range(int(times)):
            seconds, out = timed(environment, "agent", "install", "-o", "json")
            assert all(node["ready"] for node in json.loads(out)["nodes"]), out
            first.append(seconds)
            again.append(timed(environment, "agent", "install")[0])
            timed(environment, "agent", "uninstall")
        print(f"agent install, {nodes} nodes, containerd {containerd}, {times} times:")
        print(f"  from nothing       median {statistics.median(first):5.1f} s   (all: {', '.join(f'{t:.1f}' for t in first)})")
        print(f"  when all is there  median {statistics.median(again):5.1f} s   (all: {', '.join(f'{t:.1f}' for t in again)})")
    finally:
        subprocess.run([CLUSTER, "down", "--name", name], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
