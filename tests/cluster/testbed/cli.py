"""The command line of `cluster`: what can be said; what it does is in commands."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from . import commands
from .errors import TestbedError
from .pki import BACK_DATED_DAYS

DESCRIPTION = """\
A real Kubernetes on this machine, for tests: each node is a few namespaces with its own containerd and kubelet.
No packet of it leaves the machine. Needs root. Prepare once with:
  tests/setup/packages.sh cluster && tests/setup/tools.sh all"""


def main(words: list[str]) -> int:
    """Runs one command and returns its exit status."""
    end = words.index("--") if "--" in words else len(words)
    options = _parser().parse_args(words[:end])
    options.command = words[end + 1 :]
    try:
        options.run(options)
    except (TestbedError, OSError) as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("cluster: interrupted; 'cluster down' removes what is there", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cluster", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, run: Callable, what: str, examples: list[str]) -> argparse.ArgumentParser:
        epilog = "\n".join(["examples:", *(f"  cluster {example}" for example in examples)])
        layout = argparse.RawDescriptionHelpFormatter
        command = subparsers.add_parser(name, help=what, description=what, epilog=epilog, formatter_class=layout)
        command.set_defaults(run=run)
        return command

    _add_life(add)
    _add_nodes(add)
    _add_files(add)
    return parser


def _add_life(add: Callable) -> None:
    up = _on_cluster(add(
        "up", commands.up, "start a cluster and wait until its nodes are Ready",
        ["up", "up --nodes 8 --link 200mbit", "up --name two --containerd 2 --disk 4G", "up --kubelet maxPods=200"],
    ))  # fmt: skip
    up.add_argument("--nodes", type=int, default=3, help="how many (default: 3)")
    up.add_argument("--containerd", choices=["1.6", "2"], default="1.6", help="Debian's own, or 2.x (default: 1.6)")
    up.add_argument("--disk", metavar="SIZE", help="give each node an ext4 of this size, with kubelet's own limits")
    up.add_argument("--link", metavar="RATE", help="shape each link both ways, this machine's too, like 200mbit")
    up.add_argument(
        "--registry",
        choices=["refuse", "swallow", "serve"],
        default="refuse",
        help="what a pull meets: refusal at once (default), silence, or refusal but for the cluster's own registry",
    )
    up.add_argument("--containerd-root", metavar="PATH", default="/var/lib/containerd", help="below /var/lib on the nodes")
    kubelet = {"metavar": "KEY=JSON", "action": "append", "default": [], "help": "a KubeletConfiguration key"}
    up.add_argument("--kubelet", **kubelet)
    up.add_argument("--apiserver", metavar="FLAG=VALUE", action="append", default=[], help="a flag of kube-apiserver, without its hyphens")

    taints = """registerWithTaints=[{"key": "example.com/new", "effect": "NoSchedule"}]"""
    examples = ["add-node", "add-node --name two", f"add-node --kubelet '{taints}'"]
    join = _on_cluster(add("add-node", commands.add_node, "add a node to a cluster that is up", examples))
    join.add_argument("--kubelet", **kubelet | {"help": "a KubeletConfiguration key of this node alone"})

    what = "remove a cluster, or what is left of one, without a trace"
    _on_cluster(add("down", commands.down, what, ["down", "down --name two"]))
    add("status", commands.status, "show the clusters of this machine and what runs of them", ["status"])
    _on_cluster(add("kubeconfig", commands.kubeconfig, "print the path of the kubeconfig", ["kubeconfig --name two"]))

    what = "print export lines for KUBECONFIG and PATH (kubectl, helm)"
    env = _on_cluster(add("env", commands.env, what, ["env", "env --helm 3"]))
    env.add_argument("--helm", choices=["3", "4"], default="4", help="which helm (default: 4)")


def _add_nodes(add: Callable) -> None:
    node = _on_node(add(
        "node", commands.node, "run a command in a node",
        ["node node1 -- ctr -n k8s.io images ls", "node node2 -- ip link set eth0 down"],
    ))  # fmt: skip
    node.usage = "cluster node NODE [--name NAME] -- COMMAND ..."

    what = "print where this machine sees a node's root directory, its containerd's socket below it"
    _on_node(add("root", commands.root, what, ["root node1", "root node1   (and: /run/containerd/containerd.sock)"]))

    for daemon in ("containerd", "kubelet"):
        name = f"stop-{daemon}"
        what = f"stop a node's {daemon}; its pods stay"
        stop = _on_node(add(name, commands.stop, what, [f"{name} node1", f"{name} node1 --kill"]))
        stop.add_argument("--kill", action="store_true", help="with SIGKILL")
        stop.set_defaults(daemon=daemon)
        name = f"start-{daemon}"
        start = _on_node(add(name, commands.start, f"start a node's {daemon} again", [f"{name} node1"]))
        start.set_defaults(daemon=daemon)

    what = "load a docker-archive into containerd with ctr"
    load = _on_node(add("import", commands.import_image, what, ["import node1 app.tar", "import all app.tar"]))
    load.add_argument("file", metavar="FILE", type=Path)


def _add_files(add: Callable) -> None:
    image = add(
        "image", commands.image, "make a docker-archive of one layer from files",
        ["image --name example.com/agent:1 --entrypoint /agent --add build/agent:/agent -o agent.tar"],
    )  # fmt: skip
    image.add_argument("--name", required=True, help="the image's name with its tag")
    image.add_argument("--entrypoint", required=True, help="what it starts, with arguments as in a shell")
    image.add_argument("--add", action="append", required=True, metavar="FILE:/PATH", help="a file and where it goes")
    image.add_argument("-o", "--output", required=True, type=Path, metavar="FILE")

    certs = _on_cluster(add(
        "certs", commands.certs, "make lighter's certificates: DIR/agent and DIR/coordinator, under a CA of DIR's own",
        [
            "certs /tmp/pki",
            "certs /tmp/pki --san IP:192.0.2.7 --san DNS:edge",
            "certs /tmp/pki --days -1   (from the CA that is there, but expired)",
            "certs /tmp/strangers       (another CA, for tests of refusal)",
        ],
    ))  # fmt: skip
    certs.add_argument("dir", metavar="DIR", type=Path)
    certs.add_argument("--san", action="append", default=[], help="one more name of the agent, beside the nodes' own")
    what = f"until when from today (default: 30); they begin {BACK_DATED_DAYS} days ago"
    certs.add_argument("--days", type=int, default=30, help=what)


def _on_cluster(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    command.add_argument("--name", default="lighter", help="the cluster (default: lighter)")
    return command


def _on_node(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    command.add_argument("node", metavar="NODE", help="node1, node2, ...")
    return _on_cluster(command)
