#!/usr/bin/env python3
"""`lighter agent install`, `status` and `uninstall` on a real Kubernetes. Needs root and a build."""

import base64
import json
import re
import time
import unittest

from linecase import REPOSITORY, LineTest
from testbed.process import wait_for
from testcase import CLUSTER, IMAGE

NAMESPACE = "lighter-system"
STATE = "/var/lib/containerd/lighter"
# All that the agents ask for beyond Pod Security's levels. What is added here belongs into docs/agent.md, too.
HOST_PATHS = 'hostPath volumes (volumes %s)', 'restricted volume types (volumes %s use restricted volume type "hostPath")'
CHART_HOST_PATHS = tuple(words % '"containerd", "root"' for words in HOST_PATHS)
HOST_PATHS = tuple(words % '"socket", "root", "pull-records"' for words in HOST_PATHS)
HOST_NETWORK = "host namespaces (hostNetwork=true)"
ROOT = {
    'runAsNonRoot != true (pod or container "agent" must set securityContext.runAsNonRoot=true)',
    'runAsUser=0 (container "agent" must not set runAsUser=0)',
}
CAPABILITIES = '"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "MKNOD", "SETFCAP", "SYS_ADMIN"'
BEYOND = {
    ("install", "baseline"): {
        HOST_NETWORK, HOST_PATHS[0],
        'non-default capabilities (container "agent" must not include "SYS_ADMIN" in securityContext.capabilities.add)',
    },
    ("install", "restricted"): {
        HOST_NETWORK, HOST_PATHS[1], *ROOT,
        f'unrestricted capabilities (container "agent" must not include {CAPABILITIES} in securityContext.capabilities.add)',
    },
    ("chart", "baseline"): {HOST_NETWORK, CHART_HOST_PATHS[0]},
    ("chart", "restricted"): {HOST_NETWORK, CHART_HOST_PATHS[1], *ROOT},
}  # fmt: skip
# The second container of --lift-taint asks for nothing.
BEYOND |= {("install --lift-taint", level): BEYOND["install", level] for level in ("baseline", "restricted")}


