#!/usr/bin/env python3
"""`lighter agent install --lift-taint`: a startup taint keeps pods away until the node holds everything. Needs root and a build."""

import json
import subprocess
import time
import unittest

from linecase import REGISTRY, LineTest
from testbed import lifecycle
from testbed.process import wait_for

KEY = "example.com/images-missing"
OTHER = "example.com/theirs"
SYSTEM = "lighter-system"
NAME = "lighter-lift-taint"
PATIENCE = 120


class Taint(LineTest):
    """Two nodes; a third joins, registered with the taint, while no coordinator is about."""

    options = ["--nodes", "2"]
    install = ["--lift-taint", KEY]

    def taints(self, node: str) -> list[dict]:
        return self.get(self.line, "node", node)["spec"].get("taints", [])

    def keys(self, node: str) -> set[str]:
        return {taint["key"] for taint in self.taints(node)}

    def wait_lifted(self, node: str, patience: float = PATIENCE) -> None:
        wait_for(f"taint {KEY} of {node} to be gone", lambda: KEY not in self.keys(node), patience)

    def agent_pod(self, node: str) -> str:
        pods = self.get(self.line, "pods", "-n", SYSTEM, f"--field-selector=spec.nodeName={node}")["items"]
        return next((pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]), "none yet")

    def daemons(self, name: str, image: str) -> dict:
        """A DaemonSet that tolerates no more than any; its image must be on the node already."""
        labels = {"app": name}
        container = {"name": "it", "image": image, "imagePullPolicy": "Never", "command": ["/app"]}
        pod = {"terminationGracePeriodSeconds": 0, "containers": [container]}
        spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
        return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": name}, "spec": spec}

    def pod_of(self, app: str, node: str) -> dict | None:
        pods = self.get(self.line, "pods", "-l", f"app={app}", f"--field-selector=spec.nodeName={node}")["items"]
        return pods[0] if pods else None

    def as_lifter(self, pod: str | None, *words: str) -> subprocess.CompletedProcess:
        """Runs kubectl with a token of the lifters' account, as one of that pod has it."""
        bound = ["--bound-object-kind=Pod", f"--bound-object-name={pod}"] if pod else []
        token = self.shell("kubectl", "create", "token", NAME, "-n", SYSTEM, *bound).strip()
        config = self.folder / "lifter.kubeconfig"
        config.write_text(self.line.control.kubeconfig.read_text())
        self.shell("kubectl", "config", "--kubeconfig", config, "set-credentials", "lifter", f"--token={token}")
        self.shell("kubectl", "config", "--kubeconfig", config, "set-context", "--current", "--user=lifter")
        return subprocess.run(["kubectl", "--kubeconfig", config, *words], env=self.environment(), capture_output=True, text=True)

    def patch(self, pod: str | None, node: str, *changes: dict) -> subprocess.CompletedProcess:
        return self.as_lifter(pod, "patch", "node", node, "--type=json", "-p", json.dumps(changes))

    def assert_denied(self, done: subprocess.CompletedProcess, words: str) -> None:
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn(words, done.stderr)

    def test_a_late_nodes_pods_wait_until_its_images_are_proven(self):
        self.shell("kubectl", "taint", "node", "node1", f"{KEY}=x:NoSchedule")
        self.wait_lifted("node1")  # no list was published yet: there is nothing to wait for

        run = self.lighter("load", self.packages[1], "--set", f"global.imageRegistry={REGISTRY}")
        names = {name["name"] for name in run.json["names"]}
        worker = next(name for name in names if "/worker:" in name)
        self.kubectl(self.line, "create", "-f", "-", stdin=json.dumps(self.daemons("late", worker)))
        self.addCleanup(self.shell, "kubectl", "delete", "daemonset", "late", "--cascade=foreground")
        self.shell("kubectl", "rollout", "status", "daemonset/late", f"--timeout={PATIENCE}s")

        # Nobody can give the images at first.
        for node in ("node1", "node2"):
            self.cluster("stop-containerd", "--name", self.line.settings.name, node)
        taints = [{"key": KEY, "value": "x", "effect": effect} for effect in ("NoSchedule", "NoExecute")]
        taints.append({"key": OTHER, "effect": "PreferNoSchedule"})
        start = time.monotonic()
        self.cluster("add-node", "--name", self.line.settings.name, "--kubelet", f"registerWithTaints={json.dumps(taints)}")
        self.shell("bash", "-c", "until kubectl get node node3; do sleep 0.2; done")
        self.assertLessEqual({KEY, OTHER}, self.keys("node3"))

        def waits() -> bool:
            logs = subprocess.run(
                ["kubectl", "logs", "-n", SYSTEM, self.agent_pod("node3"), "-c", "agent"], env=self.environment(), capture_output=True, text=True
            )
            return "desired list: " in logs.stdout

        wait_for("node3's agent to say that nobody gives it the images", waits, PATIENCE)
        status = {node["name"]: node for node in self.lighter("agent", "status", code=4).json["nodes"]}
        self.assertEqual({name: node["taint"] for name, node in status.items()}, {"node1": "", "node2": "", "node3": KEY})
        self.assertIn(f"taint {KEY} keeps pods away", self.lighter_text("agent", "status").out)
        self.assertIsNone(self.pod_of("late", "node3"))
        self.assertIn(KEY, self.keys("node3"))

        print(f"held back {time.monotonic() - start:.0f} s after the node was added", flush=True)
        start = time.monotonic()
        for node in ("node1", "node2"):
            self.cluster("start-containerd", "--name", self.line.settings.name, node)
        self.wait_lifted("node3")
        print(f"lifted {time.monotonic() - start:.0f} s after others could give the images", flush=True)
        late = lifecycle.open_cluster(self.line.settings.name).node("node3")
        self.assertLessEqual(names, set(self.shell(*late.inside, "ctr", "-n", "k8s.io", "images", "ls", "-q").split()))
        self.assertIn(OTHER, self.keys("node3"))
        wait_for("the pod to be there", lambda: self.pod_of("late", "node3"), PATIENCE)
        pod = self.pod_of("late", "node3")["metadata"]["name"]
        self.shell("kubectl", "wait", "--for=condition=Ready", f"pod/{pod}", f"--timeout={PATIENCE}s")
        events = self.get(self.line, "events", f"--field-selector=involvedObject.name={pod}")["items"]
        self.assertNotIn("ErrImageNeverPull", {event["reason"] for event in events})
        print(f"its pod ran {time.monotonic() - start:.0f} s after others could give the images", flush=True)

        # A node that is registered anew has its taint again.
        self.shell("kubectl", "taint", "node", "node3", f"{KEY}=x:NoSchedule")
        self.wait_lifted("node3")
        self.shell("kubectl", "wait", "--for=condition=Ready", "node", "--all", f"--timeout={PATIENCE}s")
        self.lighter("agent", "install", *self.install)
        self.assertEqual({node["taint"] for node in self.lighter("agent", "status").json["nodes"]}, {""})

    def test_the_token_is_good_for_the_one_taint_of_its_own_node_alone(self):
        self.shell("kubectl", "taint", "node", "node1", "node2", f"{OTHER}=x:PreferNoSchedule")
        self.addCleanup(self.shell, "kubectl", "taint", "node", "node1", "node2", f"{OTHER}-")
        one, two = self.agent_pod("node1"), self.agent_pod("node2")
        add = {"op": "add", "path": "/spec/taints/-", "value": {"key": KEY, "effect": "NoSchedule"}}
        label = {"op": "add", "path": "/metadata/labels/x", "value": "y"}
        annotation = {"op": "add", "path": "/metadata/annotations", "value": {"x": "y"}}
        finalizer = {"op": "add", "path": "/metadata/finalizers", "value": ["example.com/x"]}
        cordon = {"op": "add", "path": "/spec/unschedulable", "value": True}
        before = {node: (self.get(self.line, "node", node)["metadata"]["labels"], self.keys(node)) for node in ("node1", "node2")}
        self.assert_denied(self.patch(two, "node1", label), "of no other")
        self.assert_denied(self.patch(two, "node1", {"op": "remove", "path": "/spec/taints"}), "of no other")
        self.assert_denied(self.patch(None, "node1", {"op": "remove", "path": "/spec/taints"}), "of no other")
        for change in (label, annotation, finalizer):
            self.assert_denied(self.patch(one, "node1", change), "nothing of its metadata")
        self.assert_denied(self.patch(one, "node1", cordon), "nothing of a node but its taints")
        self.assert_denied(self.patch(one, "node1", add), "changes no other")
        self.assert_denied(self.patch(one, "node1", {"op": "remove", "path": "/spec/taints"}), "changes no other")
        self.assert_denied(self.patch(one, "node1", {"op": "replace", "path": "/spec/taints/0/value", "value": "z"}), "changes no other")
        for words in (
            ("get", "nodes"), ("delete", "node", "node1"), ("get", "secrets", "-n", SYSTEM), ("get", "pods", "-n", SYSTEM),
            ("patch", "node", "node1", "--subresource=status", "--type=json", "-p", json.dumps([label])),
        ):  # fmt: skip
            self.assert_denied(self.as_lifter(one, *words), "forbidden")
        self.assertEqual({node: (self.get(self.line, "node", node)["metadata"]["labels"], self.keys(node)) for node in ("node1", "node2")}, before)

        # What it may do. The lifter itself may be quicker, which is as well.
        self.shell("kubectl", "taint", "node", "node1", f"{KEY}=x:NoSchedule")
        others = [taint for taint in self.taints("node1") if taint["key"] != KEY]
        done = self.patch(one, "node1", {"op": "replace", "path": "/spec/taints", "value": others})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.taints("node1"), others)

    def test_the_api_server_understands_the_policy(self):
        policy = {}

        def checked() -> bool:
            policy.update(self.get(self.line, "validatingadmissionpolicy", NAME))
            return policy.get("status", {}).get("observedGeneration") == policy["metadata"]["generation"]

        wait_for("the policy to be checked", checked, 30)
        self.assertEqual(policy["status"].get("typeChecking", {}).get("expressionWarnings", []), [])

    def test_zz_without_the_flag_and_without_agents_nothing_of_it_is_left(self):
        """Last: the others need what it takes away."""
        self.lighter("agent", "uninstall")
        before = self.objects()
        self.lighter("agent", "install")
        without = self.objects()
        self.lighter("agent", "install", *self.install)
        added = {line.split()[0] for line in self.objects() - without}
        self.assertLessEqual(
            {"ClusterRole", "ClusterRoleBinding", "ServiceAccount", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}, added
        )
        planned = self.lighter("agent", "uninstall", "--dry-run").json["objects"]
        self.assertEqual(sum(NAME in name for name in planned), 5)
        self.assertIn(f"nobody lifts taint {KEY}", self.lighter("agent", "install").err)
        wait_for("the old pods to be gone", lambda: not any(NAME in line for line in self.objects()), 30)
        for pod in self.get(self.line, "pods", "-n", SYSTEM)["items"]:
            self.assertEqual([container["name"] for container in pod["spec"]["containers"]], ["agent"])
            self.assertNotIn("token", json.dumps(pod["spec"]["volumes"]))
        self.lighter("agent", "install", *self.install)
        self.lighter("agent", "uninstall")
        self.assertEqual(self.objects(), before)

    def test_keys_that_are_none_of_the_sites_are_refused(self):
        for key in ("node.kubernetes.io/not-ready", "a b", "x'", ""):
            self.lighter("agent", "install", f"--lift-taint={key}", code=2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
