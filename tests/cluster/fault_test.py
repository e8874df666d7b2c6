#!/usr/bin/env python3
"""Agents that are away, kills in mid-load, and the same command again. Needs root and a build."""

import os
import signal
import subprocess
import time
import unittest

from linecase import BUILD, REGISTRY, LineTest

MIB = 1 << 20
SETTING = f"global.imageRegistry={REGISTRY}"


class Faults(LineTest):
    """Slow links, so that there is a middle of a load to strike in."""

    options = ["--link", "200mbit"]
    size_mib = 96

    def load(self) -> subprocess.Popen:
        process = self.start_lighter("load", self.packages[2], "--set", SETTING)
        self.wait_until_sending(process, "node2", 8 * MIB)
        return process

    def setUp(self):
        """Every test starts on nodes without the package: its names, and the records that CRI adds by image ID."""
        # Or the agents would bring it all back. What pods use, even those that are just ending, is not pruned.
        deadline = time.monotonic() + 60
        while True:
            self.lighter("prune", "--yes")
            for chart in ("quayside", "beacon"):
                self.lighter_text("prune", chart, "--yes")  # where nothing is held for it, it says so
            held = [node["desired"]["releases"] for node in self.agent_status()]
            if not any(held) or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        self.assertFalse(any(held), held)
        for node in self.line.nodes:
            rows = [line.split() for line in self.ctr(node.name, "images", "ls").splitlines()[1:]]
            targets = {digest for name, _, digest, *_ in rows if "quayside" in name}
            names = [name for name, _, digest, *_ in rows if digest in targets]
            if names:
                self.ctr(node.name, "images", "rm", "--sync", *names)

    def assert_loaded_everywhere(self) -> None:
        plan = self.lighter("load", self.packages[2], "--set", SETTING).json
        self.assertEqual(plan["movedBytes"], 0)
        self.assertTrue(all(node["proven"] for node in plan["nodes"]))
        for node in self.line.nodes:
            for name in plan["names"]:
                self.assertEqual(self.config_digest(node.name, name["name"]), name["configDigest"])
            self.assert_nothing_leaked(node.name)

    def test_coordinator_killed(self):
        process = self.load()
        process.kill()
        process.communicate()
        again = self.lighter("load", self.packages[2], "--set", SETTING).json
        size = self.packages[2].stat().st_size
        # What had arrived did not move again: 8 MiB at least on node2, and what the others had.
        self.assertLess(again["movedBytes"], 3 * size - 8 * MIB)
        self.assert_loaded_everywhere()

    def test_agent_killed(self):
        process = self.load()
        killed = subprocess.run(["pkill", "-9", "-f", f"lighter-agent --listen={self.line.node('node2').address}"])
        self.assertEqual(killed.returncode, 0, "no agent process of node2 was found")
        run = self.finish(process)
        self.assertEqual(run.code, 0, str(run))  # the kubelet restarts it, the load goes on
        self.assert_loaded_everywhere()

    def test_containerd_killed(self):
        process = self.load()
        node = self.line.node("node2")
        node.containerd.stop(signal.SIGKILL)
        time.sleep(2)
        node.start_containerd()
        run = self.finish(process)
        self.assertEqual(run.code, 0, str(run))
        self.assert_loaded_everywhere()

    def test_ctrl_c_says_the_state_and_the_same_command_continues(self):
        process = self.load()
        process.send_signal(signal.SIGINT)
        run = self.finish(process)
        self.assertEqual(run.code, 130, str(run))
        self.assertFalse(any(node["proven"] for node in run.json["nodes"]))
        self.assertEqual(self.lighter("load", self.packages[2], "--set", SETTING).code, 0)
        self.assert_loaded_everywhere()

    def test_helm_fails(self):
        self.install_version_1("quayside", REGISTRY)
        self.addCleanup(self.shell, "helm", "uninstall", "quayside", "-n", "harbor", "--wait")
        before = self.revision("quayside")
        run = self.lighter("upgrade", self.packages[2], "--timeout", "1s", code=1)
        release = run.json["releases"][0]
        self.assertEqual([release["state"], release["wayBack"]], ["failed", f"lighter rollback quayside {before} -n harbor"])
        self.assertIn("deadline", release["error"])
        self.assertTrue(any(not pod["ready"] for pod in release["pods"]))
        again = self.lighter("upgrade", self.packages[2])
        self.assertEqual([again.json["movedBytes"], again.json["releases"][0]["state"]], [0, "upgraded"])

    def test_somebody_else_upgrades_meanwhile(self):
        self.install_version_1("quayside", REGISTRY)
        self.addCleanup(self.shell, "helm", "uninstall", "quayside", "-n", "harbor", "--wait")
        before = self.revision("quayside")
        # A helm that, when lighter lists releases for the second time, is used by a colleague first.
        chart = self.folder / "chart-v1/original-chart"
        helm = self.make_helm(
            "shared-helm",
            f'if [ "$1" = list ] && ! mkdir {self.folder}/listed 2>/dev/null; then\n'
            f"  helm upgrade quayside {chart} -n harbor --reuse-values --set web.replicas=1 >/dev/null\n"
            "fi",
        )
        run = self.lighter("upgrade", self.packages[2], "--helm", helm, code=1)
        self.assertIn(f"is at revision {before + 1} (deployed) now", run.json["blocked"])
        self.assertEqual(self.revision("quayside"), before + 1)
        # The next run goes on from the colleague's values.
        self.assertEqual(self.lighter("upgrade", self.packages[2]).json["releases"][0]["state"], "upgraded")
        self.assertIn("replicas: 1", self.shell("helm", "get", "values", "quayside", "-n", "harbor"))

    def test_somebody_else_upgrades_a_later_release_meanwhile(self):
        self.install_version_1("quayside", REGISTRY)
        self.addCleanup(self.shell, "helm", "uninstall", "quayside", "-n", "harbor", "--wait")
        packages = {version: self.make_package(version, "--addon", "beacon") for version in (1, 2)}
        self.lighter("load", packages[1], "--set", SETTING)
        folder = self.folder / "beacon-v1"
        folder.mkdir()
        self.shell("bash", "-c", "tar -xOf $0 --wildcards '*beacon*.bundle.tar' | tar -xC $1", packages[1], folder)
        chart = folder / "original-chart"
        self.shell("helm", "install", "beacon", chart, "-n", "harbor", "--set", SETTING, "--wait")
        self.addCleanup(self.shell, "helm", "uninstall", "beacon", "-n", "harbor", "--wait")
        before = self.revision("beacon")
        # A colleague upgrades the second release while lighter upgrades the first.
        helm = self.make_helm(
            "busy-helm",
            'case "$*" in *--dry-run*) ;; "upgrade quayside "*)\n'
            f"  helm upgrade beacon {chart} -n harbor --reuse-values >/dev/null ;;\n"
            "esac",
        )
        run = self.lighter("upgrade", packages[2], "--helm", helm, code=1)
        first, second = run.json["releases"]
        self.assertEqual([first["state"], second["state"], second["wayBack"]], ["upgraded", "untouched", ""])
        self.assertIn(f"is at revision {before + 1} (deployed) now", second["error"])
        self.assertEqual(self.revision("beacon"), before + 1)

        # One release is loaded and upgraded alone.
        plan = self.lighter("load", packages[2], "beacon").json
        self.assertEqual([name["name"] for name in plan["names"]], [f"{REGISTRY}/quayside/beacon:v0.2.0"])
        self.assertEqual([bundle["bundle"] for bundle in plan["skipped"]], ["quayside_v0.2.0.bundle.tar"])

    def test_helm_fails_before_it_changes_anything(self):
        self.install_version_1("quayside", REGISTRY)
        self.addCleanup(self.shell, "helm", "uninstall", "quayside", "-n", "harbor", "--wait")
        before = self.revision("quayside")
        for name, after, changed, way_back in (
            ("failing-helm", "", False, ""),
            # Nor can it be asked what it left.
            ("broken-helm", f"touch {self.folder}/broken;", None, f"lighter rollback quayside {before} -n harbor"),
        ):
            helm = self.make_helm(
                name,
                f'if [ -e {self.folder}/broken ]; then echo broken >&2; exit 1; fi\n'
                f'case "$*" in *--dry-run*) ;; "upgrade quayside "*) {after} echo failing >&2; exit 1 ;; esac',
            )
            run = self.lighter("upgrade", self.packages[2], "--helm", helm, code=1)
            release = run.json["releases"][0]
            self.assertEqual([release["state"], release["changed"], release["wayBack"]], ["failed", changed, way_back])
            self.assertIn("failing", release["error"])
            self.assertEqual("helm list failed: broken" in release["error"], changed is None)
            self.assertEqual(self.revision("quayside"), before)

    def test_a_name_that_is_another_image_is_shown_and_moved(self):
        self.install_version_1("quayside", REGISTRY)
        self.addCleanup(self.shell, "helm", "uninstall", "quayside", "-n", "harbor", "--wait")
        name = f"{REGISTRY}/quayside/web:v0.2.0"
        rows = [line.split() for line in self.ctr("node2", "images", "ls").splitlines()[1:]]
        other, digest = next((row[0], row[2]) for row in rows if row[0].endswith("quayside/helper:v0.1.0"))
        self.ctr("node2", "images", "tag", other, name)
        self.run_on("node2", "holder", name, "Never")
        plan = self.lighter_text("plan", self.packages[2]).out
        self.assertIn(f"moved name: {name} is {digest} on node2; these pods keep what they run until they start anew: default/holder\n", plan)
        nodes = {node["name"]: node for node in self.lighter("plan", self.packages[2]).json["nodes"]}
        moves = nodes["node2"]["namesToMove"]
        self.assertEqual([(move["name"], move["fromManifestDigest"]) for move in moves], [(name, digest)])
        self.assertEqual([nodes[node]["namesToCreate"] for node in ("node1", "node2")], [3, 2])
        self.assertEqual(nodes["node1"]["namesToMove"], [])
        self.lighter("upgrade", self.packages[2])
        self.assert_loaded_everywhere()

    def test_a_version_that_was_built_anew_takes_over_its_names(self):
        self.install_version_1("quayside", REGISTRY)
        self.addCleanup(self.shell, "helm", "uninstall", "quayside", "-n", "harbor", "--wait")
        name = f"{REGISTRY}/quayside/web:v0.1.0"
        before = self.config_digest("node2", name)
        rebuilt = self.folder / "rebuilt.tar"
        self.shell(BUILD / "lighter-sample", "package", "--version", "1", "--size-mib", "8", "--app", BUILD / "lighter-sample-app", "--out", rebuilt)
        # Helm fails and the release is put back, and yet its pods are others: that is told.
        words = [rebuilt, "--set-string", "web.readiness=--fail", "--rollback-on-failure", "--timeout", "5s"]
        text = self.lighter_text("upgrade", *words)
        self.assertEqual(text.code, 1, text)
        self.assertRegex(text.out, f"not as before: the package's images took over these names, .*{name}")
        self.assertIn("`lighter load` with the package of chart version 0.1.0 puts the names back", text.out)
        self.assertNotEqual(self.config_digest("node2", name), before)
        self.lighter("load", self.packages[1])
        self.assertEqual(self.config_digest("node2", name), before)

    def test_one_agent_away(self):
        self.install_version_1("quayside", REGISTRY)
        self.addCleanup(self.shell, "helm", "uninstall", "quayside", "-n", "harbor", "--wait")
        before = self.revision("quayside")
        self.shell("kubectl", "label", "nodes", "--all", "--overwrite", "agent=wanted")
        selector = '{"spec":{"template":{"spec":{"nodeSelector":{"agent":"wanted"}}}}}'
        agents = self.shell("kubectl", "get", "daemonsets", "-n", "lighter-system", "-o", "name").strip()
        self.shell("kubectl", "patch", agents, "-n", "lighter-system", "-p", selector)
        self.shell("kubectl", "rollout", "status", agents, "-n", "lighter-system", "--timeout=60s")
        self.shell("kubectl", "label", "node", "node2", "agent-")
        self.shell("kubectl", "wait", "--for=delete", "pod", "-n", "lighter-system", "--field-selector=spec.nodeName=node2", "--timeout=60s")

        run = self.lighter("upgrade", self.packages[2], code=4)
        proven = {node["name"]: node["proven"] for node in run.json["nodes"]}
        self.assertEqual(proven, {"node1": True, "node2": False, "node3": True})
        error = next(node["error"] for node in run.json["nodes"] if node["name"] == "node2")
        self.assertIn("no agent runs on this node", error)
        self.assertIn("run the same command again", error)
        self.assertIn("node2", run.json["blocked"])
        self.assertEqual(self.revision("quayside"), before)

        # The only way past: said before Helm runs, and in the report.
        self.assertIn("node9 is no node of this cluster", self.lighter("upgrade", self.packages[2], "--allow-unproven", "node9", code=2).err)
        self.assertEqual(self.lighter("upgrade", self.packages[2], "--allow-unproven", "node1", code=4).json["allowedUnproven"], [])
        run = self.lighter("upgrade", self.packages[2], "--allow-unproven", "node2", "--no-wait")
        self.assertEqual([run.json["allowedUnproven"], run.json["releases"][0]["state"]], [["node2"], "upgraded"])
        self.assertIn("N-UNPROVEN: node2: not proven, and Helm runs all the same (--allow-unproven node2); pods that start there may hang", run.err)
        self.assertEqual(self.revision("quayside"), before + 1)
        before += 1

        self.shell("kubectl", "label", "node", "node2", "agent=wanted")
        self.shell("kubectl", "rollout", "status", agents, "-n", "lighter-system", "--timeout=60s")
        self.assertEqual(self.lighter("upgrade", self.packages[2]).json["releases"][0]["state"], "upgraded")
        self.assertEqual(self.revision("quayside"), before + 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
