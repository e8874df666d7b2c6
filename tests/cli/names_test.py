#!/usr/bin/env python3
"""Names that charts of many shapes lead to, decided with the real helm 3 and 4. Needs a build and helm, no cluster."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("LIGHTER_BUILD") or REPOSITORY / "build/release")
sys.path.insert(0, str(REPOSITORY / "tests/cluster"))
from bundles import bundle, chart, pod  # noqa: E402
from testbed import paths  # noqa: E402  (the tests of the cluster know where helm is)

HINT = "{{ .image.registry }}/{{ .image.repository }}:{{ .image.tag }}"
VALUES = "image: {registry: r.io, repository: a/web, tag: v1}\n"
PLAIN = "{{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}"


def below(folder: str, files: dict[str, str]) -> dict[str, str]:
    return {f"{folder}/{name}": text for name, text in files.items()}


class Names(unittest.TestCase):
    """What `lighter load --local` says of a package, up to the point where it would need a containerd."""

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def plan(self, helm: str, files: dict[str, str], hints: list[str], images: list[str], *flags) -> dict:
        """The result in JSON of a load of the bundle with that chart."""
        package = self.folder / "web.bundle.tar"
        package.write_bytes(bundle(files, hints, images))
        words = [BUILD / "lighter", "load", "--local", package, "--containerd-socket", "/nowhere/c.sock", "--helm", paths.tools(f"helm{helm}") / "helm"]
        done = subprocess.run([*words, "-o", "json", *flags], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        self.assertTrue(done.stdout.startswith("{"), f"{flags}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def check(self, files: dict[str, str], hints: list[str], images: list[str], cases: list[tuple[list[str], set[str], list[str]]]) -> None:
        """For each of (flags, names that images get, names that no image covers), with both helms."""
        for helm in ("3", "4"):
            for flags, names, missing in cases:
                with self.subTest(helm=helm, flags=flags):
                    plan = self.plan(helm, files, hints, images, *flags)
                    self.assertEqual(({name["name"] for name in plan["names"]}, plan["missing"]), (names, missing), json.dumps(plan["notes"], indent=1))

    def test_numbers_are_what_helm_makes_of_them(self):
        files = chart("web", VALUES, {"web.yaml": pod(PLAIN)})
        images = ["r.io/a/web:v1", "r.io/a/web:1.10", "r.io/a/web:0123"]
        both = {"r.io/a/web:1.10", "r.io/a/web:0123"}
        for tag, spelled in (("'1.10'", "1.10"), ("'0123'", "0123")):
            files["values.yaml"] = VALUES.replace("v1", tag)
            self.check(files, [HINT], images, [([], {"r.io/a/web:v1", *both}, []), (["--set-string", f"image.tag={spelled}", "--set", "image.registry=s.io"], {"r.io/a/web:v1", *both} - {f"r.io/a/web:{spelled}"} | {f"s.io/a/web:{spelled}"}, [])])
        # Without quotes YAML reads numbers, and pods ask for what is left of them: said, and not guessed away.
        files["values.yaml"] = VALUES.replace("v1", "1.10")
        self.check(files, [HINT], images, [([], {"r.io/a/web:v1", *both}, ["r.io/a/web:1.1"])])
        files["values.yaml"] = VALUES
        self.check(files, [HINT], images, [(["--set", "image.tag=1.10"], {"r.io/a/web:v1", *both}, [])])

    def test_large_numbers(self):
        # Helm's flags keep whole numbers, its values files make floats of them, and names with a + cannot be.
        files = chart("web", VALUES, {"web.yaml": pod(PLAIN)})
        images = ["r.io/a/web:v1", "r.io/a/web:20240101"]
        names = set(images)
        self.check(files, [HINT], images, [(["--set", "image.tag=20240101"], names, []), (["--set-string", "image.tag=20240101"], names, [])])
        values = self.folder / "v.yaml"
        values.write_text("image: {tag: '20240101'}\n")
        self.check(files, [HINT], images, [(["-f", values], names, [])])

    def test_keys_with_hyphens_and_with_dots(self):
        values = "argo-cd: {redis-ha: {image: {registry: r.io, repository: a/web, tag: v1}}}\nannotations: {}\n"
        template = '{{ $i := index .Values "argo-cd" "redis-ha" "image" }}' + pod("{{ $i.registry }}/{{ $i.repository }}:{{ $i.tag }}")
        hint = "{{.argo-cd.redis-ha.image.registry}}/{{ .argo-cd.redis-ha.image.repository }}:{{argo-cd.redis-ha.image.tag}}"
        self.check(chart("web", values, {"web.yaml": template}), [hint], ["r.io/a/web:v1"], [
            (["--set", "argo-cd.redis-ha.image.registry=s.io"], {"s.io/a/web:v1"}, []),
            (["--set", r"annotations.example\.com/a=b,argo-cd.redis-ha.image.repository=x/web"], {"r.io/x/web:v1"}, []),
        ])

    def test_lists_json_and_null(self):
        template = '{{ $r := .Values.image.registry | default "d.io" }}' + pod("{{ $r }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}")
        files = chart("web", VALUES + "list: []\n", {"web.yaml": template})
        self.check(files, [HINT], ["r.io/a/web:v1"], [
            (["--set", "list={a,b}", "--set", "image.registry=s.io"], {"s.io/a/web:v1"}, []),
            (["--set-json", 'image={"registry":"s.io","repository":"b/web"}'], {"s.io/b/web:v1"}, []),
            # The chart's own default in its place, which no hint knows.
            (["--set", "image.registry=null"], {"d.io/a/web:v1"}, []),
        ])

    def test_a_subchart_with_a_global_registry(self):
        template = pod("{{ .Values.global.imageRegistry | default .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}")
        files = chart("web", "global: {imageRegistry: ''}\n", {}, "dependencies: [{name: sub, version: 1.10.0}]\n")
        files |= below("charts/sub", chart("sub", VALUES, {"web.yaml": template}))
        hint = HINT.replace(".image", ".sub.image")
        self.check(files, [hint], ["r.io/a/web:v1"], [
            ([], {"r.io/a/web:v1"}, []),
            (["--set", "sub.image.registry=s.io"], {"s.io/a/web:v1"}, []),
            (["--set", "global.imageRegistry=s.io/m"], {"r.io/a/web:v1", "s.io/m/a/web:v1"}, []),
            # The chart's own global, empty as it is, goes before that of the subchart.
            (["--set", "sub.global.imageRegistry=s.io/m"], {"r.io/a/web:v1"}, []),
            (["--registry", "10.0.0.5/m"], {"10.0.0.5/m/a/web:v1"}, []),
        ])

    def test_a_subchart_with_aliases(self):
        one = chart("web", "db: {image: {repository: a/web}}\n", {}, "dependencies: [{name: sub, version: 1.10.0, alias: db}]\n")
        two = chart("web", "", {}, "dependencies: [{name: sub, version: 1.10.0, alias: db}, {name: sub, version: 1.10.0, alias: log}]\n")
        sub = below("charts/sub", chart("sub", VALUES, {"web.yaml": pod(PLAIN, "-{{ .Chart.Name }}")}))
        by_name, by_alias = HINT.replace(".image", ".sub.image"), HINT.replace(".image", ".db.image")
        for hint in (by_name, by_alias):
            self.check(one | sub, [hint], ["r.io/a/web:v1"], [
                (["--set", "db.image.registry=s.io"], {"s.io/a/web:v1"}, []),
                (["--registry", "10.0.0.5"], {"10.0.0.5/a/web:v1"}, []),
            ])
        self.check(two | sub, [by_name], ["r.io/a/web:v1"], [
            (["--set", "db.image.registry=s.io,log.image.registry=t.io"], {"s.io/a/web:v1", "t.io/a/web:v1"}, []),
            (["--registry", "10.0.0.5"], {"10.0.0.5/a/web:v1"}, []),
        ])

    def test_an_operators_image_of_an_aliased_subchart_has_no_other_witness(self):
        files = chart("web", "", {}, "dependencies: [{name: sub, version: 1.10.0, alias: db}]\n") | below("charts/sub", chart("sub", VALUES, {}))
        self.check(files, [HINT.replace(".image", ".sub.image")], ["r.io/a/web:v1"], [(["--set", "db.image.registry=s.io"], {"s.io/a/web:v1"}, [])])

    def test_dependencies_that_are_switched_off_and_on(self):
        sub = below("charts/sub", chart("sub", VALUES, {"web.yaml": pod(PLAIN)}))
        for switch, on in (("condition: sub.enabled", "sub.enabled=true"), ("tags: [extra]", "tags.extra=true")):
            files = chart("web", "sub: {enabled: false}\ntags: {extra: false}\n", {}, f"dependencies: [{{name: sub, version: 1.10.0, {switch}}}]\n") | sub
            self.check(files, [HINT.replace(".image", ".sub.image")], ["r.io/a/web:v1"], [
                ([], {"r.io/a/web:v1"}, []),
                (["--set", f"{on},sub.image.registry=s.io"], {"s.io/a/web:v1"}, []),
                (["--set", on, "--registry", "10.0.0.5"], {"10.0.0.5/a/web:v1"}, []),
            ])

    def test_an_operators_image_of_a_subchart_that_was_switched_on(self):
        files = chart("web", "sub: {enabled: false}\n", {}, "dependencies: [{name: sub, version: 1.10.0, condition: sub.enabled}]\n")
        files |= below("charts/sub", chart("sub", VALUES, {}))
        self.check(files, [HINT.replace(".image", ".sub.image")], ["r.io/a/web:v1"], [(["--set", "sub.enabled=true,sub.image.registry=s.io"], {"s.io/a/web:v1"}, [])])

    def test_what_starts_images_that_the_package_lacks(self):
        job = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: night}\nspec: {schedule: '@daily', jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: r.io/night:1}]}}}}}\n"
        idle = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: idle}\nspec: {replicas: 0, template: {spec: {containers: [{name: a, image: r.io/idle:1}]}}}\n"
        test = pod("r.io/tester:1", ", annotations: {helm.sh/hook: test}")
        files = chart("web", VALUES, {"web.yaml": pod(PLAIN), "gone.yaml": pod("r.io/gone:1", "-gone"), "night.yaml": job, "idle.yaml": idle, "test.yaml": test})
        codes = {"r.io/gone:1": "E-IMAGE-MISSING", "r.io/night:1": "E-IMAGE-LATER", "r.io/idle:1": "N-IMAGE-ZERO", "r.io/tester:1": "N-IMAGE-TEST"}
        for helm in ("3", "4"):
            plan = self.plan(helm, files, [HINT], ["r.io/a/web:v1"])
            self.assertEqual({problem["name"]: problem["code"] for problem in plan["nameProblems"]}, codes)
            self.assertEqual(sorted(plan["missing"]), ["r.io/gone:1", "r.io/night:1"])
            self.assertIn("CronJob night starts it by its schedule", plan["blocked"])
            plan = self.plan(helm, files, [HINT], ["r.io/a/web:v1"], "--allow-missing", "r.io/gone:1", "--allow-missing", "r.io/night:1")
            self.assertEqual((plan["missing"], plan["blocked"]), ([], ""))
            self.assertEqual({p["name"]: p["code"] for p in plan["nameProblems"]}, codes | dict.fromkeys(["r.io/gone:1", "r.io/night:1"], "N-IMAGE-ALLOWED"))

    def test_two_images_for_one_name_are_refused(self):
        values = "a: {registry: r.io, repository: a/proxy}\nb: {registry: r.io, repository: b/proxy}\n"
        hints = ["{{ .a.registry }}/{{ .a.repository }}:1", "{{ .b.registry }}/{{ .b.repository }}:1"]
        package = self.folder / "web.bundle.tar"
        package.write_bytes(bundle(chart("web", values, {}), hints, ["r.io/a/proxy:1", "r.io/b/proxy:1"]))
        words = [BUILD / "lighter", "load", "--local", package, "--containerd-socket", "/nowhere/c.sock", "--helm", paths.tools("helm4") / "helm"]
        done = subprocess.run([*words, "--registry", "10.0.0.5", "--repository", "proj"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("two images would get the name 10.0.0.5/proj/proxy:1: r.io/a/proxy:1", done.stderr)
        self.assertIn("Nothing was changed", done.stderr)

    def test_load_image_yaml_is_registry_and_repository(self):
        files = chart("web", VALUES, {"web.yaml": pod(PLAIN)})
        config = self.folder / "load-image.yaml"
        config.write_text("source: {intermediateBundlesPath: x}\ntarget:\n  containerRegistry: 10.0.0.5\n  containerRepository: proj\n  containers: {auth: {username: admin, password: Harbor12345}}\n")
        self.check(files, [HINT], ["r.io/a/web:v1"], [(["--config", config], {"10.0.0.5/proj/web:v1"}, []), (["--registry", "10.0.0.5", "--repository", "proj"], {"10.0.0.5/proj/web:v1"}, [])])
        plan = self.plan("4", files, [HINT], ["r.io/a/web:v1"], "--config", config)
        self.assertEqual(plan["relocatedValues"][0]["values"], {"image": {"registry": "10.0.0.5", "repository": "proj/web"}})
        self.assertIn("nothing is pushed", plan["notes"][0])
        self.assertIn("not used: source.intermediateBundlesPath, target.containers.auth", plan["notes"][0])
        self.assertNotIn("Harbor12345", json.dumps(plan))
        config.write_text("target: {containerPrefixRegistry: 10.0.0.5, appendOriginRegistry: true}\n")
        plan = self.plan("4", files, [HINT], ["r.io/a/web:v1"], "--config", config)
        self.assertEqual(plan["relocatedValues"][0]["values"], {"image": {"registry": "10.0.0.5/r.io"}})


if __name__ == "__main__":
    unittest.main(verbosity=2)
