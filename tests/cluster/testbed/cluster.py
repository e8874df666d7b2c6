"""The machines of one cluster, and how they start."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from . import containerd, links
from .cgroup import Cgroup
from .controlplane import ControlPlane
from .errors import TestbedError
from .image import write_pause_image
from .network import Network
from .node import Node
from .process import wait_for
from .settings import Record


class Cluster:
    """A control plane and its nodes, in a folder and a cgroup."""

    def __init__(self, record: Record, folder: Path, cgroup: Cgroup):
        self.settings = record.settings
        self.folder = folder
        self.network = Network(record.index)
        self.control = ControlPlane(folder, cgroup, self.network, self.settings.registry == "serve", self.settings.apiserver)
        numbers = range(1, self.settings.nodes + 1)
        self.nodes = [Node(number, folder, cgroup, self.settings, self.control) for number in numbers]

    def node(self, name: str) -> Node:
        """The node of that name."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise TestbedError(f"cluster {self.settings.name} has no node '{name}'; it has node1 to {self.nodes[-1].name}")

    def is_alive(self) -> bool:
        """Whether the machines and the control plane run; what a test stopped on a node does not count."""
        machines = [self.control, *self.nodes]
        return all(m.holder.pid for m in machines) and all(d.pid for d in self.control.daemons.values())

    def start(self) -> None:
        """Starts everything, in the order in which one needs another, saying how long each step took."""
        with _step("machines, links and certificates"):
            self.control.make()
            links.make_switch(self.network, self.control)
            links.join_host(self.settings.name, self.network, self.control, self.settings.link)
            _for_each(self.nodes, Node.make)
            self._route_pods()
        with _step("etcd and API server"):
            self.control.start_api()
            self.control.start_controllers()
        if self.settings.registry == "serve":
            with _step("registry"):
                self.control.start_registry()
        with _step("containerd"):
            pause = self.folder / "pause.tar"
            write_pause_image(pause, containerd.PAUSE_IMAGE, self.folder)
            _for_each(self.nodes, Node.start_containerd)
            _for_each(self.nodes, lambda node: node.import_image(pause))
        with _step("kubelet, nodes Ready"):
            _for_each(self.nodes, Node.start_kubelet)
            wait_for("all nodes to be Ready", self._nodes_are_ready, 120, self._daemons())
        with _step("default service account"):
            wait_for("the default service account", self._accounts_are_made, 60, self._daemons())

    def start_node(self, name: str) -> Node:
        """Starts a node of the settings that is not there yet; it is Ready some moments later."""
        node = self.node(name)
        node.make()
        self._route_pods()
        node.start_containerd()
        node.import_image(self.folder / "pause.tar")
        node.start_kubelet()
        return node

    def _route_pods(self) -> None:
        numbers = [node.number for node in self.nodes]
        links.route_pods([], self.network, numbers)
        links.route_pods(self.control.inside, self.network, numbers)
        for node in self.nodes:
            links.route_pods(node.inside, self.network, [number for number in numbers if number != node.number])
        links.require_no_forwarding(self.control)

    def _daemons(self) -> list:
        return [*self.control.daemons.values(), *(d for node in self.nodes for d in (node.containerd, node.kubelet))]

    def _nodes_are_ready(self) -> bool:
        nodes = json.loads(self.control.get("/api/v1/nodes") or '{"items": []}')["items"]
        conditions = [condition for node in nodes for condition in node["status"]["conditions"]]
        return sum(c["type"] == "Ready" and c["status"] == "True" for c in conditions) == len(self.nodes)

    def _accounts_are_made(self) -> bool:
        return self.control.get("/api/v1/namespaces/default/serviceaccounts/default") is not None


def _for_each(nodes: list[Node], action) -> None:
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(action, nodes))


@contextmanager
def _step(what: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    print(f"  {time.monotonic() - started:5.1f} s  {what}", flush=True)
