"""The links of a cluster.

All machines hang on one bridge inside the control plane's network namespace; this machine is one more of them, through
the only link that the cluster adds to it. Nothing forwards beyond the bridge.

Where a function takes `inside`, these are the words before a command that make it run in a machine; none for this one.
"""

import json

from .errors import TestbedError
from .machine import Machine
from .network import Network
from .process import run


def host_link(cluster: str) -> str:
    """The name of the link that a cluster adds to this machine."""
    return f"lt-{cluster}"


def host_link_exists(cluster: str) -> bool:
    """Whether that link is there."""
    return any(link["ifname"] == host_link(cluster) for link in json.loads(run("ip", "-json", "link")))


def join_host(cluster: str, network: Network, control: Machine, rate: str | None) -> None:
    """Links this machine to the bridge."""
    link = host_link(cluster)
    _ip(
        [],
        f"link add {link} type veth peer name host netns {control.pid}",
        f"address add {network.host}/24 dev {link}",
        f"link set {link} up",
        f"route add {network.services} via {network.control}",
    )
    _ip(control.inside, "link set host master bridge up")
    _shape([], link, rate)
    _shape(control.inside, "host", rate)


def leave_host(cluster: str) -> None:
    """Takes the link and its routes away; the kernel may do so at the same time, once the far end's namespace died."""
    try:
        run("ip", "link", "delete", host_link(cluster))
    except TestbedError:
        if host_link_exists(cluster):
            raise


def make_switch(network: Network, control: Machine) -> None:
    """The bridge, the control plane's addresses, and no forwarding."""
    run(*control.inside, "sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward")
    _ip(
        control.inside,
        "link set lo up",
        f"address add {network.kubernetes_service}/32 dev lo",
        "link add bridge type bridge",
        f"address add {network.control}/24 dev bridge",
        "link set bridge up",
    )


def join_node(network: Network, control: Machine, node: Machine, number: int, rate: str | None, beyond: str) -> None:
    """Links a node to the bridge; `beyond` says what becomes of packets to anywhere else: refuse or swallow."""
    port = f"node{number}"
    _ip(
        control.inside,
        f"link add {port} type veth peer name eth0 netns {node.pid}",
        f"link set {port} master bridge up",
    )
    _ip(
        node.inside,
        "link set lo up",
        f"address add {network.node(number)}/24 dev eth0",
        "link set eth0 up",
        f"route add {network.services} via {network.control}",
        "route add unreachable default" if beyond == "refuse" else f"route add default via {network.control}",
    )
    _shape(control.inside, port, rate)
    _shape(node.inside, "eth0", rate)


def route_pods(inside: list[str], network: Network, numbers: list[int]) -> None:
    """Makes the pods of the nodes with those numbers reachable."""
    _ip(inside, *(f"route replace {network.pods(number)} via {network.node(number)}" for number in numbers))


def require_no_forwarding(control: Machine) -> None:
    """Refuses to go on where the control plane's namespace would pass the nodes' packets on."""
    if run(*control.inside, "cat", "/proc/sys/net/ipv4/ip_forward").strip() != "0":
        raise TestbedError("ip_forward is not 0 in the control plane's network namespace: packets could leave by it")


def _ip(inside: list[str], *commands: str) -> None:
    run(*inside, "ip", "-batch", "-", stdin="\n".join(commands) + "\n")


def _shape(inside: list[str], link: str, rate: str | None) -> None:
    if rate:
        bucket = ["tbf", "rate", rate, "burst", "256kb", "latency", "50ms"]
        run(*inside, "tc", "qdisc", "add", "dev", link, "root", *bucket)
