#!/usr/bin/env python3
"""The whole line on real parts: package, names, agents, containerd, proof, Helm, pods. Needs root and a build."""

import unittest

from linecase import NAMESPACE, REGISTRY, LineTest


class Line(LineTest):
    """Both helms on containerd 1.6."""

    containerd = "1.6"

    def upgrade_with(self, helm: str) -> None:
        release, registry = f"quayside{helm}", f"{REGISTRY}/helm{helm}"
        self.install_version_1(release, registry, helm)
        archive = {
            name.replace("release.example.io", registry): image["configDigest"]
            for bundle in self.lighter("inspect", self.packages[2]).json["bundles"]
            for image in bundle["images"]
            for name in image["names"]
        }
        self.assertEqual(len(archive), 3)

        plan = self.lighter("plan", self.packages[2], release, helm=helm).json
        self.assertEqual({name["name"] for name in plan["releases"][0]["names"]}, set(archive))
        self.assertEqual([plan["releases"][0]["installedVersion"], plan["releases"][0]["packageVersion"]], ["0.1.0", "0.2.0"])

        run = self.lighter("upgrade", self.packages[2], release, helm=helm).json
        self.assertEqual(run["releases"][0]["state"], "upgraded")
        self.assertEqual(run["movedBytes"] > 0, plan["bytesToMove"] > 0)
        for node in ("node1", "node2", "node3"):
            for name, digest in archive.items():
                self.assertEqual(self.config_digest(node, name), digest, f"{name} on {node}")
            self.assert_nothing_leaked(node)

        pods = [pod for pod in self.get(self.line, "pods", "-n", NAMESPACE)["items"] if release in pod["metadata"]["labels"].get("release", "")]
        running = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        self.assertEqual(len(running), 5)  # two of web, one worker a node
        for pod in running:
            self.assertTrue(pod["status"]["containerStatuses"][0]["ready"], pod["metadata"]["name"])
            self.assertIn(pod["spec"]["containers"][0]["image"], archive)
        self.assertEqual({pod["name"] for pod in run["releases"][0]["pods"]}, {pod["metadata"]["name"] for pod in running})

        again = self.lighter("upgrade", self.packages[2], release, helm=helm).json
        self.assertEqual(again["movedBytes"], 0)
        print(f"the same command again, helm {helm}: lighter's own time {again['ownSeconds']:.2f} s")

    def running_images(self, release: str) -> set[str]:
        pods = self.get(self.line, "pods", "-n", NAMESPACE, "-l", f"release={release}")["items"]
        running = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        return {container["image"] for pod in running for container in pod["spec"]["containers"]}

    def use_each_nodes_own_registry(self, release: str) -> None:
        by_hand = ["--set", "global.imageRegistry=10.9.9.9"]
        plan = self.lighter("plan", self.packages[2], release, "--registry", "local", *by_hand).json
        self.assertEqual({name["name"].split("/")[0] for name in plan["releases"][0]["names"]}, {"10.9.9.9"})
        self.assertIn("is not under 127.0.0.1:7444", " ".join(plan["notes"]))
        self.lighter("upgrade", self.packages[2], release, "--registry", "local")
        # By a value of the release: what comes later keeps it.
        planned = self.lighter("plan", self.packages[2], release).json["releases"][0]
        names = {name["name"] for name in planned["names"]}
        self.assertEqual({name.split("/")[0] for name in names}, {"127.0.0.1:7444"})
        self.assertIsNone(planned["relocatedValues"])
        self.assertLessEqual(self.running_images(release), names)

    def use_the_file_of_charts_syncer(self, release: str) -> None:
        config = self.folder / "load-image.yaml"
        config.write_text(
            "source: {intermediateBundlesPath: hydra-offline}\ntarget:\n  containerRegistry: 10.16.10.111\n  containerRepository: release.example.io/hydra\n"
            "  containers: {auth: {username: admin, password: Harbor12345}}\n"
        )
        run = self.lighter("upgrade", self.packages[2], release, "--config", config)
        self.assertIn(f"images go where {config} says; nothing is pushed", run.json["notes"][0])
        self.assertEqual(self.running_images(release), {f"{REGISTRY}/hydra/{part}:v0.2.0" for part in ("web", "worker")})
        self.assertNotIn("Harbor12345", run.out + run.err)

    def test_a_first_installation_with_helm_3_then_4(self):
        for helm in ("3", "4"):
            words = [self.packages[1], "--install", "-n", "first", "--set", f"global.imageRegistry={REGISTRY}/first{helm}"]
            run = self.lighter("upgrade", *words, helm=helm).json
            self.addCleanup(self.shell_status, "helm", "uninstall", "quayside", "-n", "first", "--wait")
            release = run["releases"][0]
            self.assertEqual([release[key] for key in ("state", "fromVersion", "toVersion", "wayBack")], ["installed", "", "0.1.0", "helm uninstall quayside -n first"])
            self.assertEqual(len(release["pods"]), 5)
            self.assertTrue(all(pod["ready"] for pod in release["pods"]), release["pods"])
            again = self.lighter("upgrade", *words, helm=helm).json
            self.assertEqual((again["movedBytes"], again["releases"][0]["state"]), (0, "upgraded"))
            self.shell("bash", "-c", release["wayBack"] + " --wait", helm=helm)

    def test_upgrade_with_helm_3_then_4(self):
        self.upgrade_with("3")
        self.upgrade_with("4")
        self.use_each_nodes_own_registry("quayside4")
        self.use_the_file_of_charts_syncer("quayside4")
        # Two releases of one chart now: which one is meant must be said.
        run = self.lighter("upgrade", self.packages[2], code=1)
        self.assertIn("quayside3", run.err)
        self.assertIn("quayside4", run.err)
        self.assertIn("Nothing was changed", run.err)


class LineOnContainerd2(Line):
    """Both helms on containerd 2."""

    containerd = "2"


if __name__ == "__main__":
    unittest.main(verbosity=2)
