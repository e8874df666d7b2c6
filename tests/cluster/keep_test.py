#!/usr/bin/env python3
"""What agents do with no coordinator about: late nodes, deleted names, the node's own registry. Needs root and a build."""

import time
import unittest

from linecase import REGISTRY, LineTest

LOCAL = "127.0.0.1:7444"  # the node's own registry
PATIENCE = 90


class Keep(LineTest):
    """Two nodes hold version 1 under names of two registries: one that is not there, and the nodes' own."""

    options = ["--nodes", "2"]
    # A pull that meets silence instead hangs for minutes and holds up the node's other pulls: names of
    # the node's own registry are the answer to that.
    refusing = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls()
        run = case.lighter("load", cls.packages[1], "--set", f"global.imageRegistry={REGISTRY}")
        cls.names = {name["name"]: name["configDigest"] for name in run.json["names"]}
        # An upgrade keeps the images of the load before, so these are held, too.
        run = case.lighter("load", cls.packages[1], "--registry", "local")
        cls.local_names = {name["name"]: name["configDigest"] for name in run.json["names"]}
        cls.web = next(name for name in cls.names if "/web:" in name)
        cls.worker = next(name for name in cls.names if "/worker:" in name)
        cls.local_web = next(name for name in cls.local_names if "/web:" in name)

    def images(self, node: str) -> set[str]:
        return set(self.ctr(node, "images", "ls", "-q").splitlines())

    def curl(self, node: str, path: str) -> str:
        """Asks the node's own registry, by hand; the status line of its answer."""
        host, port = LOCAL.split(":")
        ask = f"exec 3<>/dev/tcp/{host}/{port}; printf 'GET {path} HTTP/1.1\\r\\nHost: {LOCAL}\\r\\nConnection: close\\r\\n\\r\\n' >&3; head -1 <&3"
        return self.shell(*self.line.node(node).inside, "bash", "-c", ask)

    def test_a_deleted_name_is_back_in_seconds(self):
        digest = self.config_digest("node1", self.web)
        self.ctr("node1", "images", "rm", "--sync", self.web)
        deadline = time.monotonic() + 5
        while self.web not in self.images("node1") and time.monotonic() < deadline:
            time.sleep(0.2)
        self.assertIn(self.web, self.images("node1"))
        self.assertEqual(self.config_digest("node1", self.web), digest)

    def test_all_names_and_digests_deleted_at_once(self):
        """As the kubelet's image GC does before containerd had pins; nothing has to come from another node."""
        every = [name for name in self.images("node1") if "quayside" in name or name.startswith("sha256:")]
        blobs = set(self.ctr("node1", "content", "ls", "-q").splitlines())
        self.ctr("node1", "images", "rm", "--sync", *every)
        self.assertEqual(set(self.ctr("node1", "content", "ls", "-q").splitlines()) & blobs, blobs)
        self.run_on("node1", "after-gc", self.web, "Never")
        self.shell("kubectl", "wait", "--for=condition=Ready", "pod/after-gc", f"--timeout={PATIENCE}s")

    def test_the_nodes_registry_serves_what_the_list_holds_and_nothing_else(self):
        path = self.local_web.removeprefix(LOCAL + "/").split(":")
        self.assertIn("200 OK", self.curl("node1", f"/v2/{path[0]}/manifests/{path[1]}"))
        self.assertIn("404", self.curl("node1", f"/v2/{path[0]}/manifests/v99"))
        self.assertIn("404", self.curl("node1", "/v2/pause/manifests/3.10"))

    def test_a_node_that_joins_gets_everything_from_its_peers(self):
        self.cluster("add-node", "--name", self.line.settings.name)
        name = f"node{len(self.line.nodes) + 1}"
        self.shell("bash", "-c", f"until kubectl get node {name}; do sleep 0.2; done")
        # From the first second, so that the kubelet tries to pull before there is an agent.
        pods = {"late-always": (self.local_web, "Always")}
        if self.refusing:
            # Another image: kubelet will not start one that it pulled from one registry under a name of another.
            pods["late-present"] = (self.worker, "IfNotPresent")
        for pod, (image, policy) in pods.items():
            self.run_on(name, pod, image, policy)
        for pod in pods:
            self.shell("kubectl", "wait", "--for=condition=Ready", f"pod/{pod}", f"--timeout={PATIENCE}s")


class KeepOnContainerd2(Keep):
    """The same on containerd 2, where a pull from a registry that is not there meets silence."""

    containerd = "2"
    options = ["--nodes", "2", "--registry", "swallow"]
    refusing = False


if __name__ == "__main__":
    unittest.main(verbosity=2)
