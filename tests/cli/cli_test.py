#!/usr/bin/env python3
"""The command line as a user meets it: help, exit codes, streams, completion. Needs a build, no cluster."""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import documents  # noqa: E402

BUILD = Path(os.environ.get("LIGHTER_BUILD") or Path(__file__).resolve().parents[2] / "build/release")
COMMANDS = ["inspect", "plan", "load", "upgrade", "verify", "rollback", "export", "prune", "completion", "man"]
AGENT_COMMANDS = ["install", "upgrade", "status", "uninstall", "export"]


def run(*words, env: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(words, env=os.environ | (env or {}), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


class CommandLine(unittest.TestCase):
    """lighter, run as a child."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.package = cls.folder / "package.tar"
        cls.make_package(cls.package)

    @staticmethod
    def make_package(path: Path, *options: str) -> None:
        """Writes a small sample package."""
        words = ["package", "--version", "1", "--size-mib", "2", "--app", BUILD / "lighter-sample-app", "--out", path]
        made = run(BUILD / "lighter-sample", *words, *options)
        assert made.returncode == 0, made.stderr

    def lighter(self, *words, code: int = 0, env: dict[str, str] | None = None) -> subprocess.CompletedProcess:
        done = run(BUILD / "lighter", *words, env=env)
        self.assertEqual(done.returncode, code, f"{words}: {done.stdout}{done.stderr}")
        if done.stdout.startswith("{"):
            self.assertEqual(documents.problems(json.loads(done.stdout)), [], "docs/json.md and this document differ")
        return done

    def test_every_command_is_in_help_and_has_examples(self):
        overview = self.lighter("--help").stdout
        for command in COMMANDS:
            self.assertRegex(overview, rf"(?m)^  {command}\b")
        for command in [*COMMANDS, *(f"agent {name}" for name in AGENT_COMMANDS)]:
            page = self.lighter(*command.split(), "--help").stdout
            examples, codes = page.split("Examples:")[1].split("Exit codes:")
            self.assertIn(f"  lighter {command}" if command != "completion" else "lighter completion", examples)
            self.assertIn("130 stopped by Ctrl-C", codes)

    def test_usage_errors_are_exit_code_2_and_leave_stdout_alone(self):
        usage = [[], ["no-such-command"], ["inspect"], ["plan", "p.tar", "--no-such-flag"], ["inspect", "p.tar", "-o", "xml"]]
        usage += [["upgrade", "p.tar", "--timeout", timeout] for timeout in ("0s", "inf", "10000h", "soon")]
        usage += [["load", "--local", "p.tar", "hydra"], ["load", "--local", "p.tar", "-n", "harbor"]]
        usage += [["load", "p.tar", "--containerd-socket", "/x.sock"], ["agent"], ["agent", "no-such-command"], ["upgrade", "p.tar", "--install"]]
        usage += [["export", "p.tar"], ["rollback"], ["rollback", "web", "0"], ["rollback", "web", "--timeout", "soon"], ["verify", "--revision", "1"]]
        usage += [["plan", "p.tar", "--registry", "https://harbor"], ["plan", "p.tar", "--repository", "proj"]]
        usage += [["plan", "p.tar", "--registry", "local", "--repository", "/proj"]]
        usage += [["upgrade", "p.tar", "--crds", "maybe"], ["plan", "p.tar", "--allow-unproven", "120%"], ["load", "p.tar", "--repo", "http://x"]]
        usage += [["upgrade", "--plan", "x", flag, "1"] for flag in ("--order", "--version", "--chart", "--allow-unproven")]
        usage += [["plan", "p.tar", "--place", place] for place in ("web", "web=", "web=node:", "web=a b", "web=zone of (a)")]
        usage += [["load", "--local", "p.tar", "--place", "all"]]
        # Agents that were not brought by `agent install` are no registries.
        usage += [["plan", "p.tar", "--registry", "local", "--tls-dir", "d"], ["load", "--local", "p.tar", "--registry", "local"]]
        for words in usage:
            self.assertEqual(self.lighter(*words, code=2).stdout, "", words)

    def test_a_configuration_of_charts_syncer_that_cannot_be_used_names_file_and_line(self):
        config = self.folder / "load-image.yaml"
        config.write_text("target:\n  containerRegistry: 10.16.10.111\n  containerRepo: hydra\n")
        done = self.lighter("plan", self.package, "--config", config, code=2)
        self.assertIn(f"{config}: line 3: target.containerRepo is no key", done.stderr)
        self.assertIn("Nothing was changed", done.stderr)
        config.write_text("source: {intermediateBundlesPath: x}\n")
        self.assertIn("does not say where images go", self.lighter("load", "--local", self.package, "--config", config, code=2).stderr)
        self.assertIn("/nowhere.yaml", self.lighter("upgrade", self.package, "--config", "/nowhere.yaml", code=2).stderr)
        self.lighter("plan", self.package, "--config", config, "--registry", "r.io", code=2)

    def test_agent_export_writes_an_agent_that_runs(self):
        folder = self.folder / "exported"
        paths = self.lighter("agent", "export", folder).stdout.splitlines()
        self.assertEqual([Path(path).name for path in paths], ["lighter-agent", "lighter-agent.service", "lighter-agent-image.tar"])
        self.assertEqual(run(paths[0], "--version").stdout, self.lighter("--version").stdout)
        with tarfile.open(paths[2]) as image:
            self.assertIn("manifest.json", image.getnames())
        self.lighter("agent", "export", self.package / "below-a-file", code=1)

    def test_version_is_the_charts(self):
        chart = (Path(__file__).resolve().parents[2] / "charts/lighter-agent/Chart.yaml").read_text()
        version = re.search(r"^version: (\S+)", chart, re.MULTILINE)[1]
        self.assertEqual(self.lighter("--version").stdout.strip(), version)
        self.assertIn(version, run(BUILD / "lighter-agent", "--version").stdout)

    def test_inspect_says_the_same_in_json_and_text(self):
        package = json.loads(self.lighter("inspect", self.package, "-o", "json").stdout)
        self.assertEqual([package["apiVersion"], package["kind"]], ["lighter/v1", "Package"])
        text = self.lighter("inspect", self.package).stdout
        images = package["bundles"][0]["images"]
        self.assertEqual(len(images), 3)
        for image in images:
            self.assertIn(image["names"][0], text)
            for layer in image["layers"]:  # offsets lead to the very bytes
                with self.package.open("rb") as file:
                    file.seek(layer["offset"])
                    self.assertEqual(file.read(2), b"\x1f\x8b")

    def test_export_writes_an_archive_with_the_target_names(self):
        archive = self.folder / "images.tar"
        out = self.lighter("export", self.package, "--helm", "/nowhere/helm", "-o", archive).stdout
        with tarfile.open(archive) as tar:
            entries = tar.getnames()
            self.assertEqual(len(entries), len(set(entries)), "each blob once")
            manifest = json.load(tar.extractfile("manifest.json"))
            for name in set(entries) - {"manifest.json"}:
                self.assertEqual(hashlib.sha256(tar.extractfile(name).read()).hexdigest(), name.split(".")[0])
        self.assertEqual(len(manifest), 3)
        for image in manifest:
            self.assertIn(f"  {image['RepoTags'][0]}\n", out)
            self.assertLessEqual({image["Config"], *image["Layers"]}, set(entries))
        piped = subprocess.run([BUILD / "lighter", "export", self.package, "--helm", "/nowhere/helm", "-o", "-"], stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        self.assertEqual((piped.returncode, piped.stdout), (0, archive.read_bytes()))
        with Path("/dev/full").open("w", encoding="utf-8") as full:
            done = subprocess.run([BUILD / "lighter", "export", self.package, "--helm", "/nowhere/helm", "-o", "-"], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left", done.stderr)

    def test_an_export_of_a_damaged_package_leaves_nothing(self):
        damaged = self.folder / "damaged.tar"
        layer = json.loads(self.lighter("inspect", self.package, "-o", "json").stdout)["bundles"][0]["images"][0]["layers"][0]
        content = bytearray(self.package.read_bytes())
        content[layer["offset"] + layer["sizeBytes"] - 1] ^= 1
        damaged.write_bytes(content)
        target = self.folder / "from-damaged.tar"
        self.assertIn(layer["digest"], self.lighter("export", damaged, "--helm", "/nowhere/helm", "-o", target, code=1).stderr)
        self.assertEqual(list(self.folder.glob("from-damaged*")), [])

    def unpacked(self) -> Path:
        """The package's first bundle, unpacked into a folder as one does by hand."""
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        with tarfile.open(self.package) as package:
            bundle = next(entry for entry in package if entry.name.endswith(".bundle.tar"))
            with tarfile.open(fileobj=package.extractfile(bundle)) as tar:
                tar.extractall(folder)
        return folder

    def test_a_bundle_that_was_unpacked_is_a_package(self):
        folder = self.unpacked()
        words = ["export", folder, "--helm", "/nowhere/helm", "-o", folder.parent / f"{folder.name}.tar"]
        self.addCleanup(lambda: words[-1].unlink(missing_ok=True))
        self.assertIn("3 images", self.lighter(*words).stdout)
        os.rename(folder / "original-chart", folder / "quayside")
        (folder / "hints.yaml").unlink()
        self.assertIn("chart quayside 0.1.0", self.lighter("inspect", folder).stdout)

    def test_an_archive_alone_is_loaded_under_its_own_names(self):
        images = self.unpacked() / "images.tar"
        self.assertIn("no chart, 3 images", self.lighter("inspect", images).stdout)
        words = ["load", "--local", images, "--containerd-socket", "/nowhere/c.sock", "--helm", "/nowhere/helm"]
        plan = self.lighter(*words, code=1).stderr
        self.assertIn("images.tar: images under the names that they have in it", plan)
        self.assertIn("archive   release.example.io/quayside/", plan)
        self.assertIn("Plan: 3 names of 3 images", plan)
        self.assertIn("note: N-CHECKSUM-NONE", plan)
        self.assertIn("only images, no chart", self.lighter(*words, "--set", "a=b", code=2).stderr)

    def test_the_checksum_beside_a_links_target_counts_and_is_named(self):
        package, checksum = self.with_checksum()
        link = Path(self.enterContext(tempfile.TemporaryDirectory())) / "latest.tar"
        link.symlink_to(package)
        self.assertIn(f"Checksum: {checksum}, verified", self.lighter("inspect", link).stdout)
        self.assertIn(f"the package is what {checksum} says", self.lighter("inspect", link, "--verify").stdout)

    def with_checksum(self, sha512: str = "") -> tuple[Path, Path]:
        """A package with its checksum file, in a folder of its own; right unless another checksum is given."""
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        package, checksum = folder / "quay_v1_amd64.tar", folder / "quay_v1_amd64_checksum.sha512sum"
        shutil.copy(self.package, package)
        sha512 = sha512 or hashlib.sha512(package.read_bytes()).hexdigest()
        checksum.write_text(f"{sha512}  {package.name}\n")
        return package, checksum

    def test_inspect_names_the_checksum_file_and_verifies_it_when_asked(self):
        package, checksum = self.with_checksum()
        self.assertIn(f"Checksum: {checksum.name}, verified by load and upgrade", self.lighter("inspect", package).stdout)
        self.assertIn(f"Verified: the package is what {checksum.name} says", self.lighter("inspect", package, "--verify").stdout)
        result = json.loads(self.lighter("inspect", package, "--verify", "-o", "json").stdout)
        self.assertTrue(result["verified"])
        self.assertEqual([entry["list"] for entry in result["checksums"]], [str(checksum)])
        self.assertNotIn("verified", json.loads(self.lighter("inspect", package, "-o", "json").stdout))

    def test_inspect_tells_of_a_package_that_is_not_what_its_checksum_says(self):
        package, checksum = self.with_checksum("0" * 128)
        self.lighter("inspect", package)  # not read without --verify
        done = self.lighter("inspect", package, "--verify", code=1)
        self.assertIn(f"{checksum} says {'0' * 128}", done.stderr)
        self.assertNotIn("Verified", done.stdout)
        self.assertFalse(json.loads(self.lighter("inspect", package, "--verify", "-o", "json", code=1).stdout)["verified"])
        self.assertIn("no checksum file lies beside it", self.lighter("inspect", self.package, "--verify", code=1).stderr)

    def test_export_writes_nothing_of_a_package_that_is_not_what_its_checksum_says(self):
        package, checksum = self.with_checksum("0" * 128)
        archive = self.folder / "exported.tar"
        words = ["export", package, "--helm", "/nowhere/helm", "-o", archive]
        self.assertIn(f"{checksum} says", self.lighter(*words, code=1).stderr)
        self.assertFalse(archive.exists())
        self.lighter(*words, "--skip-checksum")
        self.assertTrue(archive.exists())

    def test_a_broken_checksum_file_is_in_the_way_unless_it_is_skipped(self):
        package, checksum = self.with_checksum("what is this")
        local = ["load", "--local", package, "--containerd-socket", "/nowhere/c.sock"]
        for words in (["inspect", package], local):
            self.assertIn(f"{checksum}: line 1 is not", self.lighter(*words, code=1).stderr)
        done = self.lighter(*local, "--skip-checksum", code=1)
        self.assertIn("Plan: 3 names", done.stderr)
        self.assertIn("note: no checksum of the package is verified (--skip-checksum)", done.stderr)

    def test_a_load_that_moves_nothing_verifies_all_the_same(self):
        package, checksum = self.with_checksum("0" * 128)
        done = self.lighter("load", "--local", package, "--containerd-socket", "/nowhere/c.sock", code=1)
        self.assertIn("The package cannot be used", done.stdout)
        self.assertIn(str(checksum), done.stdout)

    def test_foreign_text_cannot_act_on_the_terminal(self):
        hostile = self.folder / "hostile.tar"
        self.make_package(hostile, "--arch", "amd64\u009b2J")  # the one-character form of ESC [
        self.assertIn("linux/amd64\\xc2\\x9b2J\n", self.lighter("inspect", hostile).stdout)
        package = self.lighter("inspect", hostile, "-o", "json").stdout
        self.assertNotIn("\u009b", package)
        self.assertEqual(json.loads(package)["bundles"][0]["images"][0]["platform"], "linux/amd64\u009b2J")
        self.assertIn("/nowhere/\\x1b[2J", self.lighter("inspect", "/nowhere/\x1b[2J", code=1).stderr)

    def test_a_result_that_cannot_be_written_is_a_failure(self):
        for words in (["inspect", self.package, "-o", "json"], ["inspect", self.package], ["--help"], ["completion", "bash"]):
            with Path("/dev/full").open("w", encoding="utf-8") as full:
                done = subprocess.run([BUILD / "lighter", *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
            self.assertEqual(done.returncode, 1, words)
            self.assertIn("could not be written to stdout", done.stderr, words)

    def test_failure_says_that_nothing_was_changed(self):
        done = self.lighter("upgrade", self.folder / "missing.tar", code=1)
        self.assertIn("missing.tar", done.stderr)
        self.assertIn("Nothing was changed", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_values_that_helm_cannot_read_are_a_usage_error(self):
        helm = self.folder / "helm"
        helm.write_text(
            """#!/bin/sh
case "$*" in
  version*) echo v4.0.0 ;;
  *--set*) echo 'Error: failed parsing --set data' >&2; exit 1 ;;
  template*) echo 'lighterValues: e30=' ;;
esac
"""
        )
        helm.chmod(0o755)
        words = ["load", "--local", self.package, "--containerd-socket", "/nowhere/c.sock", "--helm", helm]
        done = self.lighter(*words, "--set", "a[=b", code=2)
        self.assertIn("failed parsing --set data", done.stderr)
        self.assertIn("Nothing was changed", done.stderr)
        self.lighter(*words, code=1)

    def test_texts_of_set_are_on_no_command_line_and_no_screen(self):
        helm, log = self.folder / "spying-helm", self.folder / "command-lines"
        helm.write_text(
            f"""#!/bin/sh
echo "$@" >> {log}
tr '\\0' ' ' < /proc/$PPID/cmdline >> {log}
case "$*" in
  version*) echo v4.0.0 ;;
  template*) echo 'lighterValues: e30=' ;;
esac
"""
        )
        helm.chmod(0o755)
        words = ["load", "--local", self.package, "--containerd-socket", "/nowhere/c.sock", "--helm", helm]
        words += ["--set", "db.password=kept-1,db.port=5432", "--set-string=db.token=kept-2", "--set-json", 'db.more={"a":1}']
        done = self.lighter(*words, code=1)
        for text in (done.stdout, done.stderr, log.read_text()):
            self.assertNotIn("kept-", text)
        self.assertIn("--set-file db.password=", log.read_text())
        self.assertIn("--set db.port=5432", log.read_text())
        self.assertIn("--set db.password=xxxx", log.read_text())  # lighter's own

    def test_nothing_is_kept_of_a_run_that_ended_before_it_began(self):
        with tempfile.TemporaryDirectory() as state:
            self.lighter("upgrade", self.folder / "missing.tar", code=1, env={"XDG_STATE_HOME": state})
            self.assertEqual(list((Path(state) / "lighter/runs").iterdir()), [])

    def test_agents_of_a_pki_of_ones_own_can_be_asked(self):
        done = self.lighter("agent", "status", "--tls-dir", "/nowhere/tls", code=1)
        self.assertIn("/nowhere/tls", done.stderr)

    def test_local_load_without_containerd_names_the_socket(self):
        done = self.lighter("load", "--local", self.package, "--containerd-socket", "/nowhere/c.sock", code=1)
        self.assertIn("/nowhere/c.sock", done.stdout + done.stderr)

    def test_a_load_shows_its_plan_first(self):
        done = self.lighter("load", "--local", self.package, "--containerd-socket", "/nowhere/c.sock", code=1)
        self.assertIn("Plan: 3 names of 3 images on 1 node", done.stderr)

    def test_a_load_of_nothing_is_refused(self):
        bundle = io.BytesIO()
        with tarfile.open(fileobj=bundle, mode="w") as tar:
            for name, text in (("hints.yaml", b""), ("original-chart/Chart.yaml", b"name: bare\nversion: 1.0.0\n")):
                entry = tarfile.TarInfo(name)
                entry.size = len(text)
                tar.addfile(entry, io.BytesIO(text))
        package = self.folder / "bare.bundle.tar"
        package.write_bytes(bundle.getvalue())
        words = ["load", "--local", package, "--containerd-socket", "/nowhere/c.sock", "--helm", "/nowhere/helm"]
        self.assertIn("nothing to load: bare.bundle.tar: no images in it", self.lighter(*words, code=1).stderr)
        done = self.lighter(*words, "-o", "json", code=1)
        result = json.loads(done.stdout)
        self.assertIn("nothing to load", result["blocked"])
        self.assertIn("bare.bundle.tar has no images", result["notes"])
        self.assertIn("Nothing was changed", done.stderr)

    def test_both_programs_start_in_an_empty_root(self):
        for program in ("lighter", "lighter-agent"):
            with self.subTest(program), tempfile.TemporaryDirectory() as root:
                shutil.copy(BUILD / program, root)
                done = run("chroot", root, f"/{program}", "--version")
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_completion_offers_commands_flags_values_and_files(self):
        offers = {
            "lighter up": "upgrade",
            "lighter agent inst": "install",
            "lighter plan --kubeco": "--kubeconfig",
            "lighter plan p.tar --output js": "json",
            "lighter load --progress pl": "plain",
            "lighter completion z": "zsh",
            "lighter inspect pack": "package.tar",
            "lighter plan -f pack": "package.tar",
        }
        script = self.lighter("completion", "bash").stdout
        for line, expected in offers.items():
            words = line.split()
            probe = f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _lighter; printf '%s\\n' \"${{COMPREPLY[@]}}\""
            env = os.environ | {"PATH": f"{BUILD}:{os.environ['PATH']}"}
            done = subprocess.run(["bash", "-c", script + probe], cwd=self.folder, env=env, capture_output=True, text=True)
            self.assertEqual(done.stdout.split(), [expected], f"{line}: {done.stdout}{done.stderr}")

    def test_completion_knows_every_shell_and_says_what_words_mean(self):
        for shell in ("bash", "zsh", "fish"):
            self.assertIn("__complete", self.lighter("completion", shell).stdout)
        self.lighter("completion", "csh", code=2)
        lines = self.lighter("__complete", "agent", "u").stdout.splitlines()
        self.assertEqual([line.split("\t")[0] for line in lines], ["upgrade", "uninstall", ":4"])
        self.assertTrue(all(line.split("\t")[1] for line in lines[:-1]))
        self.assertEqual(self.lighter("__complete", "load", "--plan", "x").stdout, ":0\n")

    def test_what_nobody_knows_is_answered_with_what_is_near(self):
        near = {
            ("upgarde", "p.tar"): "lighter upgrade",
            ("agent", "instal"): "lighter agent install",
            ("plan", "p.tar", "--ouput", "json"): "lighter plan --output",
            ("load", "p.tar", "--allow-mising", "x"): "lighter load --allow-missing",
        }
        for words, expected in near.items():
            self.assertIn(f"did you mean `{expected}`?", self.lighter(*words, code=2).stderr)
        self.assertNotIn("did you mean", self.lighter("frobnicate", code=2).stderr)

    def test_kubectl_calls_it_as_its_plugin(self):
        links = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for name in ("kubectl-lighter", "kubectl_complete-lighter"):
            (links / name).symlink_to(BUILD / "lighter")
        page = run(links / "kubectl-lighter", "load", "--help").stdout
        self.assertIn("Usage: kubectl lighter load ", page)
        self.assertIn("\n  kubectl lighter load platform_v1.2.tar", page)
        self.assertNotIn("\n  lighter ", page)
        self.assertIn("`kubectl lighter plan --out`", page)
        self.assertIn("`kubectl lighter upgrade`", run(links / "kubectl-lighter", "upgarde").stderr)
        done = run(links / "kubectl_complete-lighter", "agent", "inst")
        self.assertEqual((done.stdout.split("\t")[0], done.stdout.splitlines()[-1]), ("install", ":4"))

    def test_a_man_page_for_every_command_with_every_flag_of_its_help(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory())) / "man1"
        self.lighter("man", "--folder", folder)
        names = [[], *([name] for name in [*COMMANDS, "agent"]), *(["agent", name] for name in AGENT_COMMANDS)]
        self.assertEqual({page.name for page in folder.iterdir()}, {"-".join(["lighter", *name]) + ".1" for name in names})
        for name in names:
            page = (folder / ("-".join(["lighter", *name]) + ".1")).read_text()
            self.assertEqual(self.lighter("man", *name).stdout, page)
            usage = self.lighter(*name, "--help").stdout
            for flag in re.findall(r"(?m)^  (-\w)?,?(--[\w-]+)?", usage):
                for spelling in filter(None, flag):
                    self.assertIn(r"\fB" + spelling.replace("-", r"\-"), page, name)
            for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS"):
                self.assertIn(f"\n.SH {section}\n", page, name)
            if shutil.which("groff"):
                done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z"], input=page, capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""), name)
        self.lighter("man", "no-such-command", code=2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
