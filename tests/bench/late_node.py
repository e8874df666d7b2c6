#!/usr/bin/env python3
"""A node joins: how long until it has its agent, every image from the other nodes, and a pod that runs, with no coordinator about.

    tests/bench/late_node.py [NODES] [CONTAINERD] [TIMES]      default: 8 1.6 3

Each time on a cluster of its own, from nothing. Needs root and a release build.
"""

import json
import sys
import time

from bench_cluster import BUILD, CLUSTER, BenchCluster, bench_cluster, show

NAMESPACE = "lighter-system"
PATIENCE = 180
MIB = 96  # of layers


def join(cluster: BenchCluster, node: str, names: list[str]) -> dict[str, float]:
    """Adds that node; seconds from its registration to each step."""
    cluster.run(CLUSTER, "add-node", "--name", cluster.name)
    while not cluster.run("kubectl", "get", "node", node, "--ignore-not-found"):
        time.sleep(0.1)
    start = time.monotonic()
    image = next(name for name in names if "/web:" in name)
    container = {"name": "it", "image": image, "imagePullPolicy": "Always"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "late"}, "spec": {"nodeName": node, "containers": [container]}}
    cluster.run("kubectl", "create", "-f", "-", stdin=json.dumps(pod))
    of_node = ("-n", NAMESPACE, "--field-selector", f"spec.nodeName={node}")

    def agent_runs() -> bool:
        return "startedAt" in cluster.run("kubectl", "get", "pods", *of_node, "-o", "jsonpath={.items[*].status.containerStatuses[*].state.running}")

    def named() -> bool:
        """Names come last, when all that they need is there."""
        return set(names) <= set(cluster.run(CLUSTER, "node", "--name", cluster.name, node, "--", "ctr", "-n", "k8s.io", "images", "ls", "-q").split())

    def pod_runs() -> bool:
        return cluster.run("kubectl", "get", "pod", "late", "-o", "jsonpath={.status.phase}") == "Running"

    conditions = {"its agent runs": agent_runs, "it has every name": named, "its pod of policy Always runs": pod_runs}
    steps = {}
    while len(steps) < len(conditions):
        for what, holds in conditions.items():
            if what not in steps and holds():
                steps[what] = time.monotonic() - start
        if time.monotonic() - start > PATIENCE:
            sys.exit(f"waited in vain; {node} came as far as: {steps}")
        time.sleep(0.1)
    return {what: steps[what] for what in conditions}


def once(nodes: str, containerd: str) -> dict[str, float]:
    """Seconds of every step, on a cluster of its own."""
    with bench_cluster(nodes, containerd) as cluster:
        steps = {"install, until all are ready": cluster.lighter("agent", "install")[0]}
        package = cluster.folder / "quayside.tar"
        cluster.run(BUILD / "lighter-sample", "package", "--version", 1, "--size-mib", MIB, "--app", BUILD / "lighter-sample-app", "--out", package)
        load = ("load", package, "--set", "global.imageRegistry=127.0.0.1:7444", "-o", "json")
        steps[f"load of {MIB} MiB, until proven"], out = cluster.lighter(*load)
        names = [name["name"] for name in json.loads(out)["names"]]
        steps |= join(cluster, f"node{int(nodes) + 1}", names)
        again = json.loads(cluster.lighter(*load)[1])
        assert again["movedBytes"] == 0 and all(node["proven"] for node in again["nodes"]), again
        return steps


def main() -> None:
    nodes, containerd, times = (sys.argv[1:] + ["8", "1.6", "3"][len(sys.argv) - 1 :])[:3]
    runs = [once(nodes, containerd) for _ in range(int(times))]
    print(f"one node joins {nodes} nodes, containerd {containerd}, {times} times; below the load, seconds after it registered:")
    for what in runs[0]:
        show(what, [run[what] for run in runs])


if __name__ == "__main__":
    main()
