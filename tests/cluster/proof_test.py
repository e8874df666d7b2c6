#!/usr/bin/env python3
"""Pods that would not start though their images are on the node: told before Helm runs. Needs root and a build."""

import unittest

from linecase import BUILD, NAMESPACE, REGISTRY, LineTest
from testbed.process import wait_for

HOST = REGISTRY.split("/")[0]
AGENT_IMAGE = "localhost/lighter-agent:0.1.0"
VERIFICATION = "imagePullCredentialsVerificationPolicy"


class StartTest(LineTest):
    """Whether pods start."""

    def reason(self, pod: str) -> str:
        """Why a pod does not start."""
        statuses = self.get(self.line, "pod", pod)["status"].get("containerStatuses", [])
        return statuses[0]["state"].get("waiting", {}).get("reason", "") if statuses else ""


class PulledTest(StartTest):
    """One node, a registry at hand, and another address where none answers."""

    options = ["--nodes", "1", "--registry", "serve"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls()
        cls.served = f"{cls.line.network.control}:5000/release.example.io"
        case.install_version_1("quayside", cls.served)
        cls.web = f"{cls.served}/quayside/web:v0.1.0"
        cls.elsewhere = f"{REGISTRY}/quayside/web:v0.1.0"
        case.ctr("node1", "images", "push", "--plain-http", cls.web)
        # Only a pull leaves a record, and only policy Always pulls what is there.
        case.run_on("node1", "puller", cls.web, "Always")
        case.shell("kubectl", "wait", "--for=condition=Ready", "pod/puller", "--timeout=60s")

    def problems(self, *words: str, code: int) -> dict[str, str]:
        """What a plan says about the names of web: code -> name."""
        run = self.lighter("plan", self.packages[1], *words, code=code)
        return {problem["code"]: problem["name"] for problem in run.json["startProblems"]}


class Proof(PulledTest):
    """Kubelet as it is by default."""

    def test_an_image_that_was_pulled_from_another_registry(self):
        setting = ("--set", f"global.imageRegistry={REGISTRY}")
        self.assertEqual(self.problems(code=0), {})
        self.assertEqual(self.problems(*setting, code=1), {"E-PULL-RECORD": self.elsewhere})

        before, content = self.revision("quayside"), self.content_of("node1")
        refused = self.lighter("upgrade", self.packages[1], *setting, code=1)
        for word in ("E-PULL-RECORD", self.elsewhere, "node1", f"--mirror {HOST}", "--registry local"):
            self.assertIn(word, refused.json["blocked"])
        self.assertEqual((self.revision("quayside"), self.content_of("node1")), (before, content), "it was refused before anything")

        # What it spares: the image is there, CRI says so, and no pod starts from it.
        self.lighter("load", self.packages[1], *setting)
        self.run_on("node1", "never", self.elsewhere, "Never")
        wait_for("kubelet to refuse", lambda: self.reason("never") == "ErrImageNeverPull", 30)
        self.run_on("node1", "present", self.elsewhere, "IfNotPresent")
        wait_for("kubelet to pull in vain", lambda: self.reason("present") in ("ErrImagePull", "ImagePullBackOff"), 60)

        # The ways out that were told.
        self.lighter("plan", self.packages[1], *setting, "--allow-pull", self.elsewhere)
        self.lighter("plan", self.packages[1], "--registry", "local")
        self.lighter("agent", "install", "--mirror", HOST)
        self.addCleanup(self.lighter, "agent", "install")
        self.lighter("upgrade", self.packages[1], *setting)
        self.assertEqual(self.revision("quayside"), before + 1)
        self.shell("kubectl", "rollout", "status", "deployment/quayside-web", "-n", NAMESPACE, "--timeout=60s")
        pods = self.get(self.line, "pods", "-n", NAMESPACE, "-l", "app=quayside-web")["items"]
        images = {pod["spec"]["containers"][0]["image"] for pod in pods if "deletionTimestamp" not in pod["metadata"]}
        self.assertEqual(images, {self.elsewhere})
        # kubelet's pull ended at the node itself and left a record for the name: healed for good.
        self.lighter("agent", "install")
        self.assertEqual(self.problems(*setting, code=0), {})
        self.lighter("upgrade", self.packages[1], "--set", f"global.imageRegistry={self.served}")

    def test_policy_never_after_a_pull_from_elsewhere(self):
        words = ["--set", "global.imageRegistry=10.16.10.112/x", "--set", "web.pullPolicy=Never"]
        self.assertEqual(list(self.problems(*words, code=1)), ["E-PULL-NEVER"])
        self.lighter("agent", "install", "--mirror", "10.16.10.112")
        self.addCleanup(self.lighter, "agent", "install")
        self.assertEqual(list(self.problems(*words, code=1)), ["E-PULL-NEVER"], "no registry helps where nothing is pulled")


class ProofOnContainerd2(Proof):
    containerd = "2"


class NeverVerify(PulledTest):
    """A kubelet that asks for no credentials starts whatever is on its node."""

    options = [*PulledTest.options, "--kubelet", f'{VERIFICATION}="NeverVerify"']

    def test_an_image_that_was_pulled_from_another_registry_starts(self):
        setting = ("--set", f"global.imageRegistry={REGISTRY}")
        self.assertEqual(self.problems(*setting, code=0), {})
        self.lighter("load", self.packages[1], *setting)
        self.run_on("node1", "never", self.elsewhere, "Never")
        self.shell("kubectl", "wait", "--for=condition=Ready", "pod/never", "--timeout=30s")

    def test_policy_always_asks_a_registry_all_the_same(self):
        always = ("--set", "web.pullPolicy=Always")
        setting = ("--set", "global.imageRegistry=10.16.10.113/x", *always)
        name = "10.16.10.113/x/quayside/web:v0.1.0"
        self.assertEqual(self.problems(*setting, code=1), {"E-PULL-ALWAYS": name})
        self.lighter("load", self.packages[1], *setting)
        self.run_on("node1", "always", name, "Always")
        wait_for("kubelet to pull in vain", lambda: self.reason("always") in ("ErrImagePull", "ImagePullBackOff"), 60)

        self.assertEqual(self.problems("--registry", "local", *always, code=0), {})
        self.lighter("upgrade", self.packages[1], "--registry", "local", *always)


class AlwaysPullImages(StartTest):
    """An API server that has all pods pull at each start, which no pod of a borrowed image survives."""

    options = ["--nodes", "1", "--registry", "serve", "--apiserver", "enable-admission-plugins=AlwaysPullImages"]

    def bring_agents(self) -> None:
        refused = self.lighter("agent", "install", code=1)
        self.assertIn("AlwaysPullImages", refused.err)
        exported = self.folder / "exported"
        self.shell(BUILD / "lighter", "agent", "export", exported)
        self.cluster("import", "--name", self.line.settings.name, "all", str(exported / "lighter-agent-image.tar"))
        image = f"{self.line.network.control}:5000/agent:1"
        self.ctr("node1", "images", "tag", AGENT_IMAGE, image)
        self.ctr("node1", "images", "push", "--plain-http", image)
        self.lighter("agent", "install", "--image", image)

    def test_pods_start_from_the_nodes_own_registry_alone(self):
        words = [self.packages[1], "--install", "-n", NAMESPACE]
        refused = self.lighter("upgrade", *words, "--set", f"global.imageRegistry={REGISTRY}", code=1)
        self.assertIn("E-PULL-ALWAYS", refused.json["blocked"])
        self.assertIn("AlwaysPullImages", " ".join(refused.json["notes"]))
        run = self.lighter("upgrade", *words, "--registry", "local").json
        self.assertEqual([pod["ready"] for pod in run["releases"][0]["pods"]], [True] * 3)


class Allowlisted(StartTest):
    """A kubelet that trusts what it did not pull itself in some repositories only."""

    allowed = f'{VERIFICATION}="NeverVerifyAllowlistedImages"', 'preloadedImagesVerificationAllowlist=["registry.k8s.io/*"]'
    options = ["--nodes", "1", "--registry", "refuse", *(word for setting in allowed for word in ("--kubelet", setting))]

    def test_every_other_image_has_to_be_pulled_and_the_node_answers(self):
        run = self.lighter("load", self.packages[1], "--set", f"global.imageRegistry={REGISTRY}")
        self.assertEqual([problem["code"] for problem in run.json["startProblems"]], ["E-PULL-POLICY"] * 3)
        # kubelet takes what the list names, as lighter says.
        listed = self.lighter("load", self.packages[1], "--set", "global.imageRegistry=registry.k8s.io/vendor")
        self.assertEqual(listed.json["startProblems"], [])
        self.run_on("node1", "listed", "registry.k8s.io/vendor/quayside/web:v0.1.0", "Never")
        self.shell("kubectl", "wait", "--for=condition=Ready", "pod/listed", "--timeout=30s")
        self.run_on("node1", "unlisted", f"{REGISTRY}/quayside/web:v0.1.0", "Never")
        wait_for("kubelet to refuse", lambda: self.reason("unlisted") == "ErrImageNeverPull", 30)

        self.lighter("agent", "install", "--mirror", HOST)
        self.install_version_1("quayside", REGISTRY)
        self.assertEqual(self.lighter("plan", self.packages[1]).json["startProblems"], [])


REWRITE = """
apiVersion: admissionregistration.k8s.io/v1beta1
kind: MutatingAdmissionPolicy
metadata: {name: rewrite}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  failurePolicy: Fail
  reinvocationPolicy: Never
  mutations:
    - patchType: JSONPatch
      jsonPatch:
        expression: >-
          [JSONPatch{op: "replace", path: "/spec/containers/0/image",
          value: object.spec.containers[0].image.replace("vendor.example/", "cache.example/of-the-day/")}]
---
apiVersion: admissionregistration.k8s.io/v1beta1
kind: MutatingAdmissionPolicyBinding
metadata: {name: rewrite}
spec:
  policyName: rewrite
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: rewritten}}}
"""


class Admission(StartTest):
    """An API server that writes other names into pods of one namespace, and admits none into another."""

    gates = "feature-gates=MutatingAdmissionPolicy=true", "runtime-config=admissionregistration.k8s.io/v1beta1=true"
    options = ["--nodes", "1", *(word for gate in gates for word in ("--apiserver", gate))]
    vendor = ("--set", "global.imageRegistry=vendor.example")

    def test_names_that_admission_writes_are_those_that_pods_ask_for(self):
        self.shell("kubectl", "create", "namespace", "rewritten")
        self.kubectl(self.line, "apply", "-f", "-", stdin=REWRITE)
        self.addCleanup(self.shell, "helm", "uninstall", "quayside", "-n", "rewritten")
        words = [self.packages[1], "--install", "-n", "rewritten", *self.vendor]
        name = "cache.example/of-the-day/quayside/web:v0.1.0"

        def witnesses() -> dict[str, str]:
            run = self.lighter("plan", *words, code=0)
            return {name["name"]: name["witness"] for name in run.json["releases"][0]["names"]}

        # The API server takes a moment to learn of a policy.
        wait_for("the policy to hold", lambda: witnesses().get(name) == "admitted", 30)
        run = self.lighter("upgrade", *words).json
        self.assertEqual([pod["ready"] for pod in run["releases"][0]["pods"]], [True] * 3)
        pods = self.get(self.line, "pods", "-n", "rewritten", "-l", "app=quayside-web")["items"]
        self.assertEqual({pod["spec"]["containers"][0]["image"] for pod in pods}, {name})
        self.assertIn(name, self.lighter_text("plan", *words).out)

    def test_pods_that_would_be_denied_are_told_before_helm(self):
        self.shell("kubectl", "create", "namespace", "strict")
        self.shell("kubectl", "label", "namespace", "strict", "pod-security.kubernetes.io/enforce=restricted")
        words = [self.packages[1], "--install", "-n", "strict", *self.vendor]
        # Not its snapshots: pods of another test may still be on their way out.
        loaded = [self.content_of("node1")[what] for what in ("images", "blobs")]
        refused = self.lighter("upgrade", *words, code=1).json["blocked"]
        for word in ("E-POD-DENIED", "Deployment/quayside-web", "violates PodSecurity", "--allow-denied"):
            self.assertIn(word, refused)
        self.assertEqual([self.content_of("node1")[what] for what in ("images", "blobs")], loaded)
        plan = self.lighter_text("plan", *words)
        self.assertEqual(plan.code, 1)
        denied = [word.strip() for line in plan.out.splitlines() if "E-POD-DENIED" in line for word in [line.split("--allow-denied")[1]]]
        allowed = [word for owner in denied for word in ("--allow-denied", owner)]
        self.assertEqual(self.lighter("plan", *words, *allowed).json["podDenials"], [])
        self.assertIn("Deployment/none", self.lighter("plan", *words, "--allow-denied", "Deployment/none", code=2).err)


class Hanging(StartTest):
    """A registry that swallows, and a pod that waits for it."""

    options = ["--nodes", "1", "--registry", "swallow"]

    def test_a_pull_that_hangs_and_one_that_was_cut_off(self):
        self.run_on("node1", "early", self.image, "IfNotPresent")
        # A pull that hangs gives up after a while, and is tried again.
        wait_for("a plan to tell of the pull", lambda: self.code() == "E-PULL-INTENT", 120)
        # Cut off: the intent becomes a record without credentials when kubelet is back.
        self.cluster("stop-kubelet", "--name", self.line.settings.name, "node1", "--kill")
        self.cluster("start-kubelet", "--name", self.line.settings.name, "node1")
        wait_for("kubelet to make a record of it", lambda: self.code() == "E-PULL-RECORD", 60)
        self.lighter("agent", "install", "--mirror", HOST)
        self.assertEqual(self.code(), None)
        self.shell("kubectl", "wait", "--for=condition=Ready", "pod/early", "--timeout=300s")

    image = f"{REGISTRY}/quayside/web:v0.1.0"

    def code(self) -> str | None:
        """What a load says of the name."""
        run = self.lighter("load", self.packages[1], "--set", f"global.imageRegistry={REGISTRY}")
        return {problem["name"]: problem["code"] for problem in run.json["startProblems"]}.get(self.image)


if __name__ == "__main__":
    unittest.main(verbosity=2)
