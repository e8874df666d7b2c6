#!/usr/bin/env python3
"""Proof without the package, and the way back: lighter verify and rollback on real parts. Needs root and a build."""

import time
import unittest

from linecase import BUILD, NAMESPACE, REGISTRY, LineTest

WEB = f"{REGISTRY}/quayside/web"


class Verify(LineTest):
    """One release that has gone from version 1 over 2 to 3, so that nothing holds the images of 1 any more."""

    size_mib = 8

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls()
        cls.packages[3] = case.make_package(3)
        case.install_version_1("quayside", REGISTRY)
        case.lighter("upgrade", cls.packages[2], helm="3")
        case.lighter("upgrade", cls.packages[3])

    def verify(self, *words, code: int = 0) -> dict:
        """What `lighter verify quayside` says of the release."""
        run = self.lighter("verify", "quayside", *words, code=code).json
        self.assertEqual(run["proven"], code == 0)
        return run["releases"][0]

    def problems(self, *words) -> list[tuple[str, str, list[str]]]:
        """Code, name and nodes of what is not proven."""
        return [(p["code"], p["name"], p["nodes"]) for p in self.verify(*words, code=4)["problems"]]

    def has(self, node: str, name: str) -> bool:
        return name in self.ctr(node, "images", "ls", "-q").splitlines()

    def assert_runs(self, version: int) -> None:
        """The release is deployed, and all of its pods are of that version and ready."""
        pods = self.get(self.line, "pods", "-n", NAMESPACE)["items"]
        running = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        self.assertEqual({pod["spec"]["containers"][0]["image"].split(":")[-1] for pod in running}, {f"v0.{version}.0"})
        self.assertTrue(all(pod["status"]["containerStatuses"][0]["ready"] for pod in running))
        verified = self.verify()
        self.assertEqual((verified["version"], verified["status"], verified["unreadyPods"]), (f"0.{version}.0", "deployed", []))

    def test_proven_after_the_upgrade_and_another_image_under_a_name(self):
        revision = self.revision("quayside")
        text = self.lighter_text("verify")
        self.assertIn(f"quayside (namespace {NAMESPACE}) revision {revision}, chart 0.3.0: 3 names proven on 3 nodes\n", text.out)
        self.assertEqual(text.code, 0, text)
        web = f"{WEB}:v0.3.0"
        self.assertIn(web, self.verify()["names"])

        # The list holds this name, so the agent would put it back; but it is not the agent's to move.
        self.ctr("node2", "images", "tag", "--force", f"{REGISTRY}/quayside/helper:v0.3.0", web)
        self.assertEqual(self.problems(), [("E-IMAGE-OTHER", web, ["node2"])])
        self.lighter("load", self.packages[3])
        self.verify()

        self.assertIn("no release named hydra", self.lighter("verify", "hydra", code=1).err)
        self.assertIn("revision 99 of release quayside", self.lighter("verify", "quayside", "--revision", "99", code=1).err)

    def test_a_revision_that_nothing_holds_any_more(self):
        web = f"{WEB}:v0.1.0"
        self.verify("--revision", "1")
        before = self.revision("quayside")
        self.ctr("node2", "images", "tag", web, "localhost/kept:1")
        self.ctr("node2", "images", "rm", web)
        self.assertEqual(self.problems("--revision", "1"), [("E-IMAGE-MISSING", web, ["node2"])])
        refused = self.lighter("rollback", "quayside", "1", code=4)
        self.assertEqual(refused.json["verified"]["problems"][0]["nodes"], ["node2"])
        self.assertIn("lighter load PACKAGE", refused.json["verified"]["problems"][0]["remedy"])
        text = self.lighter_text("rollback", "quayside", "1")
        self.assertTrue(text.out.startswith("Helm was not run: no release was changed"), text)
        self.assertEqual(self.revision("quayside"), before)
        self.assert_runs(3)

        self.ctr("node2", "images", "tag", "localhost/kept:1", web)
        self.ctr("node2", "images", "rm", "localhost/kept:1")
        plan = self.lighter("rollback", "quayside", "1", "--dry-run").json
        self.assertEqual((plan["proven"], plan["fromRevision"], plan["toRevision"]), (True, before, 1))
        self.assertEqual(self.revision("quayside"), before)
        run = self.lighter("rollback", "quayside", "1", helm="3").json["release"]
        self.assertEqual((run["state"], run["fromVersion"], run["toVersion"]), ("rolled back", "0.3.0", "0.1.0"))
        self.assert_runs(1)
        # The nodes hold what runs from now on, and what ran until now for the way back.
        for name in (web, f"{WEB}:v0.3.0"):
            self.ctr("node3", "images", "rm", name)
            deadline = time.monotonic() + 20
            while not self.has("node3", name) and time.monotonic() < deadline:
                time.sleep(0.2)
            self.assertTrue(self.has("node3", name), f"{name} is not put back")
        self.lighter("rollback", "quayside")
        self.assert_runs(3)

    def test_an_archive_for_other_tools(self):
        archive = self.folder / "exported.tar"
        self.shell(BUILD / "lighter", "export", self.packages[2], "--set", "global.imageRegistry=10.9.9.9/exported", "-o", archive)
        self.ctr("node1", "images", "import", str(archive))
        web = "10.9.9.9/exported/quayside/web:v0.2.0"
        bundle = self.lighter("inspect", self.packages[2]).json["bundles"][0]
        digest = next(image["configDigest"] for image in bundle["images"] if image["names"][0].endswith("/web:v0.2.0"))
        self.assertEqual(self.config_digest("node1", web), digest)
        self.run_on("node1", "exported", web, "Never")
        self.shell("kubectl", "wait", "--for=condition=Ready", "pod/exported", "--timeout=30s")

    def test_a_helm_that_was_killed_with_helm_3_then_4(self):
        killer = self.make_helm(
            "killed-helm",
            'case "$*" in *--dry-run*) ;; "upgrade quayside "*)\n'
            '  helm "$@" & helm=$!\n'
            f"  until helm status quayside -n {NAMESPACE} -o json | grep -q pending-upgrade; do sleep 0.1; done\n"
            "  kill -9 $helm; exit 137 ;;\n"
            "esac",
        )
        for helm in ("3", "4"):
            before = self.revision("quayside")
            # The values differ from those that run, so there is something to wait for.
            words = ["--set", "web.replicas=3", "--helm", killer]
            run = self.lighter("upgrade", self.packages[2], *words, code=1, helm=helm)
            self.assertEqual(run.json["releases"][0]["wayBack"], f"lighter rollback quayside {before} -n {NAMESPACE}")
            stuck = self.lighter("upgrade", self.packages[2], code=1, helm=helm)
            self.assertIn("is pending-upgrade", stuck.err)
            self.assertIn(f"`lighter rollback quayside -n {NAMESPACE}`", stuck.err)
            run = self.lighter("rollback", "quayside", helm=helm)
            self.assertEqual((run.json["fromStatus"], run.json["toRevision"], run.json["release"]["state"]), ("pending-upgrade", before, "rolled back"))
            self.assertIn("cut off", run.json["notes"][0])
            self.assert_runs(3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
