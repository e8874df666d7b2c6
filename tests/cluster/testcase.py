"""What the tests of the test cluster share."""

import json
import os
import subprocess
import unittest
from pathlib import Path

from testbed import lifecycle, paths
from testbed.cluster import Cluster
from testbed.image import write_image

CLUSTER = Path(__file__).resolve().with_name("cluster")
IMAGE = "example.com/tests/pause:1"


class ClusterTest(unittest.TestCase):
    """Runs `cluster` as a user does; what a test brings up is taken down."""

    def name(self, suffix: str = "") -> str:
        """A cluster name of this process' own, so that several runs do not meet."""
        return f"t{os.getpid()}{suffix}"

    def cluster(self, *words: str, status: int = 0) -> str:
        """Runs a command, which must end with that status, and returns all that it printed."""
        done = subprocess.run([CLUSTER, *words], input="", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, status, f"cluster {' '.join(words)}:\n{done.stdout}")
        return done.stdout

    def up(self, name: str, *options: str) -> Cluster:
        """Brings a cluster up and sees to its end."""
        self.addCleanup(self.cluster, "down", "--name", name)
        self.cluster("up", "--name", name, *options)
        return lifecycle.open_cluster(name)

    def kubectl(self, cluster: Cluster, *words: str, stdin: str | None = None) -> str:
        """Runs kubectl on a cluster."""
        command = [paths.tools("kubernetes") / "kubectl", "--kubeconfig", cluster.control.kubeconfig, *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, f"kubectl {' '.join(words)}: {done.stderr}{done.stdout}")
        return done.stdout

    def get(self, cluster: Cluster, *words: str) -> dict:
        """What kubectl get says, as JSON."""
        return json.loads(self.kubectl(cluster, "get", *words, "--output=json"))

    def ready_nodes(self, cluster: Cluster) -> list[str]:
        """The names of the nodes that are Ready."""
        conditions = '{range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}'
        lines = self.kubectl(cluster, "get", "nodes", f"--output=jsonpath={conditions}").splitlines()
        return [line.split()[0] for line in lines if line.endswith(" True")]

    def run_pod(self, cluster: Cluster, name: str, node: str) -> dict:
        """Runs a pod from an image that is imported first, waits until it runs, and returns it."""
        archive = cluster.folder / "pod.tar"
        write_image(archive, IMAGE, ["/pause"], {"/pause": cluster.folder / "pause"})
        self.cluster("import", "--name", cluster.settings.name, node, str(archive))
        container = {"name": "it", "image": IMAGE, "imagePullPolicy": "Never"}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {"nodeName": node, "terminationGracePeriodSeconds": 0, "containers": [container]},
        }
        self.kubectl(cluster, "apply", "--filename=-", stdin=json.dumps(pod))
        self.kubectl(cluster, "wait", "--for=condition=Ready", "--timeout=60s", f"pod/{name}")
        return self.get(cluster, "pod", name)
