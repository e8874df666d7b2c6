#!/usr/bin/env python3
"""`lighter agent install --mirror`: pulls of another registry ask the node's own first. Needs root and a build."""

import time
import unittest

from linecase import LineTest
from testbed import lifecycle

REGISTRY = "10.16.10.111"
FOLDER = "/etc/containerd/certs.d"
MARK = "# lighter-agent wrote this"
PATIENCE = 600


class Mirror(LineTest):
    """Two nodes, in a network where packets to any registry are swallowed."""

    options = ["--nodes", "2", "--registry", "swallow"]
    install = ["--mirror", REGISTRY]

    def on_node(self, node: str, script: str) -> str:
        return self.shell(*self.line.node(node).inside, "sh", "-c", script)

    def folders(self, node: str) -> set[str]:
        return set(self.on_node(node, f"ls -A {FOLDER}").split())

    def pods(self) -> set[str]:
        """The agents' pods, but for those that are going."""
        pods = [pod["metadata"] for pod in self.get(self.line, "pods", "-n", "lighter-system")["items"]]
        return {pod["name"] for pod in pods if "deletionTimestamp" not in pod}

    def mirrors(self) -> dict[str, dict[str, str]]:
        """What keeps each node's mirrors from working; empty text where nothing does."""
        nodes = self.agent_status()
        return {node["name"]: {mirror["registry"]: mirror["problem"] for mirror in node["mirrors"]} for node in nodes}

    def test_a_late_nodes_pods_pull_from_the_node_itself(self):
        self.lighter("agent", "install", *self.install)
        run = self.lighter("load", self.packages[1], "--set", f"global.imageRegistry={REGISTRY}/release.example.io")
        names = [name["name"] for name in run.json["names"]]
        web, worker = (next(name for name in names if part in name) for part in ("/web:", "/worker:"))
        start = time.monotonic()
        self.cluster("add-node", "--name", self.line.settings.name)
        node = f"node{len(self.line.nodes) + 1}"
        self.shell("bash", "-c", f"until kubectl get node {node}; do sleep 0.2; done")
        # From the first second, so that kubelet tries to pull before there is an agent.
        pods = {"late-always": (web, "Always"), "late-present": (worker, "IfNotPresent")}
        for pod, (image, policy) in pods.items():
            self.run_on(node, pod, image, policy)
        for pod in pods:
            self.shell("kubectl", "wait", "--for=condition=Ready", f"pod/{pod}", f"--timeout={PATIENCE}s")
            print(f"{pod} ran {time.monotonic() - start:.0f} s after its node was added", flush=True)
        late = lifecycle.open_cluster(self.line.settings.name).node(node)
        self.assertIn(MARK, self.shell(*late.inside, "cat", f"{FOLDER}/{REGISTRY}/hosts.toml"))

    def test_only_what_was_asked_for_is_there_and_others_settings_stay(self):
        self.lighter("agent", "uninstall")
        before = {node.name: self.folders(node.name) for node in self.line.nodes}
        self.on_node("node2", f"mkdir {FOLDER}/docker.io && echo 'server = \"https://docker.io\"' > {FOLDER}/docker.io/hosts.toml")
        self.addCleanup(self.on_node, "node2", f"rm -r {FOLDER}/docker.io")
        self.addCleanup(self.lighter, "agent", "install", *self.install)

        report = self.lighter("agent", "install", *self.install, "--mirror", "docker.io").json
        notes = {node["name"]: " ".join(node["notes"]) for node in report["nodes"]}
        self.assertEqual(notes["node1"], "")
        self.assertIn("docker.io", notes["node2"])
        self.assertIn("not lighter's", notes["node2"])
        self.assertEqual(self.mirrors()["node1"], {REGISTRY: "", "docker.io": ""})
        self.assertIn("not lighter's", self.mirrors()["node2"]["docker.io"])
        self.assertEqual(self.folders("node1"), before["node1"] | {REGISTRY, "docker.io"})

        self.lighter("agent", "install", *self.install)
        self.assertEqual(self.folders("node1"), before["node1"] | {REGISTRY})
        self.lighter("agent", "install")
        self.assertEqual(self.folders("node1"), before["node1"])
        self.assertEqual(self.folders("node2"), before["node2"] | {"docker.io"})

        self.lighter("agent", "install", *self.install)
        self.assertEqual(self.folders("node2"), before["node2"] | {"docker.io", REGISTRY})
        pods = self.pods()
        self.assertIn(f"--mirror {REGISTRY}", self.lighter("agent", "upgrade").err)
        self.assertEqual(self.folders("node2"), before["node2"] | {"docker.io", REGISTRY})
        self.assertEqual(self.pods(), pods, "an upgrade to what is there must leave running agents alone")
        self.lighter("agent", "uninstall")
        self.assertIn("no agents to upgrade", self.lighter("agent", "upgrade", code=1).err)
        self.assertEqual(self.folders("node1"), before["node1"])
        self.assertEqual(self.folders("node2"), before["node2"] | {"docker.io"})
        self.assertNotIn(MARK, self.on_node("node2", f"cat {FOLDER}/docker.io/hosts.toml"))

    def test_a_folder_that_containerd_does_not_read_is_told(self):
        self.addCleanup(self.lighter, "agent", "install", *self.install)
        report = self.lighter("agent", "install", *self.install, "--mirror-folder", "/etc/elsewhere").json
        for node in report["nodes"]:
            self.assertIn("containerd does not read /etc/elsewhere", " ".join(node["notes"]))
        self.assertEqual(self.on_node("node1", "ls -A /etc/elsewhere"), "")
        self.assertNotIn(REGISTRY, self.folders("node1"))

    def test_a_folder_that_cannot_be_made_is_done_without_and_told(self):
        self.on_node("node2", "mount -t tmpfs -o ro none /etc/containerd")
        self.addCleanup(self.shell_status, *self.line.node("node2").inside, "umount", "/etc/containerd")
        install = ["agent", "install", *self.install, "--mirror", "docker.io"]
        report = self.lighter(*install).json
        self.assertEqual([(node["name"], node["ready"]) for node in report["nodes"]], [("node1", True), ("node2", True)])
        notes = {node["name"]: " ".join(node["notes"]) for node in report["nodes"]}
        self.assertEqual(notes["node1"], "")
        self.assertIn("could not be made", notes["node2"])
        self.assertIn("could not be made", self.mirrors()["node2"][REGISTRY])
        pods = self.pods()
        self.lighter(*install)
        self.assertEqual(self.pods(), pods, "a second install must leave running agents alone")

        self.on_node("node2", "umount /etc/containerd")
        self.lighter("agent", "install")
        self.lighter("agent", "install", *self.install)
        self.assertEqual(self.mirrors()["node2"], {REGISTRY: ""})

    def test_hostile_names_are_refused(self):
        for name in ("../../root", "a.example/b", "..", "_default", ""):
            self.lighter("agent", "install", f"--mirror={name}", code=2)


class MirrorOnContainerd2(Mirror):
    """The same on containerd 2."""

    containerd = "2"
    test_hostile_names_are_refused = None


if __name__ == "__main__":
    unittest.main(verbosity=2)
