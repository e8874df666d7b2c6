"""containerd's configuration, for the version that Debian has and for the current one."""

from pathlib import Path

from .network import Network
from .paths import program, tools

PAUSE_IMAGE = "registry.k8s.io/pause:3.10"

_COMMON = """\
root = "@ROOT@"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "@ROOT@/opt"
"""

_VERSION_1 = f"""\
version = 2
{_COMMON}
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "/etc/containerd/certs.d"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"""

_VERSION_2 = f"""\
version = 3
{_COMMON}
[plugins."io.containerd.cri.v1.images"]
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "{PAUSE_IMAGE}"
  [plugins."io.containerd.cri.v1.images".registry]
    config_path = "/etc/containerd/certs.d"
[plugins."io.containerd.cri.v1.runtime"]
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"""

CONFIGS = {"1.6": _VERSION_1, "2": _VERSION_2}


def programs(version: str) -> Path:
    """The folder with containerd, its shim and ctr of that version."""
    return tools("containerd") if version == "2" else Path(program("containerd")).parent


def write_config(etc: Path, version: str, root: str, network: Network) -> None:
    """Writes etc/containerd: the configuration, and where the cluster's own registry is."""
    registry = f"http://{network.control}:5000"
    hosts = etc / "containerd/certs.d" / f"{network.control}:5000" / "hosts.toml"
    hosts.parent.mkdir(parents=True)
    hosts.write_text(f'server = "{registry}"\n[host."{registry}"]\n  capabilities = ["pull", "resolve"]\n')
    (etc / "containerd/config.toml").write_text(CONFIGS[version].replace("@ROOT@", root))
