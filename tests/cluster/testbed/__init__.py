"""A real Kubernetes on this machine, for tests: each node is a few namespaces with its own containerd and kubelet."""

import os

# Debian keeps ip, tc, losetup and others where only root's login shell looks.
os.environ["PATH"] = f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/local/sbin:/usr/sbin:/sbin"
