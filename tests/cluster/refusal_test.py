#!/usr/bin/env python3
"""What lighter must refuse, each with a clear error and no node changed. Needs root and a build."""

import re
import unittest
from pathlib import Path

from bundles import bundle, chart
from linecase import REGISTRY, LineTest
from testbed.process import wait_for

BLOCK = 512
SETTING = f"global.imageRegistry={REGISTRY}"


def damaged(package: Path, into: Path, change) -> Path:
    """A copy of a package, its bytes given to `change` as a bytearray."""
    data = bytearray(package.read_bytes())
    change(data)
    into.write_bytes(data)
    return into


def header_of(data: bytearray, name: str) -> int:
    """Where the tar header of the entry with that name begins (the innermost, last one)."""
    found = data.rfind(name.encode() + b"\0")
    if found < 0:
        raise AssertionError(f"no entry {name}")
    return found


def rewrite_header(data: bytearray, at: int, *, name: str | None = None, size: str | None = None) -> None:
    """Changes fields of a tar header and puts its checksum right again, as an attacker would."""
    if name is not None:
        data[at : at + 100] = name.encode().ljust(100, b"\0")
    if size is not None:
        data[at + 124 : at + 136] = size.encode().ljust(12, b"\0")
    data[at + 148 : at + 156] = b" " * 8
    data[at + 148 : at + 156] = b"%06o\0 " % sum(data[at : at + BLOCK])


