"""What the tests of the whole line share: a cluster with agents, sample packages, lighter itself."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from testbed import paths
from testbed.cluster import Cluster
from testcase import ClusterTest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests"))

import documents  # noqa: E402

BUILD = Path(os.environ.get("LIGHTER_BUILD") or REPOSITORY / "build/release")
REGISTRY = "10.16.10.111/release.example.io"
NAMESPACE = "harbor"
# What comes and goes by itself and says nothing about an installation.
VOLATILE = {"events", "leases", "endpoints", "endpointslices", "componentstatuses", "controllerrevisions"}


class Lighter:
    """One finished run of lighter: exit code, what it printed, its JSON result (None where there is none)."""

    def __init__(self, code: int, out: str, err: str):
        self.code, self.out, self.err = code, out, err
        self.json = json.loads(out) if out.startswith("{") else None

    def __str__(self) -> str:
        return f"exit code {self.code}\n{self.out}\n{self.err}"


class LineTest(ClusterTest):
    """One cluster with agents for all tests of a class; each test leaves the agents as it found them."""

    options: list[str] = []
    containerd = "1.6"
    helm = "4"
    size_mib = 24
    install: list[str] = []  # flags of `lighter agent install`
    own_pki = False  # agents by the chart, with certificates from files; else by `lighter agent install`
    line: Cluster
    folder: Path

    @classmethod
    def setUpClass(cls):
        case = cls()
        name = case.name()
        cls.addClassCleanup(case.doCleanups)
        cls.line = case.up(name, "--containerd", cls.containerd, *cls.options)
        cls.folder = cls.line.folder
        case.bring_agents()
        cls.packages = {version: case.make_package(version) for version in (1, 2)}

    def bring_agents(self) -> None:
        """Once, before the first test."""
        if self.own_pki:
            self.shell(REPOSITORY / "tests/cluster/install-chart", self.line.settings.name)
        else:
            self.lighter("agent", "install", *self.install)

    def environment(self, helm: str | None = None) -> dict[str, str]:
        """What a user's shell has after `cluster env`, and lighter's own variables."""
        tools = f"{paths.tools('kubernetes')}:{paths.tools(f'helm{helm or self.helm}')}"
        tls = {"LIGHTER_TLS_DIR": str(self.folder / "tls/coordinator")} if self.own_pki else {}
        return os.environ | tls | {
            "KUBECONFIG": str(self.line.control.kubeconfig),
            "PATH": f"{tools}:{os.environ['PATH']}",
            "LIGHTER_PROGRESS": "json",
            "XDG_STATE_HOME": str(self.folder / "state"),
        }

    def shell(self, *words, status: int = 0, helm: str | None = None) -> str:
        """Runs a command in that environment, which must end with that status."""
        done = subprocess.run(
            words, env=self.environment(helm), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.assertEqual(done.returncode, status, f"{' '.join(map(str, words))}:\n{done.stdout}")
        return done.stdout

    def shell_status(self, *words) -> int:
        """Runs a command in that environment and returns its exit code."""
        return subprocess.run(words, env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True).returncode

    def make_package(self, version: int, *options: str) -> Path:
        """Writes the sample package of that version."""
        path = self.folder / f"quayside_v0.{version}.0{''.join(options)}.tar"
        app = BUILD / "lighter-sample-app"
        words = ["package", "--version", str(version), "--size-mib", str(self.size_mib), "--app", app, "--out", path]
        self.shell(BUILD / "lighter-sample", *words, *options)
        return path

    def make_helm(self, name: str, script: str) -> Path:
        """A helm that does what the script says before it is the real one."""
        path = self.folder / name
        path.write_text(f'#!/bin/sh\n{script}\nexec helm "$@"\n')
        path.chmod(0o755)
        return path

    def start_lighter(self, *words, helm: str | None = None) -> subprocess.Popen:
        """Starts lighter; its result is asked for as JSON, progress comes as JSON lines on stderr."""
        command = [BUILD / "lighter", *words, "-o", "json"]
        return subprocess.Popen(
            command, env=self.environment(helm), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def finish(self, process: subprocess.Popen) -> Lighter:
        """Waits for a started lighter."""
        out, err = process.communicate(timeout=300)
        run = Lighter(process.returncode, out, err)
        self.assertEqual(documents.problems(run.json) if run.json else [], [], "docs/json.md and this document differ")
        return run

    def lighter(self, *words, code: int = 0, helm: str | None = None) -> Lighter:
        """Runs lighter, which must end with that exit code."""
        run = self.finish(self.start_lighter(*words, helm=helm))
        self.assertEqual(run.code, code, f"lighter {' '.join(map(str, words))}: {run}")
        return run

    def agent_status(self) -> list[dict]:
        """What each node's agent says of itself; it may tell of a problem."""
        run = self.finish(self.start_lighter("agent", "status"))
        self.assertIn(run.code, (0, 4), run)
        return run.json["nodes"]

    def lighter_text(self, *words) -> Lighter:
        """Runs lighter as it is, without asking for JSON; any exit code."""
        done = subprocess.run([BUILD / "lighter", *words], env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return Lighter(done.returncode, done.stdout, done.stderr)

    def run_on(self, node: str, name: str, image: str, policy: str) -> None:
        """Creates a pod that is bound to a node from its first moment; the node may have to register first."""
        container = {"name": "it", "image": image, "imagePullPolicy": policy}
        spec = {"nodeName": node, "terminationGracePeriodSeconds": 0, "containers": [container]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
        self.kubectl(self.line, "create", "-f", "-", stdin=json.dumps(pod))
        self.addCleanup(self.shell, "kubectl", "delete", "pod", name, "--wait")

    def wait_until_sending(self, process: subprocess.Popen, node: str, at_least: int) -> None:
        """Reads a started lighter's progress until that node has so many bytes, and not yet all."""
        for line in process.stderr:
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("node") != node or event.get("doneBytes", 0) < at_least:
                continue
            self.assertLess(event["doneBytes"], event["totalBytes"], "the load was over before the fault; make the package larger")
            return
        self.fail(f"lighter ended before {node} had {at_least} bytes: {process.communicate()}")

    def install_version_1(self, release: str, registry: str, helm: str | None = None) -> None:
        """Loads version 1 and installs it with helm, as a first installation does."""
        setting = f"global.imageRegistry={registry}"
        self.lighter("load", self.packages[1], "--set", setting, helm=helm)
        chart = self.folder / "chart-v1"
        if not chart.exists():
            chart.mkdir()
            command = "tar -xOf $0 --wildcards '*.bundle.tar' | tar -xC $1"
            self.shell("bash", "-c", command, self.packages[1], chart)
        self.shell("helm", "install", release, chart / "original-chart", "-n", NAMESPACE, "--create-namespace", "--set", setting, "--wait", helm=helm)

    def revision(self, release: str) -> int:
        """The release's current revision."""
        status = json.loads(self.shell("helm", "status", release, "-n", NAMESPACE, "-o", "json"))
        return status["version"]

    def objects(self) -> set[str]:
        """Every object of the cluster, by kind, namespace and name."""
        found = set()
        for scope in ("true", "false"):
            kinds = self.shell("kubectl", "api-resources", "--verbs=list", f"--namespaced={scope}", "-o", "name").split()
            wanted = ",".join(kind for kind in kinds if kind.split(".")[0] not in VOLATILE)
            found.update(self.shell("kubectl", "get", wanted, "-A", "-o", "custom-columns=K:.kind,N:.metadata.namespace,M:.metadata.name", "--no-headers").splitlines())
        return {" ".join(line.split()) for line in found}

    def ctr(self, node: str, *words: str) -> str:
        """Runs ctr in a node, namespace k8s.io, and returns its stdout; its warnings go elsewhere."""
        command = [*self.line.node(node).inside, "ctr", "-n", "k8s.io", *words]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, f"{node}: ctr {' '.join(words)}: {done.stderr}")
        return done.stdout

    def config_digest(self, node: str, name: str) -> str:
        """The config digest behind an image name on a node, by way of the stored manifest."""
        for line in self.ctr(node, "images", "ls").splitlines():
            fields = line.split()
            if fields and fields[0] == name:
                return json.loads(self.ctr(node, "content", "get", fields[2]))["config"]["digest"]
        self.fail(f"{node} has no image {name}")

    def content_of(self, node: str) -> dict[str, list[str]]:
        """Everything that a load can leave on a node, sorted: names, blobs, snapshots, ingests, leases."""
        listings = {
            "images": ["images", "ls", "-q"],
            "blobs": ["content", "ls", "-q"],
            "snapshots": ["snapshots", "ls"],
            "ingests": ["content", "active"],
            "leases": ["leases", "ls", "-q"],
        }
        return {what: sorted(self.ctr(node, *words).splitlines()) for what, words in listings.items()}

    def assert_nothing_leaked(self, node: str) -> None:
        """No lease, ingest or half-made snapshot of a load is left on a node (GC may take a moment)."""
        deadline = time.monotonic() + 20
        while True:
            content = self.content_of(node)
            leaked = [line for line in content["leases"] if "lighter-load" in line]
            leaked += [line for line in content["ingests"] if "sha256" in line]
            leaked += [line for line in content["snapshots"] if "extract" in line.split()[0]]
            if not leaked or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        self.assertEqual(leaked, [], node)
