#!/usr/bin/env python3
"""Clusters come up, run pods, survive crashes, and leave nothing behind. Needs root; takes about a minute."""

import os
import random
import signal
import subprocess
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from testbed import lifecycle, paths
from testbed.cgroup import Cgroup
from testbed.process import wait_for
from testcase import CLUSTER, ClusterTest
from traces import namespaces_of, traces_of


class Life(ClusterTest):
    """One cluster, from its start to its end."""

    def down_and_look(self, name: str) -> None:
        namespaces = namespaces_of(name)
        folder = paths.clusters() / name
        self.assertTrue(traces_of(name, folder, namespaces), "the search finds nothing even of a cluster that is up")
        self.cluster("down", "--name", name)
        self.assertEqual(traces_of(name, folder, namespaces), [])

    def test_a_pod_runs_and_nothing_is_left(self):
        cluster = self.up(self.name(), "--nodes", "2", "--disk", "1G")
        self.assertEqual(self.ready_nodes(cluster), ["node1", "node2"])
        pod = self.run_pod(cluster, "one", "node2")
        self.assertEqual(pod["status"]["phase"], "Running")
        self.down_and_look(self.name())

    def test_up_twice_is_fine_and_other_options_are_refused(self):
        name = self.name()
        first = self.up(name, "--nodes", "1")
        self.assertIn("already up", self.cluster("up", "--name", name, "--nodes", "1"))
        self.assertEqual(lifecycle.open_cluster(name).control.pid, first.control.pid)
        self.assertIn("--nodes 1, not 2", self.cluster("up", "--name", name, "--nodes", "2", status=1))

    def test_down_of_nothing_is_fine(self):
        self.assertIn("nothing to do", self.cluster("down", "--name", self.name()))
        self.assertFalse((paths.clusters() / self.name()).exists())

    def test_two_live_side_by_side(self):
        names = [self.name("a"), self.name("b")]
        with ThreadPoolExecutor() as pool:
            one, two = pool.map(lambda name: self.up(name, "--nodes", "1"), names)
        self.assertNotEqual(one.network, two.network)
        for cluster in (one, two):
            self.run_pod(cluster, "same-name", "node1")
        self.down_and_look(names[0])
        self.assertTrue(two.is_alive())
        self.assertEqual(self.get(two, "pod", "same-name")["status"]["phase"], "Running")


class Crash(ClusterTest):
    """Ends that nobody planned."""

    def test_up_starts_afresh_after_everything_was_killed_midway(self):
        name, seed = self.name(), random.randrange(1000)
        delay = random.Random(seed).uniform(0.1, 4)
        self.addCleanup(self.cluster, "down", "--name", name)
        with self._starting(name, "--disk", "1G") as starting:
            time.sleep(delay)
            starting.kill()
        self._kill_all(name)
        with self.subTest(seed=seed, delay=delay):
            cluster = self.up(name, "--nodes", "2", "--disk", "1G")
            self.assertEqual(self.ready_nodes(cluster), ["node1", "node2"])

    def test_down_after_only_up_was_killed(self):
        name = self.name()
        folder = paths.clusters() / name
        self.addCleanup(self.cluster, "down", "--name", name)
        with self._starting(name) as starting:
            wait_for("the API server to start", lambda: (folder / "control/kube-apiserver.pid").exists(), 30)
            starting.kill()
        namespaces = namespaces_of(name)
        self.assertTrue(namespaces)
        self.assertIn("is down", self.cluster("down", "--name", name))
        self.assertEqual(traces_of(name, folder, namespaces), [])

    def test_up_replaces_a_cluster_whose_processes_all_died(self):
        name = self.name()
        before = self.up(name, "--nodes", "1").control.pid
        self._kill_all(name)
        self.assertIn("broken", self.cluster("status"))
        after = self.up(name, "--nodes", "1")
        self.assertNotEqual(after.control.pid, before)
        self.assertEqual(self.ready_nodes(after), ["node1"])

    def _starting(self, name: str, *options: str) -> subprocess.Popen:
        return subprocess.Popen([CLUSTER, "up", "--name", name, "--nodes", "2", *options], stdout=subprocess.DEVNULL)

    def _kill_all(self, name: str) -> None:
        for pid in Cgroup(f"lighter-{name}").processes():
            os.kill(pid, signal.SIGKILL)


class Groups(ClusterTest):
    """Groups are looked through while kubelets and other clusters make and remove some."""

    def test_groups_that_go_meanwhile_are_passed_over(self):
        group = Cgroup(f"lighter-{self.name()}")
        self.addCleanup(group.remove)
        group.create()
        over = threading.Event()

        def come_and_go():
            while not over.is_set():
                (group / "pod/container").create()
                (group / "pod").remove()

        with ThreadPoolExecutor() as pool:
            done = pool.submit(come_and_go)
            try:
                for _ in range(300):
                    self.assertEqual(group.processes(), set())
            finally:
                over.set()
            done.result()


class Daemons(ClusterTest):
    """containerd and kubelet stop and start without the pods' noticing."""

    def test_pods_survive_the_death_of_containerd(self):
        for version in ("1.6", "2"):
            with self.subTest(containerd=version):
                name = self.name(version[0])
                cluster = self.up(name, "--nodes", "1", "--containerd", version)
                node = cluster.node("node1")
                runtime = self.get(cluster, "node", "node1")["status"]["nodeInfo"]["containerRuntimeVersion"]
                self.assertTrue(runtime.startswith(f"containerd://{version}."), runtime)
                before = self.run_pod(cluster, "survivor", "node1")
                mounts = os.readlink(f"/proc/{node.containerd.pid}/ns/mnt")
                self.cluster("stop-containerd", "--name", name, "node1", "--kill")
                self.assertIsNone(node.containerd.pid)
                self.cluster("start-containerd", "--name", name, "node1")
                self.assertEqual(os.readlink(f"/proc/{node.containerd.pid}/ns/mnt"), mounts)
                self.run_pod(cluster, "newcomer", "node1")
                after = self.get(cluster, "pod", "survivor")
                self.assertEqual(after["status"]["containerStatuses"], before["status"]["containerStatuses"])

    def test_kubelet_stops_and_starts(self):
        name = self.name()
        cluster = self.up(name, "--nodes", "1")
        self.cluster("stop-kubelet", "--name", name, "node1")
        self.assertIn("not running", self.cluster("stop-kubelet", "--name", name, "node1", status=1))
        self.cluster("start-kubelet", "--name", name, "node1")
        self.assertIn("runs already", self.cluster("start-kubelet", "--name", name, "node1", status=1))
        self.run_pod(cluster, "later", "node1")


if __name__ == "__main__":
    unittest.main()
