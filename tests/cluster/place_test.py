#!/usr/bin/env python3
"""Images go only where a pod that uses them can run, or where --place says. Needs root and a build."""

import shlex
import time
import unittest

from linecase import NAMESPACE, REGISTRY, LineTest

# The pods of web run on nodes with a GPU, and there whatever the taint.
WEB = [
    "--set", f"global.imageRegistry={REGISTRY}", "--set-string", "web.nodeSelector.gpu=true",
    "--set-json", 'web.tolerations=[{"key": "dedicated", "operator": "Exists"}]',
]  # fmt: skip
RELEASE = ["quayside", "-n", NAMESPACE]
NAME = f"{REGISTRY}/quayside/web"
PATIENCE = 90


class Place(LineTest):
    """Three nodes, of which the second has a GPU and a taint that keeps other pods away."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls(methodName="test_a_release_and_a_node_that_joins")
        case.shell("kubectl", "label", "node", "node2", "gpu=true")
        case.shell("kubectl", "taint", "node", "node2", "dedicated=ai:NoSchedule")
        case.loaded = case.lighter("upgrade", cls.packages[1], *RELEASE, "--install", *WEB)

    def names(self, node: str) -> set[str]:
        return set(self.ctr(node, "images", "ls", "-q").splitlines())

    def blobs(self, node: str) -> set[str]:
        return set(self.ctr(node, "content", "ls", "-q").splitlines())

    def held_images(self) -> dict[str, int]:
        """How many images each node holds for the release, once every agent has looked and misses nothing."""
        deadline = time.monotonic() + PATIENCE
        while True:
            nodes = self.lighter("agent", "status").json["nodes"]
            releases = {node["name"]: node["desired"]["releases"] for node in nodes}
            if all(of_node and all(r["missing"] == 0 for r in of_node) for of_node in releases.values()) or time.monotonic() > deadline:
                return {name: sum(r["images"] for r in of_node) for name, of_node in releases.items()}
            time.sleep(0.5)

    def label_gpu(self, from_node: str, to_node: str) -> None:
        self.shell("kubectl", "label", "node", from_node, "gpu-")
        self.shell("kubectl", "label", "node", to_node, "gpu=true")

    def test_a_release_and_a_node_that_joins(self):
        web = f"{NAME}:v0.1.0"
        image = self.config_digest("node2", web)
        for node in ("node1", "node3"):
            self.assertNotIn(web, self.names(node))
            self.assertNotIn(image, self.blobs(node))
            self.assertTrue(any("/worker:" in name for name in self.names(node)))
        pods = self.get(self.line, "pods", "-n", NAMESPACE, "-l", "app=quayside-web")["items"]
        self.assertEqual({(pod["spec"]["nodeName"], pod["status"]["phase"]) for pod in pods}, {("node2", "Running")})
        self.lighter("verify", *RELEASE)
        # An agent counts what its own node needs.
        self.assertEqual(self.held_images(), {"node1": 2, "node2": 3, "node3": 2})

        # The labels are others than at the load: pods can run where the image is not.
        self.label_gpu("node2", "node1")
        try:
            verified = self.lighter_text("verify", *RELEASE)
            self.assertEqual(verified.code, 4, verified)
            self.assertIn(f"E-IMAGE-MISSING: {web} on node1: ", verified.out)
        finally:
            self.label_gpu("node1", "node2")

        # A node that nobody knew at the load gets everything.
        self.cluster("add-node", "--name", self.line.settings.name)
        self.shell("bash", "-c", "until kubectl get node node4; do sleep 0.2; done")
        inside = ["bash", "-c", f"until {shlex.join(self.late('images', 'ls', '-q'))} | grep -q {web}; do sleep 0.5; done"]
        self.shell("timeout", str(PATIENCE), *inside)
        self.shell("kubectl", "wait", "--for=condition=Ready", "node", "node4", f"--timeout={PATIENCE}s")
        self.lighter("verify", *RELEASE)

    def late(self, *words: str) -> list[str]:
        from testbed import lifecycle

        return [*lifecycle.open_cluster(self.line.settings.name).node("node4").inside, "ctr", "-n", "k8s.io", *words]

    def test_a_plan_says_where_images_go_and_is_bound_to_it(self):
        words = [self.packages[2], *RELEASE]
        text = self.lighter_text("plan", *words).out
        self.assertRegex(text, r"placed: 1 image \(.*\) only to 1 of \d nodes \(node2\): nodeSelector gpu=true of Deployment harbor/quayside-web: \S+/web:v0.2.0\n")
        file = self.folder / "place.plan.json"
        plan = self.lighter("plan", *words, "--out", file).json
        self.assertEqual([(image["nodes"], image["chosen"]) for image in plan["placement"]["images"]], [(["node2"], False)])
        sizes = {node["name"]: node["missingBytes"] for node in plan["nodes"]}
        self.assertLess(sizes["node1"], sizes["node2"])

        self.label_gpu("node2", "node1")
        try:
            run = self.lighter("load", "--plan", file, code=1)
            self.assertIn("Nothing was changed", run.err)
            self.assertIn(f"nodes of image {NAME}:v0.2.0: was node2, is node1", run.err)
        finally:
            self.label_gpu("node1", "node2")

        text = self.lighter_text("upgrade", *words, "--set-string", "web.nodeSelector.gpu=a100")
        self.assertEqual(text.code, 1, text)
        self.assertIn("E-PLACE-NOWHERE: no node of this cluster takes pods of Deployment harbor/quayside-web (nodeSelector gpu=a100)", text.out)
        self.assertIn("no release was changed", text.out)

    def test_the_operators_word(self):
        words = [self.packages[2], *RELEASE]
        for place, cause in (
            ("wbe=all", "--place wbe=all: no image of this plan has such a name"),
            ("web=gpu=a100", "--place web=gpu=a100: no node that takes part is meant"),
            ("web=node:node9", "this cluster has no node node9"),
            ("web", "it is IMAGE=SELECTOR"),
        ):
            run = self.lighter("plan", *words, "--place", place, code=2)
            self.assertIn(cause, run.err)
        text = self.lighter_text("plan", *words, "--place", "all").out
        self.assertNotIn("placed: ", text)
        text = self.lighter_text("plan", *words, "--place", "worker=!gpu").out
        self.assertIn("--place worker=!gpu", text)
        self.assertIn("note: N-PLACE-PODS: pods of DaemonSet harbor/quayside-worker can run on node2, too", text)

        # Loaded with it, held with it: no agent brings what is spared.
        helper = f"{REGISTRY}/quayside/helper:v0.2.0"
        self.lighter("load", *words, "--place", "helper=node:node1,node2")
        time.sleep(5)  # two looks of the keeper
        self.assertIn(helper, self.names("node1"))
        self.assertNotIn(helper, self.names("node3"))
        state = {node["name"]: node for node in self.lighter("plan", *words, "--place", "helper=node:node1,node2").json["nodes"]}
        self.assertTrue(state["node3"]["proven"], state)
        self.lighter("load", *words)
        self.assertIn(helper, self.names("node3"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
