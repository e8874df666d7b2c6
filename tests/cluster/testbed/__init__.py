"""A real Kubernetes on this machine, for tests: each node is a few namespaces with its own containerd and kubelet."""
