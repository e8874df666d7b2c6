"""Addresses and links of one cluster.

All machines hang on one bridge inside the control plane's network namespace; this machine is one more of them, through
the only link that the cluster adds to it. Nothing forwards beyond the bridge.
"""

import json
from dataclasses import dataclass

from .errors import TestbedError
from .process import run

CLUSTERS_AT_MOST = 16
NODES_AT_MOST = 200


@dataclass(frozen=True)
class Network:
    """Who has which address, decided by the cluster's index on this machine."""

    index: int

    @property
    def host(self) -> str:
        """This machine's address towards the cluster."""
        return f"10.213.{self.index}.1"

    @property
    def control(self) -> str:
        """The control plane's address; the registry's too."""
        return f"10.213.{self.index}.2"

    def node(self, number: int) -> str:
        """The address of the node with that number, from 1."""
        return f"10.213.{self.index}.{10 + number}"

    def pods(self, number: int) -> str:
        """The range of that node's pods."""
        return f"10.{224 + self.index}.{number}.0/24"

    @property
    def services(self) -> str:
        """The range of the services."""
        return f"10.{240 + self.index}.0.0/16"

    @property
    def kubernetes_service(self) -> str:
        """The API server's address for pods."""
        return f"10.{240 + self.index}.0.1"


def free_index(taken: set[int]) -> int:
    """The lowest index that is not taken and whose addresses no link here has; call it under the lock of all clusters."""
    links = json.loads(run("ip", "-json", "-4", "address"))
    here = {address["local"] for link in links for address in link.get("addr_info", [])}
    for index in range(CLUSTERS_AT_MOST):
        if index not in taken and Network(index).host not in here:
            return index
    raise TestbedError(f"{CLUSTERS_AT_MOST} clusters are here already; take one down: cluster status, cluster down --name NAME")


def host_link(cluster: str) -> str:
    """The name of the link that a cluster adds to this machine."""
    return f"lt-{cluster}"


def host_link_exists(cluster: str) -> bool:
    """Whether that link is there."""
    return any(link["ifname"] == host_link(cluster) for link in json.loads(run("ip", "-json", "link")))


def join_host(cluster: str, network: Network, control_pid: int, rate: str | None) -> None:
    """Links this machine to the control plane's namespace and claims the cluster's addresses."""
    link = host_link(cluster)
    _ip(
        [],
        f"link add {link} type veth peer name host netns {control_pid}",
        f"address add {network.host}/24 dev {link}",
        f"link set {link} up",
        f"route add {network.services} via {network.control}",
    )
    _shape([], link, rate)


def leave_host(cluster: str) -> None:
    """Takes the link and its routes away; the kernel may do so at the same time, once the far end's namespace died."""
    try:
        run("ip", "link", "delete", host_link(cluster))
    except TestbedError:
        if host_link_exists(cluster):
            raise


def make_switch(inside: list[str], network: Network, rate: str | None) -> None:
    """In the control plane's namespace: the bridge, the host's port, and no forwarding."""
    run(*inside, "sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward")
    _ip(
        inside,
        "link add bridge type bridge",
        "link set host master bridge up",
        f"address add {network.control}/24 dev bridge",
        f"address add {network.kubernetes_service}/32 dev lo",
        "link set lo up",
        "link set bridge up",
    )
    _shape(inside, "host", rate)


def join_node(control: list[str], node: list[str], node_pid: int, number: int, network: Network, rate: str | None, beyond: str) -> None:
    """Links a node to the bridge; `beyond` says what becomes of packets to anywhere else: refuse or swallow."""
    port = f"node{number}"
    _ip(control, f"link add {port} type veth peer name eth0 netns {node_pid}", f"link set {port} master bridge up")
    _ip(
        node,
        "link set lo up",
        f"address add {network.node(number)}/24 dev eth0",
        "link set eth0 up",
        f"route add {network.services} via {network.control}",
        "route add unreachable default" if beyond == "refuse" else f"route add default via {network.control}",
    )
    _shape(control, port, rate)
    _shape(node, "eth0", rate)


def route_pods(inside: list[str], network: Network, numbers: list[int]) -> None:
    """Makes the pods of the nodes with those numbers reachable from a namespace (or from this machine)."""
    _ip(inside, *(f"route add {network.pods(number)} via {network.node(number)}" for number in numbers))


def require_no_forwarding(control: list[str]) -> None:
    """Refuses to go on where the control plane's namespace would pass the nodes' packets on."""
    if run(*control, "cat", "/proc/sys/net/ipv4/ip_forward").strip() != "0":
        raise TestbedError("ip_forward is not 0 in the control plane's network namespace; packets of nodes could leave it")


def _ip(inside: list[str], *commands: str) -> None:
    run(*inside, "ip", "-batch", "-", stdin="\n".join(commands) + "\n")


def _shape(inside: list[str], link: str, rate: str | None) -> None:
    if rate:
        run(*inside, "tc", "qdisc", "add", "dev", link, "root", "tbf", "rate", rate, "burst", "256kb", "latency", "50ms")
