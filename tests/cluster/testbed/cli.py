"""The command line of `cluster`."""

import argparse
import json
import os
import shlex
import signal
import sys
from pathlib import Path

from . import image, lifecycle, pki
from .cluster import Cluster
from .errors import TestbedError
from .paths import clusters, tools
from .settings import Settings

DESCRIPTION = """\
A real Kubernetes on this machine, for tests: each node is a few namespaces with its own containerd and kubelet.
No packet of it leaves the machine. Needs root; prepare once with: tests/setup/packages.sh cluster && tests/setup/tools.sh all"""


def main(words: list[str]) -> int:
    """Runs one command and returns its exit status."""
    end = words.index("--") if "--" in words else len(words)
    options = _parser().parse_args(words[:end])
    options.command = words[end + 1 :]
    try:
        return options.run(options) or 0
    except TestbedError as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("cluster: interrupted; 'cluster down' removes what is there", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cluster", description=DESCRIPTION, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, run, what: str, *examples: str, on_cluster: bool = True) -> argparse.ArgumentParser:
        epilog = "\n".join(["examples:", *(f"  cluster {example}" for example in examples)])
        command = commands.add_parser(
            name, help=what, description=what, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        command.set_defaults(run=run)
        if on_cluster:
            command.add_argument("--name", default="lighter", help="the cluster (default: lighter)")
        return command

    up = add("up", _up, "start a cluster and wait until its nodes are Ready", "up", "up --nodes 8 --link 200mbit",
             "up --name two --containerd 2 --disk 4G", "up --kubelet serializeImagePulls=false")  # fmt: skip
    up.add_argument("--nodes", type=int, default=3, help="how many (default: 3)")
    up.add_argument("--containerd", choices=["1.6", "2"], default="1.6", help="Debian's own, or 2.x (default: 1.6)")
    up.add_argument("--disk", metavar="SIZE", help="give each node an ext4 of its own of this size, with kubelet's own limits")
    up.add_argument("--link", metavar="RATE", help="shape every link, this machine's included, both ways, like 200mbit")
    up.add_argument("--registry", choices=["refuse", "swallow", "serve"], default="refuse",
                    help="what a pull meets: refused at once (default), no answer ever, or also a registry of the cluster")  # fmt: skip
    up.add_argument("--kubelet", metavar="KEY=JSON", action="append", default=[], help="set a key of KubeletConfiguration")

    add("down", _down, "remove a cluster, or what is left of one, without a trace", "down", "down --name two")
    add("status", _status, "show the clusters of this machine and what runs of them", "status", on_cluster=False)
    add("kubeconfig", _kubeconfig, "print the path of the kubeconfig", "kubeconfig --name two")
    env = add("env", _env, "print export lines for KUBECONFIG and PATH (kubectl, helm)", "env --helm 3", "env | source /dev/stdin")
    env.add_argument("--helm", choices=["3", "4"], default="4", help="which helm (default: 4)")

    node = add("node", _node, "run a command in a node", "node node1 -- ctr -n k8s.io images ls", "node node2 -- ip link set eth0 down")
    node.add_argument("node", metavar="NODE")
    node.usage = "cluster node NODE [--name NAME] -- COMMAND ..."

    root = add("root", _root, "print where this machine sees a node's root directory", "root node1", "root node1   (its containerd: unix://$(cluster root node1)/run/containerd/containerd.sock)")
    root.add_argument("node", metavar="NODE")

    for what in ("containerd", "kubelet"):
        stop = add(f"stop-{what}", _stop, f"stop a node's {what}; its pods stay", f"stop-{what} node1", f"stop-{what} node1 --kill")
        stop.add_argument("node", metavar="NODE")
        stop.add_argument("--kill", action="store_true", help="with SIGKILL")
        stop.set_defaults(daemon=what)
        start = add(f"start-{what}", _start, f"start a node's {what} again", f"start-{what} node1")
        start.add_argument("node", metavar="NODE")
        start.set_defaults(daemon=what)

    load = add("import", _import, "load a docker-archive into containerd with ctr", "import node1 app.tar", "import all app.tar")
    load.add_argument("node", metavar="NODE|all")
    load.add_argument("file", metavar="FILE", type=Path)

    make = add("image", _image, "make a docker-archive of one layer from files", on_cluster=False, *[
        "image --name example.com/agent:1 --entrypoint /agent --add build/agent:/agent -o agent.tar"])  # fmt: skip
    make.add_argument("--name", required=True, help="the image's name with its tag")
    make.add_argument("--entrypoint", required=True, help="what it starts, with arguments as in a shell")
    make.add_argument("--add", action="append", required=True, metavar="FILE:/PATH", help="a file and where it goes")
    make.add_argument("-o", "--output", required=True, type=Path, metavar="FILE")

    certs = add("certs", _certs, "make lighter's certificates: DIR/agent and DIR/coordinator, under a CA of DIR's own",
                "certs /tmp/pki", "certs /tmp/pki --san IP:192.0.2.7 --san DNS:edge", "certs /tmp/pki --days -1   (the same CA, expired)",
                "certs /tmp/strangers   (another CA, for tests of refusal)")  # fmt: skip
    certs.add_argument("dir", metavar="DIR", type=Path)
    certs.add_argument("--san", action="append", default=[], help="one more name of the agent, beside the running cluster's nodes")
    certs.add_argument("--days", type=int, default=30, help=f"until when (default: 30); they begin {pki.BACK_DATED_DAYS} days ago")
    return parser


def _require_root() -> None:
    if os.geteuid() != 0:
        raise TestbedError("namespaces and mounts need root; run it with: sudo -E")


def _open(options: argparse.Namespace) -> Cluster:
    _require_root()
    return lifecycle.open_cluster(options.name)


def _up(options: argparse.Namespace) -> None:
    _require_root()
    settings = Settings(
        name=options.name, nodes=options.nodes, containerd=options.containerd, disk=options.disk, link=options.link,
        registry=options.registry, kubelet=dict(_key_and_json(text) for text in options.kubelet),
    )  # fmt: skip
    cluster = lifecycle.up(settings)
    name = "" if settings.name == "lighter" else f" --name {settings.name}"
    if settings.registry == "serve":
        print(f"registry  {cluster.network.control}:5000 (plain http)")
    print(f"kubectl   {tools('kubernetes')}/kubectl --kubeconfig {cluster.control.kubeconfig} get nodes")
    print(f"or        eval \"$({sys.argv[0]} env{name})\" && kubectl get nodes")


def _key_and_json(text: str) -> tuple[str, object]:
    key, _, value = text.partition("=")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError as error:
        raise TestbedError(f"--kubelet {text}: what follows the '=' must be JSON ({error})") from None


def _down(options: argparse.Namespace) -> None:
    _require_root()
    print(f"cluster {options.name} is {'down' if lifecycle.down(options.name) else 'not here; nothing to do'}")


def _status(_: argparse.Namespace) -> None:
    _require_root()
    names = lifecycle.all_names()
    if not names:
        print("no cluster is here")
    for name in names:
        try:
            cluster = lifecycle.open_cluster(name)
        except TestbedError:
            print(f"{name}: half up; remove it with: cluster down --name {name}")
            continue
        print(f"{name}: {'up' if cluster.is_alive() else 'broken; start it afresh with: cluster up'}, folder {cluster.folder}")
        machines = [(cluster.control.name, cluster.network.control, cluster.control.daemons.values())]
        machines += [(node.name, node.address, (node.containerd, node.kubelet)) for node in cluster.nodes]
        for machine, address, daemons in machines:
            print(f"  {machine:8} {address:14}", *(f"{daemon.name} {daemon.pid or 'stopped'}" for daemon in daemons), sep="  ")


def _kubeconfig(options: argparse.Namespace) -> None:
    print(_open(options).control.kubeconfig)


def _env(options: argparse.Namespace) -> None:
    programs = f"{tools('kubernetes')}:{tools(f'helm{options.helm}')}"
    print(f"export KUBECONFIG={shlex.quote(str(_open(options).control.kubeconfig))}")
    print(f'export PATH={shlex.quote(programs)}:"$PATH"')


def _node(options: argparse.Namespace) -> None:
    if not options.command:
        raise TestbedError("say what to run: cluster node NODE -- COMMAND ...")
    command = [*_open(options).node(options.node).inside, *options.command]
    os.execvp(command[0], command)


def _root(options: argparse.Namespace) -> None:
    print(_open(options).node(options.node).root)


def _stop(options: argparse.Namespace) -> None:
    node = _open(options).node(options.node)
    getattr(node, options.daemon).stop(signal.SIGKILL if options.kill else signal.SIGTERM)


def _start(options: argparse.Namespace) -> None:
    getattr(_open(options).node(options.node), f"start_{options.daemon}")()


def _import(options: argparse.Namespace) -> None:
    cluster = _open(options)
    for node in cluster.nodes if options.node == "all" else [cluster.node(options.node)]:
        print(node.import_image(options.file), end="")


def _image(options: argparse.Namespace) -> None:
    files = dict(image.parse_addition(text) for text in options.add)
    image.write_image(options.output, options.name, shlex.split(options.entrypoint), files)


def _certs(options: argparse.Namespace) -> None:
    nodes = lifecycle.open_cluster(options.name).nodes if options.name in lifecycle.all_names() else []
    pki.make_role_set(options.dir, [*(f"IP:{node.address}" for node in nodes), *options.san], options.days)
