#!/usr/bin/env python3
"""A package of three bundles, two of them with a release; plans that are approved and carried out later. Needs root and a build."""

import itertools
import json
import signal
import subprocess
import time
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

    def chart_of(self, package: Path, chart: str) -> Path:
        """Unpacks the chart of one bundle of a package."""
        folder = self.folder / f"{package.stem}-{chart}"
        folder.mkdir()
        bundle = f"*/{chart}_v*.bundle.tar"
        self.shell("bash", "-c", "tar -xOf $0 --wildcards $1 | tar -xC $2", package, bundle, folder)
        return folder / "original-chart"

    def leases(self) -> list[dict]:
        return self.get(self.line, "leases", "-n", "lighter-system")["items"]

    def start_and_wait_for_helm(self, package: Path) -> subprocess.Popen:
        """An upgrade whose Helm does nothing and does not end."""
        mark = self.folder / "helm-runs"
        mark.unlink(missing_ok=True)
        helm = self.make_helm("idle-helm", f'case "$*" in *--dry-run*) ;; "upgrade "*) touch {mark}; exec sleep 600 ;; esac')
        process = self.start_lighter("upgrade", package, "--helm", helm)
        deadline = time.monotonic() + 60
        while not mark.exists():
            self.assertLess(time.monotonic(), deadline, "Helm was not run")
            time.sleep(0.1)
        return process

    def test_one_run_at_a_time(self):
        package = self.next_package()
        first = self.start_and_wait_for_helm(package)
        self.assertEqual({lease["metadata"]["name"] for lease in self.leases()}, {f"lighter-run.{NAMESPACE}.{release}" for release in CHARTS})
        for words in (["load", package, "beacon"], ["upgrade", package], ["prune", "--yes"], ["rollback", "beacon", "1", "-n", NAMESPACE]):
            run = self.lighter(*words, code=1)
            self.assertIn("E-LOCK-HELD: another run is at work on ", run.err)
            self.assertIn("`lighter upgrade`, since 2", run.err)
            self.assertIn("Nothing was changed", run.err)
        self.lighter("plan", package)  # takes none
        first.kill()
        first.communicate()
        run = self.lighter("load", package)
        self.assertIn("the run that had the lock is dead, and this one goes on", run.err)
        self.assertEqual(self.leases(), [], "it was given back")

        # One of another machine: only watching it tells.
        self.lease("beacon", "bob@host2, run 7", 2)
        run = self.lighter("load", package, "beacon")
        self.assertIn("another run has the lock: bob@host2, run 7", run.err)
        self.assertIn("is dead, and this one goes on", run.err)
        self.assertEqual(self.leases(), [])

        # A run that is stopped gives it back, too.
        stopped = self.start_and_wait_for_helm(package)
        stopped.send_signal(signal.SIGINT)
        time.sleep(0.5)
        stopped.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(stopped).code, 130)
        self.assertEqual(self.leases(), [])

    def test_who_may_not_write_leases_is_told_and_goes_on(self):
        package = self.next_package()
        groups = [group.split("/")[0] if "/" in group else "" for group in self.shell("kubectl", "api-versions").split()]
        rules = [{"apiGroups": sorted(set(groups) - {"coordination.k8s.io"}), "resources": ["*"], "verbs": ["*"]}]
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "all-but-leases"}, "rules": rules}
        self.kubectl(self.line, "create", "-f", "-", stdin=json.dumps(role))
        self.addCleanup(self.shell, "kubectl", "delete", "clusterrole,clusterrolebinding", "all-but-leases")
        self.shell("kubectl", "create", "clusterrolebinding", "all-but-leases", "--clusterrole=all-but-leases", "--serviceaccount=default:default")
        config = self.folder / "all-but-leases.kubeconfig"
        config.write_text(self.line.control.kubeconfig.read_text())
        token = self.shell("kubectl", "create", "token", "default", "-n", "default").strip()
        self.shell("kubectl", "config", "--kubeconfig", config, "set-credentials", "poor", f"--token={token}")
        self.shell("kubectl", "config", "--kubeconfig", config, "set-context", "--current", "--user=poor")
        run = self.lighter("load", package, "beacon", "--kubeconfig", config)
        self.assertIn("N-LOCK-NONE: this run has no lock against another on release beacon (namespace harbor): ", run.err)
        self.assertIn("is forbidden", run.err)

    def lease(self, release: str, holder: str, seconds: int) -> None:
        """A Lease as a run on another machine leaves it when it dies."""
        labels = {"app.kubernetes.io/managed-by": "lighter", "app.kubernetes.io/component": "run-lock"}
        metadata = {"name": f"lighter-run.{NAMESPACE}.{release}", "namespace": "lighter-system", "labels": labels}
        then = "2026-01-01T00:00:00.000000Z"
        spec = {"holderIdentity": holder, "leaseDurationSeconds": seconds, "acquireTime": then, "renewTime": then}
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
        self.kubectl(self.line, "create", "-f", "-", stdin=json.dumps(lease))

    def test_a_release_of_anothers_is_loaded_and_not_upgraded(self):
        package = self.next_package()
        before = self.revision("beacon")
        workload = self.shell("kubectl", "get", "deployments", "-n", NAMESPACE, "-l", "release=beacon", "-o", "name").strip()
        name = workload.split("/")[1]
        mark = "argocd.argoproj.io/tracking-id"
        self.shell("kubectl", "annotate", workload, "-n", NAMESPACE, f"{mark}=shop:apps/Deployment:{NAMESPACE}/{name}")
        self.addCleanup(self.shell_status, "kubectl", "annotate", workload, "-n", NAMESPACE, f"{mark}-")
        run = self.lighter("upgrade", package, code=4)
        states = {release["release"]: release["state"] for release in run.json["releases"]}
        self.assertEqual(states, {"quayside": "upgraded", "beacon": "left to its owner"})
        self.assertEqual(self.revision("beacon"), before)
        self.assertTrue(all(node["proven"] for node in run.json["nodes"]))
        text = self.lighter_text("plan", package).out
        self.assertIn("N-OWNER-ARGOCD: Argo CD (Application shop) upgrades it, so Helm is not run for it", text)

        self.shell("kubectl", "annotate", workload, "-n", NAMESPACE, f"{mark}-")
        self.shell("kubectl", "label", workload, "-n", NAMESPACE, "helm.toolkit.fluxcd.io/name=lights", "helm.toolkit.fluxcd.io/namespace=flux-system")
        self.addCleanup(self.shell_status, "kubectl", "label", workload, "-n", NAMESPACE, "helm.toolkit.fluxcd.io/name-", "helm.toolkit.fluxcd.io/namespace-")
        text = self.lighter_text("upgrade", package, "beacon")
        self.assertEqual(text.code, 4, text)
        self.assertIn("N-OWNER-FLUX: Flux (HelmRelease lights in namespace flux-system)", text.out)
        self.assertEqual(self.revision("beacon"), before)

        self.shell("kubectl", "label", workload, "-n", NAMESPACE, "helm.toolkit.fluxcd.io/name-", "helm.toolkit.fluxcd.io/namespace-")
        self.make_helm_chart("beacon")
        text = self.lighter_text("upgrade", package, "beacon")
        self.assertEqual(text.code, 4, text)
        self.assertIn("N-OWNER-HELMCHART: the Helm controller of k3s or RKE2 (HelmChart beacon in namespace kube-system)", text.out)
        self.assertEqual(self.revision("beacon"), before)

    def make_helm_chart(self, release: str) -> None:
        """What k3s has for a release: the kind, and an object of it. Both go with the test."""
        group, names = "helm.cattle.io", {"plural": "helmcharts", "singular": "helmchart", "kind": "HelmChart"}
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}]}
        crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"helmcharts.{group}"}, "spec": spec}
        self.kubectl(self.line, "create", "-f", "-", stdin=json.dumps(crd))
        self.addCleanup(self.shell, "kubectl", "delete", "crd", f"helmcharts.{group}", "--wait")
        self.kubectl(self.line, "wait", "--for=condition=Established", f"crd/helmcharts.{group}", "--timeout=30s")
        chart = {"apiVersion": f"{group}/v1", "kind": "HelmChart", "metadata": {"name": release, "namespace": "kube-system"}, "spec": {"targetNamespace": NAMESPACE}}
        self.kubectl(self.line, "create", "-f", "-", stdin=json.dumps(chart))

    def test_version_order_and_a_chart_from_elsewhere(self):
        package = self.next_package()
        version = package.name.split("_v")[1].split("--")[0].removesuffix(".tar")
        self.assertIn("name the RELEASE", self.lighter("plan", package, "--version", version, code=2).err)
        self.assertIn(f"E-VERSION: --version 7.7.7 is wanted, and there is quayside-beacon {version}",
                      self.lighter("plan", package, "beacon", "--version", "7.7.7", code=1).err)
        text = self.lighter_text("plan", package, "--order", "quayside-beacon")
        self.assertIn("Order of an upgrade: beacon, then quayside", text.out)
        self.assertIn("is not in this package", self.lighter("plan", package, "--order", "beacon", code=2).err)

        # The same chart, repaired by its vendor, with a CRD.
        chart = self.chart_of(package, "quayside-beacon")
        meta = chart / "Chart.yaml"
        meta.write_text(meta.read_text().replace(f"version: {version}", f"version: {version[:-1]}7", 1))
        (chart / "crds").mkdir()
        names = {"plural": "lamps", "singular": "lamp", "kind": "Lamp"}
        schema = {"openAPIV3Schema": {"type": "object"}}
        spec = {"group": "quayside.example.io", "scope": "Namespaced", "names": names,
                "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}]}
        crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "lamps.quayside.example.io"}, "spec": spec}
        (chart / "crds/lamps.yaml").write_text(json.dumps(crd))
        # It has one of that kind: without the CRD nothing of it can be applied.
        (chart / "templates/lamp.yaml").write_text('apiVersion: quayside.example.io/v1\nkind: Lamp\nmetadata: {name: "{{ .Release.Name }}"}\n')
        refused = self.lighter("upgrade", package, "beacon", "--chart", chart, code=1)
        self.assertIn("--crds=apply applies them before Helm runs", refused.err)
        run = self.lighter("upgrade", package, "beacon", "--chart", chart, "--crds", "apply")
        release = run.json["releases"][0]
        self.assertEqual([release[key] for key in ("state", "toVersion", "crds", "crdsBackup")], ["upgraded", f"{version[:-1]}7", ["lamps.quayside.example.io"], ""])

        # Another schema of it, by a repository on loopback.
        spec["versions"][0]["schema"]["openAPIV3Schema"]["description"] = "brighter"
        (chart / "crds/lamps.yaml").write_text(json.dumps(crd))
        site = self.folder / "charts"
        site.mkdir()
        self.shell("helm", "package", chart, "-d", site)
        self.shell("helm", "repo", "index", site)
        server = subprocess.Popen(["python3", "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", site], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.addCleanup(server.stdout.close)
        port = server.stdout.readline().split(" port ")[1].split()[0]
        words = [package, "beacon", "--chart", "quayside-beacon", "--repo", f"http://127.0.0.1:{port}", "--version", f"{version[:-1]}7"]
        text = self.lighter_text("plan", *words).out
        self.assertIn("N-CRD-DIFF: CRD lamps.quayside.example.io: it is another in this cluster (v1)", text)
        release = self.lighter("upgrade", *words, "--crds", "apply").json["releases"][0]
        self.assertNotIn("brighter", Path(release["crdsBackup"]).read_text())
        self.assertNotIn("N-CRD-DIFF", self.lighter_text("plan", *words).out)

        # What is approved is bound to the chart's bytes.
        plan = self.approve(package, "beacon", "--chart", site / f"quayside-beacon-{version[:-1]}7.tgz")
        (chart / "templates/more.yaml").write_text("# one more\n")
        self.shell("helm", "package", chart, "-d", site)
        self.assertIn("changed", self.refused("load", "--plan", plan))
        # Back to the package's own is a step back.
        self.assertIn(f"N-DOWNGRADE: release beacon (namespace {NAMESPACE}) goes back from {version[:-1]}7", self.lighter_text("plan", package).out)


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

    def test_a_disk_is_not_too_small_for_images_that_go_elsewhere(self):
        run = self.lighter("load", self.packages[1], "--set", SETTING, "--place", "*=node:node1", code=4)
        errors = {node["name"]: node["error"] for node in run.json["nodes"]}
        self.assertIn("E-DISK-FULL: the images do not fit: ", errors.pop("node1"))
        self.assertEqual(errors, {"node2": "", "node3": ""})


if __name__ == "__main__":
    unittest.main(verbosity=2)
