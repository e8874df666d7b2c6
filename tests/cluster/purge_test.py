#!/usr/bin/env python3
"""`lighter agent uninstall --purge` and `--dry-run` on a real Kubernetes. Needs root and a build."""

import json
import unittest

from linecase import NAMESPACE, LineTest

REGISTRIES = ("10.16.10.111", "10.16.10.112")


class Purge(LineTest):
    """Two nodes with agents, and what was on the nodes before."""

    options = ["--nodes", "2"]

    def images(self) -> dict[str, dict[str, list[str]]]:
        """Names and blobs of each node."""
        return {node.name: {what: self.content_of(node.name)[what] for what in ("images", "blobs")} for node in self.line.nodes}

    def objects(self) -> str:
        return self.shell("kubectl", "get", "daemonsets,configmaps,secrets", "-n", "lighter-system", "-l", "app.kubernetes.io/managed-by=lighter", "-o", "name")

    def test_agents_start_from_nothing_that_lighter_brought(self):
        """A DaemonSet of the release runs on every node: a node that joins later has its image from its agent alone."""
        self.addCleanup(self.lighter, "agent", "install")
        self.addCleanup(self.lighter, "agent", "uninstall", "--purge")
        self.install_version_1("quayside", REGISTRIES[0])
        self.addCleanup(self.shell, "kubectl", "wait", "--for=delete", "pods", "--all", "-n", NAMESPACE, "--timeout=60s")
        self.addCleanup(self.shell, "helm", "uninstall", "quayside", "-n", NAMESPACE, "--wait")
        refused = self.lighter("prune", "quayside", "--yes", code=1)
        self.assertIn(f"release {NAMESPACE}/quayside may have been installed from what is held for chart quayside", refused.err)
        self.lighter("agent", "uninstall")
        report = self.lighter("agent", "install").json
        self.assertEqual([node["image"] for node in report["nodes"] if node["image"].startswith(REGISTRIES)], [])

    def test_what_lighter_loaded_goes_but_for_what_pods_use(self):
        self.addCleanup(self.lighter, "agent", "install")
        before = self.images()
        # Two runs, of which the second's names alone are in use later.
        self.lighter("load", self.packages[1], "--set", f"global.imageRegistry={REGISTRIES[0]}")
        run = self.lighter("load", self.packages[2], "--set", f"global.imageRegistry={REGISTRIES[1]}")
        web = next(name["name"] for name in run.json["names"] if "/web:" in name["name"])
        loaded = self.images()
        objects = self.objects()

        dry = self.lighter("agent", "uninstall", "--purge", "--dry-run").json
        self.assertEqual([(self.images(), self.objects())], [(loaded, objects)])
        self.assertEqual(sorted(dry["objects"]), sorted(objects.split()))
        for node in dry["images"]["nodes"]:
            gone = {name for name in loaded[node["name"]]["images"] if name.startswith(REGISTRIES) and "@" not in name}
            self.assertEqual((set(node["removed"]), node["stays"]), (gone, []))

        container = {"name": "it", "image": web, "imagePullPolicy": "Never"}
        spec = {"nodeName": "node1", "terminationGracePeriodSeconds": 0, "containers": [container]}
        self.kubectl(self.line, "create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "uses-web"}, "spec": spec}))
        self.shell("kubectl", "wait", "--for=condition=Ready", "pod/uses-web", "--timeout=60s")
        purged = self.lighter("agent", "uninstall", "--purge", code=4).json
        for node in purged["images"]["nodes"]:
            self.assertEqual(node["stays"], [{"name": web, "cause": "a pod uses it"}])
        for node in self.line.nodes:
            left = {name for name in self.images()[node.name]["images"] if name.startswith(REGISTRIES)}
            self.assertEqual({name for name in left if "@" not in name}, {web})

        self.shell("kubectl", "delete", "pod", "uses-web", "--wait")
        self.lighter("agent", "install")
        self.lighter("agent", "uninstall", "--purge")
        self.assertEqual(self.images(), before)


class PurgeOnContainerd2(Purge):
    """The same on containerd 2."""

    containerd = "2"


if __name__ == "__main__":
    unittest.main(verbosity=2)
