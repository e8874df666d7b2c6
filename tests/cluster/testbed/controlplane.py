"""etcd, the API server, its controllers and the scheduler, in a network namespace of their own."""

import base64
import json
import subprocess
from pathlib import Path

from .cgroup import Cgroup
from .machine import Machine
from .network import Network
from .paths import program, tools
from .pki import Authority, make_key
from .process import Daemon, tied_to_us, wait_for


class ControlPlane(Machine):
    """The machine that all nodes' links meet in."""

    def __init__(self, folder: Path, cgroup: Cgroup, network: Network, with_registry: bool, flags: list[str]):
        super().__init__("control", folder / "control", cgroup / "control")
        self.network = network
        self.flags = flags
        self.kubeconfig = folder / "kubeconfig"
        self.pki = folder / "pki"
        names = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]
        self.daemons = {name: Daemon(name, self.folder) for name in names + ["docker-registry"] * with_registry}

    def make(self) -> None:
        """Makes its namespace with the switch in it, and the cluster's certificates."""
        self.folder.mkdir()
        self.boot()
        self._make_certificates()

    def _make_certificates(self) -> None:
        authority = Authority(self.pki)
        names = [f"IP:{self.network.control}", f"IP:{self.network.kubernetes_service}", "DNS:kubernetes.default.svc"]
        authority.issue(self.pki / "apiserver.crt", self.pki / "apiserver.key", "/CN=kube-apiserver", names)
        authority.issue(self.pki / "admin.crt", self.pki / "admin.key", "/O=system:masters/CN=admin")
        make_key(self.pki / "service-accounts.key")
        write_kubeconfig(self.kubeconfig, self.network, self.pki, "admin")

    def start_api(self) -> None:
        """Starts etcd and the API server and waits for it to be ready."""
        kube, pki = tools("kubernetes"), self.pki
        self._start(
            "etcd", program("etcd"),
            f"--data-dir={self.folder}/etcd", "--unsafe-no-fsync",
            "--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379",
            "--listen-peer-urls=http://127.0.0.1:2380",
        )  # fmt: skip
        self._start(
            "kube-apiserver", kube / "kube-apiserver",
            "--etcd-servers=http://127.0.0.1:2379",
            # Port 443 on all addresses, one of them the service's: pods reach it with no kube-proxy.
            "--secure-port=443", f"--advertise-address={self.network.control}",
            f"--service-cluster-ip-range={self.network.services}",
            f"--tls-cert-file={pki}/apiserver.crt", f"--tls-private-key-file={pki}/apiserver.key",
            f"--client-ca-file={pki}/ca.crt", f"--kubelet-certificate-authority={pki}/ca.crt",
            f"--kubelet-client-certificate={pki}/admin.crt", f"--kubelet-client-key={pki}/admin.key",
            "--kubelet-preferred-address-types=InternalIP",
            f"--service-account-key-file={pki}/service-accounts.key",
            f"--service-account-signing-key-file={pki}/service-accounts.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--authorization-mode=Node,RBAC", "--allow-privileged=true", *self.flags,
        )  # fmt: skip
        watched = [self.daemons["etcd"], self.daemons["kube-apiserver"]]
        wait_for("the API server to be ready", lambda: self.get("/readyz") == "ok", 90, watched)

    def start_controllers(self) -> None:
        """Starts the controller manager and the scheduler."""
        kube, pki = tools("kubernetes"), self.pki
        self._start(
            "kube-controller-manager", kube / "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", "--bind-address=127.0.0.1",
            f"--root-ca-file={pki}/ca.crt",
            f"--service-account-private-key-file={pki}/service-accounts.key",
            f"--flex-volume-plugin-dir={self.folder}/volume-plugins",
        )  # fmt: skip
        self._start(
            "kube-scheduler", kube / "kube-scheduler",
            f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", "--bind-address=127.0.0.1",
        )  # fmt: skip

    def start_registry(self) -> None:
        """Starts an empty registry on port 5000 of the control plane's address."""
        registry = self.daemons["docker-registry"]
        config = self.folder / "registry.json"
        config.write_text(json.dumps({
            "version": 0.1,
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "registry")}, "delete": {"enabled": True}},
            "http": {"addr": f"{self.network.control}:5000"},
        }))  # fmt: skip
        self._start("docker-registry", program("docker-registry"), "serve", config)
        wait_for("the registry to listen", lambda: "listening on" in registry.log.read_text(), 20, [registry])

    def get(self, path: str) -> str | None:
        """What the API server says at a path; None where it gives no answer yet."""
        # It ends with this program: an `up` that is killed leaves no kubectl waiting for an answer.
        kubectl = [tools("kubernetes") / "kubectl", f"--kubeconfig={self.kubeconfig}", "--request-timeout=5s"]
        done = subprocess.run([*kubectl, "get", "--raw", path], capture_output=True, text=True, preexec_fn=tied_to_us())
        return done.stdout if done.returncode == 0 else None

    def _start(self, name: str, *command: object) -> None:
        self.daemons[name].start([*self.inside, *command])


def write_kubeconfig(path: Path, network: Network, pki: Path, user: str) -> None:
    """A kubeconfig that needs no other file."""

    def content(name: str) -> str:
        return base64.b64encode((pki / name).read_bytes()).decode()

    cluster = {"server": f"https://{network.control}", "certificate-authority-data": content("ca.crt")}
    keys = {"client-certificate-data": content(f"{user}.crt"), "client-key-data": content(f"{user}.key")}
    path.touch(mode=0o600)
    path.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": user, "user": keys}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": user}}],
    }, indent=1))  # fmt: skip
