"""A real Kubernetes on this machine, for tests: each node is a few namespaces with its own containerd and kubelet."""

import os

# Nothing of a cluster goes through a proxy: all of it is on this machine.
for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
    del os.environ[name]

# Debian keeps ip, tc, losetup and others where only root's login shell looks.
os.environ["PATH"] = f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/local/sbin:/usr/sbin:/sbin"