class Refusals(LineTest):
    """Version 1 runs; version 2 comes damaged in every way, or what is needed is not there."""

    options = ["--nodes", "2"]
    own_pki = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls().install_version_1("quayside", REGISTRY)

    def setUp(self):
        self.before = {node.name: self.content_of(node.name) for node in self.line.nodes}
        old = {layer["digest"] for layer in self.layers(1)}
        # One that the nodes lack: what they have is not read, so it cannot be found damaged either.
        self.layer = next(layer for layer in self.layers(2) if layer["digest"] not in old)

    def layers(self, version: int) -> list[dict]:
        bundles = self.lighter("inspect", self.packages[version]).json["bundles"]
        return [layer for bundle in bundles for image in bundle["images"] for layer in image["layers"]]

    def refuse(self, *words, texts: list[str], code: int = 1) -> None:
        """Runs lighter, which must fail with these texts, and must have changed no node and no release."""
        self.refuse_as_it_is(*words, texts=texts, code=code)
        for node in self.line.nodes:
            self.assert_nothing_leaked(node.name)
            self.assertEqual(self.content_of(node.name), self.before[node.name], node.name)

    def refuse_as_it_is(self, *words, texts: list[str], code: int = 1) -> None:
        """The same of the release alone."""
        revision = self.revision("quayside")
        run = self.lighter(*words, code=code)
        for text in texts:
            self.assertIn(text, run.err + run.out)
        self.assertEqual(self.revision("quayside"), revision)

    def refuse_package(self, change, *texts: str) -> None:
        bad = damaged(self.packages[2], self.folder / "bad.tar", change)
        self.refuse("upgrade", bad, texts=["bad.tar", *texts])

    def test_truncated(self):
        def cut(data: bytearray) -> None:
            del data[len(data) * 2 // 3 :]

        self.refuse_package(cut, "quayside_v0.2.0.bundle.tar", "truncated")

    def test_layer_with_a_wrong_digest(self):
        def flip(data: bytearray) -> None:
            data[self.layer["offset"] + self.layer["sizeBytes"] // 2] ^= 1

        hex_digest = self.layer["digest"].removeprefix("sha256:")
        self.refuse_package(flip, hex_digest, f"at byte {self.layer['offset']}", "the package is damaged")

    def test_missing_layer(self):
        hex_digest = self.layer["digest"].removeprefix("sha256:")
        other = "0" * 64

        def rename(data: bytearray) -> None:
            rewrite_header(data, header_of(data, f"{hex_digest}.tar.gz"), name=f"{other}.tar.gz")

        self.refuse_package(rename, hex_digest)

    def test_name_that_climbs_out(self):
        def climb(data: bytearray) -> None:
            rewrite_header(data, header_of(data, "original-chart/values.yaml"), name="original-chart/../../etc/passwd")

        self.refuse_package(climb, "original-chart/../../etc/passwd")

    def test_absolute_name(self):
        def absolute(data: bytearray) -> None:
            rewrite_header(data, header_of(data, "original-chart/values.yaml"), name="/etc/passwd")

        self.refuse_package(absolute, "/etc/passwd")

    def test_size_of_a_terabyte(self):
        def swell(data: bytearray) -> None:
            rewrite_header(data, header_of(data, "images.tar"), size="17777777777")
            at = header_of(data, "images.tar")
            # Binary (base-256) size, as GNU tar writes what eleven octal digits cannot hold.
            data[at + 124 : at + 136] = b"\x80" + (1 << 40).to_bytes(11, "big")
            rewrite_header(data, at)

        self.refuse_package(swell, "images.tar", str(1 << 40))

    def test_no_helm(self):
        self.refuse("upgrade", self.packages[2], "--helm", "/nowhere/helm", texts=["/nowhere/helm", "--helm"])

    def test_no_kubectl(self):
        self.refuse("upgrade", self.packages[2], "--kubectl", "/nowhere/kubectl", texts=["/nowhere/kubectl", "--kubectl"])

    def test_no_package(self):
        self.refuse("upgrade", "/nowhere/p.tar", texts=["/nowhere/p.tar"])

    def test_api_server_away(self):
        config = self.folder / "away.kubeconfig"
        text, replaced = re.subn(r"https://[^\s\"]+", "https://127.0.0.1:1", self.line.control.kubeconfig.read_text())
        self.assertEqual(replaced, 1)
        config.write_text(text)
        self.refuse("upgrade", self.packages[2], "--kubeconfig", str(config), texts=["API server", "127.0.0.1:1", "--kubeconfig"])

    def test_wrong_certificates(self):
        strangers = self.folder / "strangers"
        self.cluster("certs", str(strangers))
        self.refuse("upgrade", self.packages[2], "--tls-dir", str(strangers / "coordinator"), texts=["node1", "node2"])
        self.refuse("upgrade", self.packages[2], "--tls-dir", str(strangers / "agent"), texts=["lighter-coordinator"])
        self.refuse("upgrade", self.packages[2], "--tls-dir", "/nowhere", texts=["/nowhere", "--tls-dir"])

    def test_tag_that_the_package_does_not_have(self):
        name = f"{REGISTRY}/quayside/web:v9"
        self.refuse("upgrade", self.packages[2], "--set", "web.image.tag=v9", texts=[name, "--allow-missing"])

    def test_a_tag_that_only_the_nodes_have_is_in_nobodys_way(self):
        name = f"{REGISTRY}/quayside/web:v0.1.0"
        text = self.lighter_text("plan", self.packages[2], "--set", "web.image.tag=v0.1.0")
        self.assertEqual(text.code, 0, text)
        self.assertIn(f"note: N-IMAGE-PRESENT: {name}: no image of the package covers it, and Deployment quayside-web starts it; every node has", text.out)
        # One node without it is one too many.
        record = [line.split()[2] for line in self.ctr("node2", "images", "ls").splitlines() if line.startswith(f"{name} ")][0]
        other = next(line.split()[0] for line in self.ctr("node2", "images", "ls").splitlines()[1:] if line.split()[2] == record)
        self.ctr("node2", "images", "tag", "--force", other, "example.com/kept:1")
        self.ctr("node2", "images", "rm", name)
        try:
            self.refuse_as_it_is("upgrade", self.packages[2], "--set", "web.image.tag=v0.1.0", texts=[f"E-IMAGE-MISSING: {name}: ", "--allow-missing"])
        finally:
            self.ctr("node2", "images", "tag", "example.com/kept:1", name)
            self.ctr("node2", "images", "rm", "example.com/kept:1")

    def test_a_registry_that_changes_unasked(self):
        # As charts-syncer leaves a chart: its own values name the site's registry, and the release has none.
        chart = self.folder / "rewritten"
        self.shell("cp", "-r", self.folder / "chart-v1/original-chart", chart)
        values = chart / "values.yaml"
        values.write_text(values.read_text().replace("imageRegistry: release.example.io", f"imageRegistry: {REGISTRY}"))
        # Its pods' own snapshots go a little after the pods.
        self.addCleanup(wait_for, "the nodes to be as they were", lambda before=self.before: all(self.content_of(node) == content for node, content in before.items()), 60)
        self.shell("helm", "install", "mirrored", chart, "-n", "mirrored", "--create-namespace", "--wait")
        self.addCleanup(self.shell, "helm", "uninstall", "mirrored", "-n", "mirrored", "--wait")
        self.before = {node.name: self.content_of(node.name) for node in self.line.nodes}
        words = [self.packages[2], "mirrored", "-n", "mirrored"]
        told = ["E-REGISTRY-CHANGED: release.example.io: 2 images of release mirrored (namespace mirrored) would come from there", f"now come from {REGISTRY}", f"--registry {REGISTRY}", "--allow-registry release.example.io"]
        for command, state in (("upgrade", "no release was changed"), ("load", "Nothing was changed")):
            self.refuse(command, *words, texts=told)
            text = self.lighter_text(command, *words)
            self.assertIn(state, text.out + text.err)
        plan = self.lighter_text("plan", *words)
        self.assertEqual(plan.code, 1, plan)
        self.assertIn("blocks the upgrade: " + told[0], plan.out)

        # The ways out that are told, and charts-syncer's file.
        config = self.folder / "load-image.yaml"
        config.write_text("target:\n  containerPrefixRegistry: 10.16.10.111\n  repo: {kind: LOCAL, path: x}\n")
        for asked in (["--registry", REGISTRY], ["--config", str(config)]):
            plan = self.lighter("plan", *words, *asked).json
            self.assertEqual({name["name"].rsplit("/", 1)[0] for name in plan["releases"][0]["names"]}, {f"{REGISTRY}/quayside"}, asked)
            self.assertEqual(plan["nameProblems"], [])
        for asked in (["--allow-registry", "release.example.io"], ["--set", "global.imageRegistry=release.example.io"]):
            plan = self.lighter("plan", *words, *asked).json
            self.assertIn(f"2 images of the release come from release.example.io from now on, no longer from {REGISTRY}", plan["notes"][0])

    def test_a_name_of_the_archive_that_is_taken(self):
        package, taken, free = self.folder / "spare.bundle.tar", "example.com/spare/taken:1", "example.com/spare/free:1"
        package.write_bytes(bundle(chart("spare", "", {}), [], [taken, free]))
        other = next(line.split()[0] for line in self.ctr("node2", "images", "ls").splitlines()[1:])
        self.ctr("node2", "images", "tag", other, taken)
        self.addCleanup(lambda: [self.shell_status(*self.line.node(node).inside, "ctr", "-n", "k8s.io", "images", "rm", "--sync", name) for node in ("node1", "node2") for name in (taken, free)])
        digest = self.config_digest("node2", taken)
        text = self.lighter_text("load", package)
        self.assertEqual(text.code, 0, text)
        self.assertIn(f"note: N-NAME-TAKEN: {taken}: a node has another image of that name", text.err)
        self.assertEqual(self.config_digest("node2", taken), digest)
        for node in ("node1", "node2"):
            self.assertIn(free, self.ctr(node, "images", "ls", "-q").splitlines())
        self.assertNotIn(taken, self.ctr("node1", "images", "ls", "-q").splitlines())

    def test_load_of_a_tag_that_the_package_does_not_have(self):
        name = f"{REGISTRY}/quayside/web:v9"
        self.refuse("load", self.packages[2], "--set", "web.image.tag=v9", texts=[name, "--allow-missing"])

    def test_load_for_another_namespace_than_the_releases(self):
        self.refuse("load", self.packages[2], "-n", "harbour", texts=["nothing to load", "it has quayside (namespace harbor)"])

    def test_release_that_is_not_there(self):
        self.refuse("upgrade", self.packages[2], "someone-else", texts=["someone-else", "helm list -A"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
