#!/usr/bin/env python3
"""How long `lighter agent install` takes until every node's agent is ready, from nothing and when all is there.

    tests/bench/agent_install.py [NODES] [CONTAINERD] [TIMES]      default: 8 1.6 3

Brings a cluster up and takes it down again. Needs root and a release build.
"""

import json
import sys

from bench_cluster import bench_cluster, show


def main() -> None:
    nodes, containerd, times = (sys.argv[1:] + ["8", "1.6", "3"][len(sys.argv) - 1 :])[:3]
    first, again = [], []
    with bench_cluster(nodes, containerd) as cluster:
        for _ in range(int(times)):
            seconds, out = cluster.lighter("agent", "install", "-o", "json")
            assert all(node["ready"] for node in json.loads(out)["nodes"]), out
            first.append(seconds)
            again.append(cluster.lighter("agent", "install")[0])
            cluster.lighter("agent", "uninstall")
    print(f"agent install, {nodes} nodes, containerd {containerd}, {times} times:")
    show("from nothing", first)
    show("when all is there", again)


if __name__ == "__main__":
    main()
