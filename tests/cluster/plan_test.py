#!/usr/bin/env python3
"""A package of three bundles, two of them with a release; plans that are approved and carried out later. Needs root and a build."""

import itertools
import json
import unittest
from pathlib import Path

from linecase import NAMESPACE, REGISTRY, Lighter, LineTest

SETTING = f"global.imageRegistry={REGISTRY}"
ADDONS = ["--addon", "beacon", "--addon", "ferry"]
CHARTS = {"quayside": "quayside", "beacon": "quayside-beacon"}  # by release; quayside-ferry has none


class Plans(LineTest):
    """Every upgrade of this class brings the releases to the next version."""

    versions = itertools.count(2)
    newest: Path

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls(methodName="test_approved_one_day_carried_out_another")._install()

    def _install(self) -> None:
        package = self.make_package(1, *ADDONS)
        self.lighter("load", package, "--set", SETTING)
        bundles = self.folder / "bundles"
        bundles.mkdir()
        self.shell("tar", "-xf", package, "-C", bundles, "--strip-components=1")
        for release, chart in CHARTS.items():
            folder = self.folder / chart
            folder.mkdir()
            self.shell("tar", "-xf", bundles / f"{chart}_v0.1.0.bundle.tar", "-C", folder)
            self.shell("helm", "install", release, folder / "original-chart", "-n", NAMESPACE, "--create-namespace", "--set", SETTING, "--wait")

    def next_package(self) -> Path:
        """The package of the next version."""
        return self.make_package(next(self.versions), *ADDONS)

    def assert_two_upgraded_one_skipped(self, run: Lighter) -> None:
        self.assertEqual({(r["release"], r["state"]) for r in run.json["releases"]}, {(name, "upgraded") for name in CHARTS})
        self.assertEqual(len(run.json["skipped"]), 1, run)
        self.assertIn("no release of chart quayside-ferry in this cluster", run.json["skipped"][0]["cause"])

    def refused(self, *words) -> str:
        """What `lighter WORDS` says, which must refuse and leave the releases alone."""
        before = {release: self.revision(release) for release in CHARTS}
        run = self.lighter(*words, code=1)
        self.assertIn("Nothing was changed", run.err)
        self.assertIn("does not hold any more", run.err)
        self.assertEqual({release: self.revision(release) for release in CHARTS}, before)
        return run.err

    def approve(self, package: Path, *words, helm: str = "4") -> Path:
        """Writes a plan file."""
        file = self.folder / f"{package.name}.plan.json"
        self.lighter("plan", package, *words, "--out", file, helm=helm)
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        return file

    def test_one_command_with_helm_3_then_4(self):
        for helm in ("3", "4"):
            self.assert_two_upgraded_one_skipped(self.lighter("upgrade", self.next_package(), helm=helm))

    def test_approved_one_day_carried_out_another(self):
        for helm in ("3", "4"):
            plan = self.approve(self.next_package(), helm=helm)
            load = self.lighter("load", "--plan", plan, helm=helm).json
            self.assertGreater(load["movedBytes"], 0)
            self.assertTrue(all(node["proven"] for node in load["nodes"]))
            run = self.lighter("upgrade", "--plan", plan, helm=helm)
            self.assertEqual(run.json["movedBytes"], 0)
            self.assert_two_upgraded_one_skipped(run)
            # It has been carried out: the releases are others now.
            self.assertIn("release quayside (namespace harbor): was revision", self.refused("upgrade", "--plan", plan))

    def test_what_moved_in_between_is_told_and_refused(self):
        package = self.next_package()
        values = self.folder / "values.yaml"
        values.write_text("web: {replicas: 1}\n")
        plan = self.approve(package, "-f", values)

        values.write_text("web: {replicas: 3}\n")
        words = self.refused("upgrade", "--plan", plan)
        self.assertIn("all values for release quayside (namespace harbor): changed", words)
        values.write_text("web: {replicas: 1}\n")

        other = self.next_package()
        words = self.refused("load", "--plan", plan, other)
        self.assertIn("image ", words)
        self.assertIn("no longer there", words)
        # The same bytes in another place are the same package.
        moved = package.rename(self.folder / "moved.tar")
        self.assertEqual(self.lighter("load", "--plan", plan, code=1).json, None)
        self.lighter("load", "--plan", plan, moved)

        file = json.loads(plan.read_text())
        before = self.revision("beacon")
        self.shell("helm", "upgrade", "beacon", self.folder / "quayside-beacon/original-chart", "-n", NAMESPACE, "--reuse-values", "--set", "note=mine")
        words = self.refused("upgrade", "--plan", plan, moved)
        self.assertIn(f"release beacon (namespace harbor): was revision {before}, deployed, is revision {before + 1}, deployed", words)
        self.assertIn("values of release beacon (namespace harbor): changed", words)

        file["facts"]["cluster"] = "another"
        plan.write_text(json.dumps(file))
        self.assertIn("cluster: was another, is ", self.refused("load", "--plan", plan, moved))

        run = self.lighter("upgrade", "--plan", plan, "--set", "web.replicas=2", code=2)
        self.assertIn("--plan", run.err)

        # Last, as the node's pods stay a while: a node that joined.
        plan = self.approve(moved)
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node9", "labels": {"kubernetes.io/os": "linux"}}}
        self.kubectl(self.line, "create", "-f", "-", stdin=json.dumps(node))
        try:
            self.assertIn("node node9: new", self.refused("load", "--plan", plan))
        finally:
            self.kubectl(self.line, "delete", "node", "node9")


class SmallDisks(LineTest):
    """Nodes whose disks have room for the images as they are stored, and not for their layers unpacked."""

    options = ["--disk", "384M"]
    size_mib = 160

    def test_a_load_that_does_not_fit_is_refused_beforehand(self):
        before = {node.name: self.content_of(node.name) for node in self.line.nodes}
        words = [self.packages[1], "--set", SETTING]
        for node in self.lighter("load", *words, code=1).json["nodes"]:
            self.assertEqual(node["movedBytes"], 0)
            self.assertIn("E-DISK-FULL: the images do not fit: ", node["error"])
        text = self.lighter_text("upgrade", *words, "--install", "-n", NAMESPACE)
        self.assertEqual(text.code, 1, text)
        self.assertIn("no release was changed", text.out)
        self.assertIn("node1: E-DISK-FULL", text.out)
        self.assertIn("lighter prune", text.out)
        self.assertEqual({node.name: self.content_of(node.name) for node in self.line.nodes}, before)
        self.assertEqual(json.loads(self.shell("helm", "list", "-A", "-o", "json")), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
