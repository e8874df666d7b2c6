"""What each command of `cluster` does, from its parsed options."""

import json
import os
import shlex
import signal
import sys
from argparse import Namespace

from . import image as images
from . import lifecycle, pki
from .cluster import Cluster
from .errors import TestbedError
from .network import CLUSTERS
from .node import Node
from .paths import tools
from .settings import Settings


def up(options: Namespace) -> None:
    """Starts a cluster and says how to use it."""
    _require_root()
    settings = Settings(
        name=options.name,
        nodes=options.nodes,
        containerd=options.containerd,
        disk=options.disk,
        link=options.link,
        registry=options.registry,
        containerd_root=options.containerd_root,
        kubelet=dict(_key_and_value(text) for text in options.kubelet),
        apiserver=[f"--{text}" for text in options.apiserver],
    )
    cluster = lifecycle.up(settings)
    name = "" if settings.name == "lighter" else f" --name {settings.name}"
    if settings.registry == "serve":
        print(f"registry  {cluster.network.control}:5000 (plain http)")
    print(f"kubectl   {tools('kubernetes')}/kubectl --kubeconfig {cluster.control.kubeconfig} get nodes")
    print(f'or        eval "$({sys.argv[0]} env{name})" && kubectl get nodes')


def add_node(options: Namespace) -> None:
    """Adds a node to a cluster."""
    node = lifecycle.add_node(options.name, dict(_key_and_value(text) for text in options.kubelet))
    print(f"{node.name} joins cluster {options.name}; it is Ready in a moment")


def down(options: Namespace) -> None:
    """Removes a cluster."""
    _require_root()
    print(f"cluster {options.name} is {'down' if lifecycle.down(options.name) else 'not here; nothing to do'}")


def status(_: Namespace) -> None:
    """Shows all clusters."""
    _require_root()
    names = lifecycle.all_names()
    if not names:
        print("no cluster is here")
    for name in names:
        try:
            _show(lifecycle.open_cluster(name))
        except TestbedError:
            print(f"{name}: half up; remove it with: cluster down --name {name}")


def kubeconfig(options: Namespace) -> None:
    """Prints the kubeconfig's path."""
    print(_open(options).control.kubeconfig)


def env(options: Namespace) -> None:
    """Prints what a shell evaluates to use the cluster."""
    programs = f"{tools('kubernetes')}:{tools(f'helm{options.helm}')}"
    print(f"export KUBECONFIG={shlex.quote(str(_open(options).control.kubeconfig))}")
    print(f'export PATH={shlex.quote(programs)}:"$PATH"')
    print(f'export NO_PROXY="{CLUSTERS},${{NO_PROXY:-}}"')


def node(options: Namespace) -> None:
    """Becomes a command in a node."""
    if not options.command:
        raise TestbedError("say what to run: cluster node NODE -- COMMAND ...")
    command = [*_open_node(options).inside, *options.command]
    os.execvp(command[0], command)


def root(options: Namespace) -> None:
    """Prints a node's root directory."""
    print(_open_node(options).root)


def stop(options: Namespace) -> None:
    """Stops a node's containerd or kubelet."""
    daemon = getattr(_open_node(options), options.daemon)
    daemon.stop(signal.SIGKILL if options.kill else signal.SIGTERM)


def start(options: Namespace) -> None:
    """Starts a node's containerd or kubelet."""
    getattr(_open_node(options), f"start_{options.daemon}")()


def import_image(options: Namespace) -> None:
    """Loads an archive into one node or all."""
    cluster = _open(options)
    for each in cluster.nodes if options.node == "all" else [cluster.node(options.node)]:
        print(each.import_image(options.file), end="")


def image(options: Namespace) -> None:
    """Makes an image."""
    files = dict(images.parse_addition(text) for text in options.add)
    images.write_image(options.output, options.name, shlex.split(options.entrypoint), files)


def certs(options: Namespace) -> None:
    """Makes certificates, good for the nodes of the cluster where it is up."""
    nodes = lifecycle.open_cluster(options.name).nodes if options.name in lifecycle.all_names() else []
    pki.make_role_set(options.dir, [*(f"IP:{each.address}" for each in nodes), *options.san], options.days)


def _require_root() -> None:
    if os.geteuid() != 0:
        raise TestbedError("namespaces and mounts need root; run it with: sudo -E")


def _open(options: Namespace) -> Cluster:
    _require_root()
    return lifecycle.open_cluster(options.name)


def _open_node(options: Namespace) -> Node:
    return _open(options).node(options.node)


def _key_and_value(text: str) -> tuple[str, object]:
    key, _, value = text.partition("=")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError as error:
        raise TestbedError(f"--kubelet {text}: what follows the '=' must be JSON ({error})") from None


def _show(cluster: Cluster) -> None:
    state = "up" if cluster.is_alive() else "broken; start it afresh with: cluster up"
    print(f"{cluster.settings.name}: {state}, folder {cluster.folder}")
    machines = [("control", cluster.network.control, list(cluster.control.daemons.values()))]
    machines += [(each.name, each.address, [each.containerd, each.kubelet]) for each in cluster.nodes]
    for name, address, daemons in machines:
        print(f"  {name:8} {address:14}", *(f"{each.name} {each.pid or 'stopped'}" for each in daemons), sep="  ")
