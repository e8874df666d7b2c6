"""Who has which address."""

import json
from dataclasses import dataclass

from .errors import TestbedError
from .process import run

CLUSTERS = "10.213.0.0/16"  # the machines of all of them; their pods and services are in 10.224.0.0/11
CLUSTERS_AT_MOST = 16
NODES_AT_MOST = 200


@dataclass(frozen=True)
class Network:
    """The addresses of one cluster, decided by its index on this machine."""

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
    """The lowest index that is not taken and whose addresses no link here has; for use under the lock of all."""
    links = json.loads(run("ip", "-json", "-4", "address"))
    here = {address["local"] for link in links for address in link.get("addr_info", [])}
    for index in range(CLUSTERS_AT_MOST):
        if index not in taken and Network(index).host not in here:
            return index
    raise TestbedError(f"{CLUSTERS_AT_MOST} clusters are here already ('cluster status'); take one down first")
