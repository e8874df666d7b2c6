#!/usr/bin/env python3
"""Helm fails, Helm is killed, lighter is killed or loses its terminal: what production is then, and the way on. Needs root and a build."""

import json
import os
import signal
import subprocess
import time
import unittest
from pathlib import Path

from linecase import NAMESPACE, REGISTRY, LineTest

RELEASE = "quayside"
HOOK = ["--set", "migration.enabled=true"]
SLOW_HOOK = [*HOOK, "--set-string", "migration.does=--sleep=600"]
QUICK_HOOK = [*HOOK, "--set-string", "migration.does=--sleep=0"]
SECRET = "kept-to-itself"
NEVER_READY = ["--set", "migration.enabled=false", "--set-string", "web.readiness=--fail"]


def children(pid: int) -> list[int]:
    """The processes that this one has started."""
    return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]


class Recover(LineTest):
    """Each test begins with version 1 and no hook."""

    def setUp(self):
        self.install_version_1(RELEASE, REGISTRY)
        self.addCleanup(self.shell, "helm", "uninstall", RELEASE, "-n", NAMESPACE, "--wait")
        self.before = self.pods()

    def pods(self) -> set[str]:
        """Pods of web and worker that are not going away."""
        items = self.get(self.line, "pods", "-n", NAMESPACE, "-l", f"release={RELEASE}")["items"]
        return {pod["metadata"]["name"] for pod in items if "deletionTimestamp" not in pod["metadata"]}

    def status(self) -> str:
        """Helm's word for the release."""
        return self.get_release()["info"]["status"]

    def get_release(self) -> dict:
        return json.loads(self.shell("helm", "status", RELEASE, "-n", NAMESPACE, "-o", "json"))

    def wait_for(self, what: str, found) -> None:
        deadline = time.monotonic() + 60
        while not found():
            self.assertLess(time.monotonic(), deadline, f"{what} did not come")
            time.sleep(0.2)

    def start_and_wait_for_hook(self) -> subprocess.Popen:
        """An upgrade whose pre-upgrade hook runs and does not end."""
        process = self.start_lighter("upgrade", self.packages[2], *SLOW_HOOK)

        def hook_runs() -> bool:
            items = self.get(self.line, "pods", "-n", NAMESPACE, "-l", f"job-name={RELEASE}-migration")["items"]
            return any(pod["status"].get("phase") == "Running" for pod in items)

        self.wait_for("the hook", hook_runs)
        return process

    def start_and_wait_for_pods(self) -> subprocess.Popen:
        """An upgrade that waits for pods which never are ready."""
        process = self.start_lighter("upgrade", self.packages[2], *NEVER_READY)
        self.wait_for("a new pod", lambda: self.pods() - self.before)
        return process

    def helm_of(self, process: subprocess.Popen) -> int:
        found = [child for child in children(process.pid) if "helm" in Path(f"/proc/{child}/cmdline").read_text()]
        self.assertEqual(len(found), 1)
        return found[0]

    def assert_upgraded(self, *words) -> dict:
        run = self.lighter("upgrade", self.packages[2], *words).json
        self.assertEqual(run["releases"][0]["state"], "upgraded")
        self.assertEqual(self.status(), "deployed")
        return run

    def test_helm_killed_in_the_hook(self):
        process = self.start_and_wait_for_hook()
        os.kill(self.helm_of(process), signal.SIGKILL)
        run = self.finish(process)
        self.assertEqual(run.code, 1, run)
        self.assertEqual([run.json["releases"][0][key] for key in ("state", "changed")], ["failed", True])
        self.assertEqual(self.pods() & self.before, self.before)  # the pods of version 1 run on
        self.assertEqual(self.status(), "pending-upgrade")

        # Without consent nothing is done about it.
        run = self.lighter("upgrade", self.packages[2], *QUICK_HOOK, code=1)
        self.assertIn("Nothing was changed", run.err)
        self.assertIn("--recover", run.err)
        self.assertEqual(self.status(), "pending-upgrade")
        self.assert_upgraded("--recover", *QUICK_HOOK)

    def test_lighter_killed_in_the_hook_and_in_the_wait(self):
        for start in (self.start_and_wait_for_hook, self.start_and_wait_for_pods):
            process = start()
            process.kill()
            process.communicate()
            # Helm is asked to end with it, and says what it leaves.
            self.wait_for("Helm's end", lambda: self.status() == "failed")
        # What the failed attempts had set does not come back by itself.
        run = self.assert_upgraded()
        self.assertTrue(any("values are taken from revision" in note for note in run["notes"]), run["notes"])

    def test_a_lost_terminal_in_the_wait(self):
        process = self.start_lighter("upgrade", self.packages[2])
        self.wait_for("a new pod", lambda: self.pods() - self.before)
        process.send_signal(signal.SIGHUP)
        run = self.finish(process)
        self.assertEqual(run.json["releases"][0]["state"], "upgraded")
        self.assertEqual(self.status(), "deployed")

    def assert_put_back(self, *words) -> str:
        """An upgrade that fails and is put back; what its evidence says."""
        run = self.lighter("upgrade", self.packages[2], "--rollback-on-failure", "--timeout", "15s", *words, code=1)
        release = run.json["releases"][0]
        self.assertEqual([release[key] for key in ("state", "putBack", "putBackError", "wayBack")], ["failed", True, "", ""])
        self.assertEqual(self.get_release()["info"]["status"], "deployed")
        images = {c["image"] for pod in self.get(self.line, "pods", "-n", NAMESPACE, "-l", f"release={RELEASE}")["items"]
                  if "deletionTimestamp" not in pod["metadata"] for c in pod["spec"]["containers"]}
        self.assertTrue(all(image.endswith(":v0.1.0") for image in images), images)
        evidence = Path(release["evidence"])
        self.assertEqual(evidence.stat().st_mode & 0o777, 0o600)
        return evidence.read_text()

    def test_helm_fails(self):
        evidence = self.assert_put_back(*HOOK, "--set-string", "migration.does=--fail")
        self.assertIn("quayside-migration", evidence)
        evidence = self.assert_put_back(*NEVER_READY)
        self.assertIn("Readiness probe failed", evidence)
        self.assert_secrets_are_kept(*NEVER_READY)
        self.assert_upgraded()

    def assert_secrets_are_kept(self, *words) -> None:
        """What --set and values files carry is on no screen, on no command line, and in files of mode 0600 that are for it."""
        log, values = self.folder / "command-lines", self.folder / "secret.yaml"
        values.write_text(f"db: {{user: {SECRET}-0}}\n")
        helm = self.make_helm("spying-helm", f'printf "%s\\n" "$*" >> {log}\ntr "\\0" " " < /proc/$PPID/cmdline >> {log}')
        words = [self.packages[2], *words, "-f", values, "--set", f"db.password={SECRET}-1,db.port=5432", "--set-string", f"db.token={SECRET}-2", "--helm", helm]
        approved = self.folder / "approved.json"
        plan = self.lighter_text("plan", *words, "--out", approved)
        run = self.lighter("upgrade", *words, "--rollback-on-failure", "--timeout", "5s", code=1)
        told = [text for text in (plan.out, plan.err, run.out, run.err, log.read_text()) if SECRET in text]
        self.assertEqual(told, [])
        self.assertIn("--set-file db.password=", log.read_text())
        folder = Path(run.json["runFolder"])
        self.assertEqual(folder.stat().st_mode & 0o777, 0o700)
        holders = [path for path in folder.rglob("*") if path.is_file() and SECRET in path.read_text(errors="replace")]
        self.assertEqual({path.parent.name for path in holders}, {"values"})
        self.assertEqual({path.stat().st_mode & 0o777 for path in [*holders, approved, folder / "plan.json", folder / "report.json"]}, {0o600})


class RecoverWithHelm3(Recover):
    """The same with helm 3."""

    helm = "3"


if __name__ == "__main__":
    unittest.main(verbosity=2)
