#!/usr/bin/env python3
"""The kubelet's image GC on a filling disk: what lighter loaded stays usable, other images go. Needs root and a build."""

import json
import os
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from linecase import REGISTRY, LineTest
from testbed.image import write_image
from testbed.process import wait_for

MIB = 1 << 20
FREE = 50  # per cent of the disk; with less the kubelet deletes every image that no pod uses
BULKY, SMALL = "docker.io/tests/bulky:1", "docker.io/tests/small:1"
RECREATED_WITHIN = 5  # seconds


class Gc(LineTest):
    """One node with a disk of its own, without pins: kubelet deletes the release's images, too, and the agent puts them back."""

    # What `imageGCHighThresholdPercent` does every 5 minutes, the eviction manager does every 10 s.
    options = [
        "--nodes", "1", "--disk", "1G",
        "--kubelet", f'evictionHard={{"imagefs.available": "{FREE}%"}}', "--kubelet", 'evictionPressureTransitionPeriod="1s"',
        "--kubelet", 'imageMinimumGCAge="1s"',
    ]  # fmt: skip
    pins = False

    def name(self, suffix: str = "") -> str:
        return super().name(f"c{self.containerd[0]}{suffix}")

    @classmethod
    def prepare(cls) -> None:
        """Everything up to the end of the collection."""
        super().setUpClass()
        case = cls()
        names = case.lighter("load", cls.packages[1], "--set", f"global.imageRegistry={REGISTRY}").json["names"]
        cls.names = {name["name"]: name["configDigest"] for name in names}
        case.import_others()
        before = case.images()
        case.assertLessEqual({*cls.names, BULKY, SMALL}, before.keys())
        case.fill_disk()
        cls.longest_absence = case.watch({name: before[name] for name in cls.names})

    @classmethod
    def setUpClass(cls):
        """All clusters at once, by setUpModule."""

    def import_others(self) -> None:
        """Images that lighter knows nothing of; the large one takes 64 MiB, being stored and unpacked."""
        bulk = self.folder / "bulk"
        bulk.write_bytes(os.urandom(32 * MIB))
        for name, file in ((BULKY, bulk), (SMALL, self.folder / "pause")):
            write_image(self.folder / "other.tar", name, ["/file"], {"/file": file})
            self.cluster("import", "--name", self.line.settings.name, "node1", str(self.folder / "other.tar"))

    def fill_disk(self) -> None:
        """So far that the large image is enough to get out of it again."""
        disk = os.statvfs(self.line.node("node1").root / "var/lib/containerd")
        wanted = disk.f_blocks * FREE // 100 - 16 * MIB // disk.f_frsize
        size = (disk.f_bavail - wanted) * disk.f_frsize
        self.assertGreater(size, 0)
        self.shell(*self.line.node("node1").inside, "fallocate", "-l", str(size), "/var/lib/filler")

    def images(self) -> dict[str, str]:
        """Names and manifest digests."""
        rows = [line.split() for line in self.ctr("node1", "images", "ls").splitlines()[1:]]
        return {row[0]: row[2] for row in rows}

    def watch(self, names: dict[str, str]) -> float:
        """Looks until the others are gone and the names are there; how long one of these was away or another image at most."""
        last_seen = dict.fromkeys(names, time.monotonic())
        longest = 0.0

        def settled() -> bool:
            nonlocal longest
            images, now = self.images(), time.monotonic()
            for name, digest in names.items():
                if images.get(name) == digest:
                    last_seen[name] = now
                longest = max(longest, now - last_seen[name])
            return not {BULKY, SMALL} & images.keys() and min(last_seen.values()) == now

        wait_for("the kubelet to delete what no pod uses", settled, 90)
        # A name that kubelet deletes last may not be back yet, or not even be gone.
        until = time.monotonic() + RECREATED_WITHIN
        while not settled() or time.monotonic() < until:
            time.sleep(0.1)
        return longest

    def kept(self) -> dict:
        return self.agent_status()[0]["desired"]

    def test_other_images_go_and_every_name_of_the_release_is_usable(self):
        self.assertLess(self.longest_absence, RECREATED_WITHIN)
        for name, digest in self.names.items():
            self.assertEqual(self.config_digest("node1", name), digest)
        kept = self.kept()
        self.assertEqual([(release["images"], release["missing"]) for release in kept["releases"]], [(len(self.names), 0)])
        self.assertEqual((kept["problem"], kept["pins"]), ("", self.pins))

    def test_the_status_tells_what_was_put_back(self):
        self.assertEqual(self.kept()["recreatedNames"] >= len(self.names), not self.pins)
        self.assertEqual(self.kept()["recreatedNames"] == 0, self.pins)

    def test_a_pod_that_must_not_pull_runs(self):
        # Until then kubelet refuses every pod.
        self.shell("kubectl", "wait", "--for=condition=DiskPressure=False", "node/node1", "--timeout=60s")
        for number, name in enumerate(self.names):
            if "/helper:" in name:
                continue
            container = {"name": "it", "image": name, "imagePullPolicy": "Never"}
            spec = {"nodeName": "node1", "terminationGracePeriodSeconds": 0, "containers": [container]}
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"pod-{number}"}, "spec": spec}
            self.kubectl(self.line, "create", "-f", "-", stdin=json.dumps(pod))
            self.shell("kubectl", "wait", "--for=condition=Ready", f"pod/pod-{number}", "--timeout=60s")


class GcOnContainerd2(Gc):
    """With pins kubelet passes the release's images by."""

    containerd = "2"
    pins = True


def setUpModule():
    """Most of the time goes by waiting for the kubelets, which can as well be done together."""
    cases = [Gc, GcOnContainerd2]
    for case in cases:
        unittest.addModuleCleanup(case.doClassCleanups)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda case: case.prepare(), cases))


if __name__ == "__main__":
    unittest.main(verbosity=2)