class AgentInstall(LineTest):
    """Two nodes; each test starts from the agents that it installs, whatever was there before."""

    options = ["--nodes", "2"]

    def pods(self) -> dict[str, str]:
        """The agents' pods by node."""
        return {pod["spec"]["nodeName"]: pod["metadata"]["name"] for pod in self.get(self.line, "pods", "-n", NAMESPACE)["items"]}

    def status(self, code: int = 0) -> dict[str, dict]:
        return {node["name"]: node for node in self.lighter("agent", "status", code=code).json["nodes"]}

    def on_node(self, name: str, *words: str) -> int:
        return self.shell_status(*self.line.node(name).inside, *words)

    def select(self, daemon_set: str, labels: str) -> None:
        """Adds to, or takes from, the labels of the nodes that a DaemonSet wants."""
        patch = '{"spec":{"template":{"spec":{"nodeSelector":%s}}}}' % labels
        self.shell("kubectl", "patch", daemon_set, "-n", NAMESPACE, "-p", patch)

    def kill_lighter(self, when: str, *words: str) -> None:
        """Starts lighter and kills it at the first line of its messages that holds those words."""
        process = self.start_lighter(*words)
        self.assertTrue(any(when in line for line in process.stderr), f"lighter never said: {when}")
        process.kill()
        process.communicate()

    def test_install_status_and_uninstall_leave_the_cluster_as_it_was(self):
        self.lighter("agent", "uninstall")
        before = self.objects()
        self.kill_lighter("nodes start their agent from", "agent", "install")
        self.kill_lighter("agents are ready", "agent", "install")
        report = self.lighter("agent", "install").json
        self.assertEqual([(node["name"], node["ready"]) for node in report["nodes"]], [("node1", True), ("node2", True)])
        for node in self.status().values():
            self.assertTrue(node["usable"], node)
            self.assertTrue(node["containerdVersion"])
            self.assertLess(abs(node["clockAheadSeconds"]), 2)
        mode = self.shell(*self.line.node("node1").inside, "stat", "-c", "%a", f"{STATE}/tls.key")
        self.assertEqual(mode.strip(), "600")
        pods = self.pods()
        self.lighter("agent", "install")
        self.assertEqual(self.pods(), pods, "a second install must leave running agents alone")

        self.lighter("load", self.packages[1], "--set", "global.imageRegistry=10.16.10.111")
        self.kill_lighter("2 of 2 nodes are clean", "agent", "uninstall")
        self.lighter("agent", "uninstall")
        self.assertEqual(self.objects(), before)
        for node in self.line.nodes:
            self.assertNotEqual(self.on_node(node.name, "test", "-e", STATE), 0, "the agent's key is left on the node")
            self.assertNotIn("lighter", self.ctr(node.name, "leases", "ls", "-q"))

    def test_dry_run_prints_what_install_applies_and_changes_nothing(self):
        before = self.objects()
        run = self.lighter_text("agent", "install", "--dry-run")
        self.assertEqual(run.code, 0, str(run))
        kinds = [item["kind"] for item in json.loads(run.out)["items"]]
        self.assertEqual([kinds[0], kinds[-1]], ["Namespace", "DaemonSet"])
        self.assertEqual(self.objects(), before)

    def rendered(self) -> dict[str, list[dict]]:
        """What there is to be applied, in each way of installing the agents."""
        chart = self.shell("helm", "template", "lighter-agent", REPOSITORY / "charts/lighter-agent", "-n", NAMESPACE)
        as_json = ("create", "--dry-run=client", "--validate=ignore", "-o", "json", "-f", "-")
        return {
            "install": json.loads(self.lighter_text("agent", "install", "--dry-run").out)["items"],
            "install --lift-taint": json.loads(self.lighter_text("agent", "install", "--dry-run", "--lift-taint", "example.com/new").out)["items"],
            "chart": [json.loads(self.kubectl(self.line, *as_json, stdin=chart))],
        }

    def dry_run(self, objects: list[dict], *words: str) -> str:
        """What the API server says to these objects; one that it would refuse, or a field that it does not know, is an error."""
        path = self.folder / "objects.json"
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
        return self.shell("kubectl", *words, "--dry-run=server", "--validate=strict", "-f", path)

    def test_every_object_is_as_the_api_server_knows_it(self):
        self.lighter("agent", "install")  # for its namespace
        for way, objects in self.rendered().items():
            said = self.dry_run(objects, "apply", "--server-side", "--force-conflicts")
            self.assertEqual(len(re.findall(r"serverside-applied \(server dry run\)", said)), len(objects), f"{way}: {said}")
            self.assertNotIn("Warning", said)
            wrong = objects[-1] | {"spec": objects[-1]["spec"] | {"unheardOf": 1}}
            with self.assertRaisesRegex(AssertionError, "unheardOf"):
                self.dry_run([wrong], "apply", "--server-side", "--force-conflicts")

    def test_the_pods_ask_for_no_more_than_is_documented(self):
        rendered = self.rendered()
        for level in ("baseline", "restricted"):
            namespace = f"secure-{level}"
            self.shell("kubectl", "create", "namespace", namespace)
            self.addCleanup(self.shell, "kubectl", "delete", "namespace", namespace)
            self.shell("kubectl", "label", "namespace", namespace, f"pod-security.kubernetes.io/warn={level}")
            for way, objects in rendered.items():
                sets = [item | {"metadata": item["metadata"] | {"namespace": namespace}} for item in objects if item["kind"] == "DaemonSet"]
                said = self.dry_run(sets, "create")
                found = re.search(rf'would violate PodSecurity "{level}:latest": (.*)', said)
                self.assertTrue(found, said)
                self.assertEqual(set(re.findall(r"[^,() ][^,()]* \([^()]*\)", found[1])), BEYOND[way, level])

    def test_a_node_that_lost_its_certificate_gets_one_from_the_next_command(self):
        self.lighter("agent", "install")
        pod = self.pods()["node2"]
        self.assertEqual(self.on_node("node2", "rm", "-rf", STATE), 0)
        self.shell("kubectl", "delete", "pod", "-n", NAMESPACE, pod, "--wait")
        self.shell("kubectl", "wait", "--for=jsonpath={.status.phase}=Running", "pod", "--all", "-n", NAMESPACE, "--timeout=60s")
        run = self.lighter("load", self.packages[1], "--set", "global.imageRegistry=10.16.10.111")
        self.assertTrue(all(node["proven"] for node in run.json["nodes"]))

    def problem_of(self, node: str, words: str) -> str:
        """What the status says of that node, once it says these words."""
        deadline = time.monotonic() + 60
        while words not in (problem := self.status(code=4)[node]["problem"]) and time.monotonic() < deadline:
            time.sleep(0.5)
        self.assertIn(words, problem)
        return problem

    def test_pods_that_the_cluster_refuses_are_told_with_the_way_out(self):
        for what, refuse, undo, words, way_out in (
            (
                "quota",
                ("create", "quota", "one", "-n", NAMESPACE, "--hard=pods=1"),
                ("delete", "quota", "one", "-n", NAMESPACE),
                "exceeded quota", "raise or delete it",
            ),
            (
                "Pod Security",
                ("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted", "--overwrite"),
                ("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=privileged", "--overwrite"),
                "violates PodSecurity", "pod-security.kubernetes.io/enforce=privileged --overwrite",
            ),
        ):  # fmt: skip
            with self.subTest(what):
                self.lighter("agent", "install")
                self.shell("kubectl", *refuse)
                self.shell("kubectl", "delete", "pod", "-n", NAMESPACE, self.pods()["node2"], "--wait")
                self.assertIn(way_out, self.problem_of("node2", words))
                self.shell("kubectl", *undo)
        report = self.lighter("agent", "install").json
        self.assertTrue(all(node["ready"] for node in report["nodes"]), report)

    def test_a_folder_that_the_node_has_not_is_told_with_the_way_out(self):
        self.lighter("agent", "install")
        agents = self.shell("kubectl", "get", "daemonsets", "-n", NAMESPACE, "-o", "name").strip()
        patch = '{"spec":{"template":{"spec":{"volumes":[{"name":"root","hostPath":{"path":"/nowhere","type":"Directory"}}]}}}}'
        self.shell("kubectl", "patch", agents, "-n", NAMESPACE, "-p", patch)
        self.assertIn("root folder elsewhere", self.problem_of("node1", "hostPath type check failed"))
        self.lighter("agent", "install")
        self.assertTrue(all(node["usable"] for node in self.status().values()))

    def test_a_damaged_chunk_is_told_and_mended(self):
        self.lighter("agent", "install")
        name = next(item["metadata"]["name"] for item in self.get(self.line, "configmaps", "-n", NAMESPACE)["items"] if "chunk-001" in item.get("binaryData", {}))
        chunk = self.get(self.line, "configmap", "-n", NAMESPACE, name)
        data = bytearray(base64.b64decode(chunk["binaryData"]["chunk-001"]))
        data[1000] ^= 1
        chunk["binaryData"]["chunk-001"] = base64.b64encode(data).decode()
        chunk["metadata"] = {key: chunk["metadata"][key] for key in ("name", "namespace", "labels")}
        # A kubelet keeps an immutable ConfigMap for as long as a pod on its node uses it.
        agents = self.shell("kubectl", "get", "daemonsets", "-n", NAMESPACE, "-o", "name").strip()
        self.select(agents, '{"away":"yes"}')
        self.shell("kubectl", "wait", "--for=delete", "pod", "--all", "-n", NAMESPACE, "--timeout=60s")
        self.shell("kubectl", "delete", "configmap", "-n", NAMESPACE, name)
        self.kubectl(self.line, "create", "-f", "-", stdin=json.dumps(chunk))
        self.select(agents, '{"away":null}')

        deadline = time.monotonic() + 60
        problem = ""
        while "lighter-boot" not in problem and time.monotonic() < deadline:
            time.sleep(1)
            problem = self.status(code=4)["node1"]["problem"]
        self.assertIn("lighter-boot: ", problem)
        self.assertIn("one is damaged or they are of two versions", problem)

        self.lighter("agent", "install")
        self.assertTrue(all(node["usable"] for node in self.status().values()))

    def stop_kubelet(self, node: str) -> None:
        """Has a node not be Ready until the test ends."""
        self.cluster("stop-kubelet", "--name", self.line.settings.name, node)
        self.addCleanup(self.shell, "kubectl", "wait", "--for=condition=Ready", f"node/{node}", "--timeout=60s")
        self.addCleanup(self.shell_status, CLUSTER, "start-kubelet", "--name", self.line.settings.name, node)
        # What the control plane would find out by itself after 40 s.
        down = '{"status":{"conditions":[{"type":"Ready","status":"False","reason":"KubeletNotReady","message":"stopped"}]}}'
        self.shell("kubectl", "patch", "node", node, "--subresource=status", "--type=strategic", "-p", down)

    def hold_image(self, node: str) -> None:
        """Has a node hold IMAGE until the test ends, and tell of it."""
        self.addCleanup(self.ctr, node, "images", "rm", IMAGE)
        self.run_pod(self.line, "holder", node)  # imports its image there and nowhere else
        self.addCleanup(self.shell, "kubectl", "delete", "pod", "holder")

        def reported() -> bool:
            images = self.get(self.line, "node", node)["status"]["images"]
            return any(IMAGE in image["names"] for image in images)

        wait_for("kubelet to report the image", reported, 30)

    def test_a_node_that_is_not_ready_keeps_its_agent_and_no_other_nodes_port(self):
        self.lighter("agent", "install")
        pods = self.pods()
        self.hold_image("node1")
        self.stop_kubelet("node2")
        self.lighter("agent", "install")
        self.assertEqual(self.pods(), pods, "a node that went away must not start the others' agents anew")
        # Another DaemonSet for node1; that of before serves node2 alone from now on.
        report = self.lighter("agent", "install", "--borrow-image", IMAGE).json
        self.assertEqual([(node["name"], node["ready"], node["image"]) for node in report["nodes"]], [("node1", True, IMAGE)])
        self.assertEqual(self.pods()["node2"], pods["node2"])
        self.cluster("start-kubelet", "--name", self.line.settings.name, "node2")
        self.shell("kubectl", "wait", "--for=condition=Ready", "node/node2", "--timeout=60s")
        self.lighter("agent", "install")
        self.assertTrue(all(node["usable"] for node in self.status().values()))
        self.assertEqual(len(self.get(self.line, "daemonsets", "-n", NAMESPACE)["items"]), 1)

    def test_a_node_that_is_not_ready_is_left_out_and_told(self):
        self.lighter("agent", "install")
        self.stop_kubelet("node2")
        left_out = [{"name": "node2", "cause": "the node is not Ready"}]
        report = self.lighter("agent", "install").json
        self.assertEqual([[node["name"] for node in report["nodes"]], report["leftOut"]], [["node1"], left_out])
        run = self.lighter("load", self.packages[1], "--set", "global.imageRegistry=10.16.10.111")
        self.assertEqual([[node["name"] for node in run.json["nodes"] if node.get("proven")]], [["node1"]])
        gone = self.lighter("agent", "uninstall", code=4).json
        self.assertEqual([gone["clean"], [node["name"] for node in gone["left"]], gone["finished"]], [["node1"], ["node2"], False])
        # An installation waits for the old namespace, which goes when the node is back.
        again = self.start_lighter("agent", "install")
        self.assertTrue(any("to be gone" in line for line in again.stderr))
        self.cluster("start-kubelet", "--name", self.line.settings.name, "node2")
        run = self.finish(again)
        self.assertEqual(run.code, 0, str(run))

    def test_missing_rights_are_all_named_at_once(self):
        token = self.shell("kubectl", "create", "token", "default", "-n", "default").strip()
        config = self.folder / "poor.kubeconfig"
        config.write_text(self.line.control.kubeconfig.read_text())
        self.shell("kubectl", "config", "--kubeconfig", config, "set-credentials", "poor", f"--token={token}")
        self.shell("kubectl", "config", "--kubeconfig", config, "set-context", "--current", "--user=poor")
        before = self.objects()
        run = self.lighter_text("agent", "install", "--kubeconfig", config)
        self.assertEqual(run.code, 1, str(run))
        for right in ("list nodes", "create pods/exec in namespace lighter-system", "patch daemonsets.apps"):
            self.assertIn(right, run.err)
        self.assertEqual(self.objects(), before)

    def test_agents_of_an_authority_that_was_lost_are_taken_over(self):
        self.lighter("agent", "install")
        self.shell("kubectl", "delete", "secret", "--all", "-n", NAMESPACE)
        self.lighter("agent", "install")
        self.assertTrue(all(node["usable"] for node in self.status().values()))

    def test_a_borrowed_image_that_is_not_there_is_told(self):
        self.lighter("agent", "install")
        pods = self.pods()
        run = self.lighter_text("agent", "install", "--borrow-image", "example.com/nowhere:1")
        self.assertEqual(run.code, 1, str(run))
        self.assertIn("no node holds example.com/nowhere:1", run.err)
        self.assertEqual(self.pods(), pods, "working agents were taken away for an image that is nowhere")

        self.hold_image("node2")
        run = self.lighter("agent", "install", "--borrow-image", IMAGE, "--timeout", "20s", code=4)
        problems = {node["name"]: node["problem"] for node in run.json["nodes"]}
        self.assertIn("ErrImageNeverPull", problems["node1"])
        self.assertFalse(problems["node2"])


class AgentInstallOnContainerd2(AgentInstall):
    """What depends on the containerd, on containerd 2."""

    containerd = "2"
    test_dry_run_prints_what_install_applies_and_changes_nothing = None
    test_every_object_is_as_the_api_server_knows_it = None
    test_missing_rights_are_all_named_at_once = None
    test_a_borrowed_image_that_is_not_there_is_told = None
    test_a_damaged_chunk_is_told_and_mended = None
    test_a_folder_that_the_node_has_not_is_told_with_the_way_out = None
    test_a_node_that_is_not_ready_is_left_out_and_told = None
    test_a_node_that_is_not_ready_keeps_its_agent_and_no_other_nodes_port = None
    test_agents_of_an_authority_that_was_lost_are_taken_over = None
    test_pods_that_the_cluster_refuses_are_told_with_the_way_out = None
    test_the_pods_ask_for_no_more_than_is_documented = None


if __name__ == "__main__":
    unittest.main(verbosity=2)
