#!/usr/bin/env python3
"""The options of `cluster up` do what they say. Needs root; takes about half a minute."""

import json
import os
import subprocess
import unittest
import urllib.request

from testbed.cluster import Cluster
from testbed.process import run, wait_for
from testcase import IMAGE, ClusterTest

RECEIVE = """
import socket
listener = socket.create_server(('', 9999))
print('listening', flush=True)
connection, _ = listener.accept()
while connection.recv(1 << 20): pass
connection.sendall(b'.')
"""
SEND = """
import socket, sys, time
connection = socket.create_connection((sys.argv[1], 9999))
start = time.monotonic()
connection.sendall(bytes(8 << 20))
connection.shutdown(socket.SHUT_WR)
connection.recv(1)
print(time.monotonic() - start)
"""
CONNECT = """
import socket
try: socket.create_connection(('10.16.10.111', 443), timeout=2)
except OSError as error: print(type(error).__name__)
"""


class Options(ClusterTest):
    """One cluster for each."""

    def test_disk_gives_each_node_a_file_system_of_that_size(self):
        cluster = self.up(self.name(), "--nodes", "2", "--disk", "1G")
        disks = [os.stat(node.root / "var/lib/containerd").st_dev for node in cluster.nodes]
        self.assertEqual(len({*disks, os.stat("/").st_dev}), 3)
        size = os.statvfs(cluster.node("node1").root / "var/lib/kubelet")
        self.assertAlmostEqual(size.f_blocks * size.f_frsize / (1 << 30), 1, delta=0.1)

        def seen_by_kubelet() -> bool:
            summary = json.loads(self.kubectl(cluster, "get", "--raw", "/api/v1/nodes/node1/proxy/stats/summary"))
            shares = [summary["node"].get("fs", {}), summary["node"].get("runtime", {}).get("imageFs", {})]
            return all(share.get("capacityBytes") == size.f_blocks * size.f_frsize for share in shares)

        wait_for("kubelet to report the disk", seen_by_kubelet, 30)

    def test_link_shapes_every_link(self):
        cluster = self.up(self.name(), "--nodes", "2", "--link", "100mbit")
        unshaped = self.up(self.name("fast"), "--nodes", "1")
        self.assertLess(self._seconds_to_send([], unshaped), 0.2)
        for sender in ([], cluster.node("node2").inside):
            # 8 MiB at 100 Mbit/s are 0.67 s, less what fits the shapers' buckets.
            seconds = self._seconds_to_send(sender, cluster)
            self.assertGreater(seconds, 0.6)
            self.assertLess(seconds, 1.5)

    def test_registry_serve_feeds_pods(self):
        cluster = self.up(self.name(), "--nodes", "2", "--registry", "serve")
        registry = f"{cluster.network.control}:5000"
        name = f"{registry}/tests/pause:latest"
        self.run_pod(cluster, "imported", "node1")
        for words in (["tag", IMAGE, name], ["push", "--plain-http", name]):
            self._node(cluster, "ctr", "--namespace", "k8s.io", "images", *words)
        with urllib.request.urlopen(f"http://{registry}/v2/_catalog") as answer:
            self.assertEqual(json.load(answer), {"repositories": ["tests/pause"]})
        self.kubectl(cluster, "run", "pulled", f"--image={name}", '--overrides={"spec": {"nodeName": "node2"}}')
        self.kubectl(cluster, "wait", "--for=condition=Ready", "--timeout=60s", "pod/pulled")

    def test_registry_refuse_and_swallow(self):
        for registry, fate in (("refuse", "OSError"), ("swallow", "TimeoutError")):
            with self.subTest(registry=registry):
                cluster = self.up(self.name(registry[:4]), "--nodes", "1", "--registry", registry)
                self.assertEqual(self._node(cluster, "python3", "-c", CONNECT), f"{fate}\n")

    def test_kubelet_keys_are_set(self):
        eviction = 'evictionHard={"memory.available": "1Mi"}'
        cluster = self.up(self.name(), "--nodes", "1", "--kubelet", "maxPods=7", "--kubelet", eviction)
        config = json.loads(self.kubectl(cluster, "get", "--raw", "/api/v1/nodes/node1/proxy/configz"))["kubeletconfig"]
        self.assertEqual((config["maxPods"], config["evictionHard"]), (7, {"memory.available": "1Mi"}))

    def test_env_and_root_lead_into_the_cluster(self):
        name = self.name()
        self.up(name, "--nodes", "1")
        for helm in ("3", "4"):
            exports = self.cluster("env", "--name", name, "--helm", helm)
            script = f"export HTTPS_PROXY=http://192.0.2.1:1\n{exports}kubectl get nodes && helm list && helm version"
            self.assertRegex(run("sh", "-uc", script), rf"(?s)node1 .* Ready .*v{helm}\.")
        socket = self.cluster("root", "--name", name, "node1").strip() + "/run/containerd/containerd.sock"
        self.assertIn("pause", run("ctr", "--address", socket, "--namespace", "k8s.io", "images", "list"))

    def test_what_makes_no_sense_is_refused(self):
        for options in (["--nodes", "0"], ["--kubelet", "maxPods=many"], ["--name", "Not-A-Name"]):
            with self.subTest(options=options):
                self.cluster("up", "--name", self.name(), *options, status=1)

    def _node(self, cluster: Cluster, *words: str) -> str:
        return self.cluster("node", "--name", cluster.settings.name, "node1", "--", *words)

    def _seconds_to_send(self, sender: list[str], cluster: Cluster) -> float:
        node = cluster.node("node1")
        with subprocess.Popen([*node.inside, "python3", "-c", RECEIVE], stdout=subprocess.PIPE) as receiver:
            receiver.stdout.readline()
            return float(run(*sender, "python3", "-c", SEND, node.address))


if __name__ == "__main__":
    unittest.main()
