"""A node: a machine with the folders of a real host, its own containerd and its own kubelet."""

import subprocess
from pathlib import Path

from . import containerd, kubelet, links
from .cgroup import Cgroup
from .controlplane import ControlPlane, write_kubeconfig
from .errors import TestbedError
from .machine import Machine
from .paths import SOURCES, tools
from .pki import Authority
from .process import Daemon, run, wait_for
from .settings import Settings

PROGRAMS = "/run/testbed/containerd:/run/testbed/kubernetes"
UNUSED_ADDRESS = "198.51.100.53"  # set aside for documentation: no machine has it


class Node(Machine):
    """Node number N of a cluster, named nodeN."""

    namespaces = ["--net", "--mount", "--uts"]

    def __init__(self, number: int, folder: Path, cgroup: Cgroup, settings: Settings, control: ControlPlane):
        name = f"node{number}"
        super().__init__(name, folder / name, cgroup / name)
        self.number = number
        self.address = control.network.node(number)
        self.containerd = Daemon("containerd", self.folder)
        self.kubelet = Daemon("kubelet", self.folder)
        self._settings = settings
        self._control = control

    @property
    def inside(self) -> list[str]:
        """As for any machine, with this node's containerd first in PATH."""
        return [*super().inside, "env", f"PATH={PROGRAMS}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]

    @property
    def root(self) -> Path:
        """Its root directory as this machine sees it."""
        return Path(f"/proc/{self.pid}/root")

    def make(self) -> None:
        """Makes its folders, disk and namespaces, and links it to the others."""
        settings, control = self._settings, self._control
        self.folder.mkdir()
        self._write_etc(self.folder / "etc")
        if settings.disk:
            image = self.folder / "disk.img"
            run("truncate", "--size", settings.disk, image)
            run("mkfs.ext4", "-q", "-m", "0", "-E", "nodiscard", image)
        programs = containerd.programs(settings.containerd)
        self.boot(SOURCES / "prepare-node.sh", self.name, self.folder, tools("kubernetes"), programs)
        links.join_node(control.network, control, self, self.number, settings.link, settings.beyond)

    def start_containerd(self) -> None:
        """Starts containerd and waits until it answers."""
        if self.containerd.pid:
            raise TestbedError(f"containerd runs already on {self.name}")
        self.containerd.start([*self.inside, "containerd", "--config", "/etc/containerd/config.toml"])

        def answers() -> bool:
            return subprocess.run([*self.inside, "ctr", "version"], capture_output=True).returncode == 0

        wait_for(f"containerd of {self.name} to answer", answers, 60, [self.containerd])

    def start_kubelet(self) -> None:
        """Starts kubelet; the node is Ready some moments later."""
        if self.kubelet.pid:
            raise TestbedError(f"kubelet runs already on {self.name}")
        self.kubelet.start([
            *self.inside, "kubelet",
            "--config=/etc/kubernetes/kubelet.json", "--kubeconfig=/etc/kubernetes/kubeconfig",
            f"--hostname-override={self.name}", f"--node-ip={self.address}",
        ])  # fmt: skip

    def import_image(self, archive: Path) -> str:
        """Loads a docker-archive into containerd's namespace for Kubernetes; returns what ctr said."""
        command = [*self.inside, "ctr", "--namespace", "k8s.io", "images", "import", "-"]
        with archive.open("rb") as stream:
            done = subprocess.run(command, stdin=stream, capture_output=True, text=True)
        if done.returncode != 0:
            raise TestbedError(f"{self.name} did not import {archive}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def _write_etc(self, etc: Path) -> None:
        settings, network = self._settings, self._control.network
        containerd.write_config(etc, settings.containerd, settings.containerd_root, network)
        (etc / "cni/net.d").mkdir(parents=True)
        (etc / "cni/net.d/10-pods.conflist").write_text(_pod_network(network.pods(self.number)))

        kubernetes = etc / "kubernetes"
        kubernetes.mkdir()
        authority = Authority(self._control.pki)
        names = [f"IP:{self.address}", f"DNS:{self.name}"]
        subject = f"/O=system:nodes/CN=system:node:{self.name}"
        authority.issue(kubernetes / "kubelet.crt", kubernetes / "kubelet.key", subject, names)
        (kubernetes / "ca.crt").write_bytes(authority.certificate.read_bytes())
        write_kubeconfig(kubernetes / "kubeconfig", network, kubernetes, "kubelet")
        kubelet.write_config(kubernetes / "kubelet.json", f"/{self.cgroup.path}", bool(settings.disk), settings.kubelet)

        (etc / "hostname").write_text(f"{self.name}\n")
        nodes = (f"{network.node(number)} node{number}\n" for number in range(1, settings.nodes + 1))
        (etc / "hosts").write_text("127.0.0.1 localhost\n" + "".join(nodes))
        name_server = UNUSED_ADDRESS if settings.beyond == "swallow" else network.control
        (etc / "resolv.conf").write_text(f"nameserver {name_server}\n")


def _pod_network(pods: str) -> str:
    ranges = f'[[{{"subnet": "{pods}"}}]]'
    return f"""\
{{"cniVersion": "0.4.0", "name": "pods", "plugins": [{{
  "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false,
  "ipam": {{"type": "host-local", "ranges": {ranges}, "routes": [{{"dst": "0.0.0.0/0"}}]}}
}}]}}
"""
