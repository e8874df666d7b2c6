#!/usr/bin/env python3
"""Agents where `lighter agent install` has more to find out, or may not borrow an image. Needs root and a build."""

import re
import subprocess
import time
import unittest

from linecase import BUILD, REGISTRY, LineTest

NAMESPACE = "lighter-system"
ROOT = "/var/lib/data/containerd"
SETTING = f"global.imageRegistry={REGISTRY}"
IMAGE = "localhost/lighter-agent:0.1.0"


class OtherRoot(LineTest):
    """containerd's root is where nobody expects it; on node2 a folder is in the usual place all the same."""

    options = ["--nodes", "2", "--containerd-root", ROOT]

    def on_node(self, name: str, *words: str) -> int:
        return self.shell_status(*self.line.node(name).inside, *words)

    def roots(self) -> dict[str, str]:
        """What each agent's pod mounts as containerd's root."""
        pods = self.get(self.line, "pods", "-n", NAMESPACE)["items"]
        return {pod["spec"]["nodeName"]: volume["hostPath"]["path"] for pod in pods for volume in pod["spec"]["volumes"] if volume["name"] == "root"}

    def test_install_finds_the_root_whatever_is_in_the_usual_place(self):
        self.lighter("agent", "uninstall")
        self.assertEqual(self.on_node("node2", "mkdir", "/var/lib/containerd"), 0)
        self.lighter("agent", "install")
        self.assertEqual(self.roots(), {"node1": ROOT, "node2": ROOT})
        self.lighter("load", self.packages[1], "--set", SETTING)
        for node in self.lighter("agent", "status").json["nodes"]:
            self.assertGreater(node["freeBytes"], 0)

        pods = {pod["metadata"]["name"] for pod in self.get(self.line, "pods", "-n", NAMESPACE)["items"]}
        self.lighter("agent", "install")
        again = {pod["metadata"]["name"] for pod in self.get(self.line, "pods", "-n", NAMESPACE)["items"]}
        self.assertEqual(again, pods, "a second install must leave running agents alone")

        self.lighter("agent", "uninstall")
        self.assertNotEqual(self.on_node("node1", "test", "-e", "/var/lib/containerd"), 0, "the installation made a folder")
        self.assertEqual(self.on_node("node2", "rmdir", "/var/lib/containerd"), 0, "something was left in a folder that is not containerd's")
        self.assertNotEqual(self.on_node("node2", "test", "-e", f"{ROOT}/lighter"), 0)

    def test_an_image_of_the_agents_own(self):
        self.lighter("agent", "uninstall")
        exported = self.folder / "exported"
        self.shell(BUILD / "lighter", "agent", "export", exported)
        self.cluster("import", "--name", self.line.settings.name, "all", str(exported / "lighter-agent-image.tar"))
        report = self.lighter("agent", "install", "--image", IMAGE).json
        self.assertEqual([(node["image"], node["ready"]) for node in report["nodes"]], [(IMAGE, True)] * 2)
        names = self.shell("kubectl", "get", "configmaps", "-n", NAMESPACE, "-o", "name")
        self.assertNotIn("lighter-agent-", names)
        self.lighter("load", self.packages[2], "--set", SETTING)
        self.lighter("agent", "install")
        self.assertEqual(set(self.roots().values()), {ROOT})
        self.lighter("agent", "status")

    def unit(self) -> list[tuple[str, str]]:
        """The exported systemd unit's settings."""
        exported = self.folder / "service"
        self.shell(BUILD / "lighter", "agent", "export", exported)
        lines = (exported / "lighter-agent.service").read_text().splitlines()
        return [tuple(line.split("=", 1)) for line in lines if re.match(r"[A-Z]\w+=", line)]

    def test_the_agent_as_a_service_of_the_node(self):
        """There is no systemd on these nodes: the unit's own command line is run as it stands, by hand."""
        self.lighter("agent", "uninstall")
        self.addCleanup(self.lighter, "agent", "install")
        settings = self.unit()
        command = dict(settings)["ExecStart"].split()
        environment = dict(value.split("=", 1) for key, value in settings if key == "Environment")
        tls = self.folder / "service-tls"
        self.cluster("certs", "--name", self.line.settings.name, str(tls))
        coordinator = ["--tls-dir", str(tls / "coordinator"), "--set", SETTING]
        run = self.lighter("plan", self.packages[1], *coordinator, code=1)
        self.assertIn("no agent's pod runs on this node", run.out)
        for node in self.line.nodes:
            replaced = {"${LISTEN}": f"{node.address}:7443", "%H": node.name, "/usr/local/bin": str(self.folder / "service"), "/etc/lighter": str(tls / "agent")}

            def fill(text: str) -> str:
                for old, new in replaced.items():
                    text = text.replace(old, new)
                return text

            variables = [f"{key}={fill(value)}" for key, value in environment.items()]
            agent = subprocess.Popen([*node.inside, "env", *variables, *map(fill, command)], stderr=subprocess.DEVNULL)
            self.addCleanup(agent.wait)
            self.addCleanup(agent.terminate)
        deadline = time.monotonic() + 20
        while self.shell_status(BUILD / "lighter", "plan", self.packages[1], *coordinator) != 0 and time.monotonic() < deadline:
            time.sleep(0.5)
        states = self.lighter("agent", "status", "--tls-dir", str(tls / "coordinator")).json["nodes"]
        self.assertEqual([(node["name"], node["usable"]) for node in states], [("node1", True), ("node2", True)])
        run = self.lighter("load", self.packages[1], *coordinator)
        self.assertTrue(all(node["proven"] for node in run.json["nodes"]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
