#!/usr/bin/env python3
"""lighter-boot, the real program, on chunk sets that are whole, damaged, mixed or hostile. Needs a build and musl-gcc."""

import hashlib
import os
import random
import shutil
import stat
import struct
import subprocess
import tempfile
import unittest
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("LIGHTER_BUILD") or HERE.parents[1] / "build/release")
BOOT = BUILD / "lighter-boot"

# As agent/boot/fail.h has them.
USAGE, CHUNKS, CONTENT, UNPACK, WRITE, START, MEMORY = range(64, 71)

as_root = unittest.skipUnless(os.geteuid() == 0, "needs root, to mount in a namespace of its own")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def split(data: bytes, count: int) -> list[bytes]:
    step = -(-len(data) // count)
    return [data[i * step : (i + 1) * step] for i in range(count)]


def compile_agent(path: Path, *flags: str) -> bytes:
    subprocess.run(["musl-gcc", "-Os", "-s", *flags, "-o", path, HERE / "agent.c"], check=True)
    return path.read_bytes()


class Boot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.agent = compile_agent(folder / "agent", "-static")
        cls.foreign_loader = compile_agent(folder / "dynamic", "-Wl,--dynamic-linker=/no/such/loader")

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.volume = self.folder / "chunks"
        self.out = self.folder / "run" / "lighter-agent"
        self.out.parent.mkdir()

    def fill(self, chunks: list[bytes]):
        """Lays the chunks out as the kubelet does: links through ..data to a folder of one version."""
        shutil.rmtree(self.volume, ignore_errors=True)
        version = self.volume / "..2026_01_01"
        version.mkdir(parents=True)
        (self.volume / "..data").symlink_to(version.name)
        for i, chunk in enumerate(chunks):
            (version / f"chunk-{i:03}").write_bytes(chunk)
            (self.volume / f"chunk-{i:03}").symlink_to(f"..data/chunk-{i:03}")

    def flags(self, data: bytes, unpacked_size: int, chunks: int) -> dict[str, object]:
        return {"--sha256": sha256(data), "--size": len(data), "--unpacked-size": unpacked_size, "--chunks": chunks, "--out": self.out}

    def command(self, flags: dict[str, object], *args: str) -> list[str]:
        return [str(BOOT), *(str(word) for flag in flags.items() for word in flag), str(self.volume), "--", *args]

    def run_boot(self, command: list[str]) -> subprocess.CompletedProcess:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)

    def install(self, program: bytes, count: int = 3) -> dict[str, object]:
        """Puts the program into the volume; returns the flags that start it."""
        data = zlib.compress(program, 9)
        self.fill(split(data, count))
        return self.flags(data, len(program), count)

    def assert_refused(self, done: subprocess.CompletedProcess, code: int, *words: str):
        """Ended with this code and one line that holds the words."""
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, r"\Alighter-boot: [^\n]+\n\Z")
        for word in words:
            self.assertIn(word, done.stderr)

    def assert_nothing_written(self):
        self.assertEqual(list(self.out.parent.iterdir()), [])

    def refuse(self, flags: dict[str, object], code: int, *words: str):
        self.assert_refused(self.run_boot(self.command(flags)), code, *words)
        self.assert_nothing_written()


class Start(Boot):
    def test_becomes_the_agent_with_its_arguments_and_exit_code(self):
        flags = self.install(self.agent)
        done = self.run_boot(self.command(flags, "17", "--listen", "a b"))
        self.assertEqual((done.returncode, done.stderr), (17, ""))
        self.assertEqual(done.stdout.splitlines(), ["lighter-agent", "17", "--listen", "a b"])
        self.assertEqual(self.out.read_bytes(), self.agent)
        self.assertEqual(stat.S_IMODE(self.out.stat().st_mode), 0o500)
        self.assertEqual(list(self.out.parent.iterdir()), [self.out])

    def test_needs_no_arguments_for_the_agent(self):
        done = self.run_boot(self.command(self.install(self.agent)))
        self.assertEqual((done.returncode, done.stdout), (0, "lighter-agent\n"), done.stderr)

    def test_takes_any_number_of_chunks_and_a_plain_folder_with_other_files(self):
        for count in (1, 2, 120):
            flags = self.install(self.agent, count)
            self.assertEqual(self.run_boot(self.command(flags, "3")).returncode, 3, count)
        shutil.copytree(self.volume / "..data", self.folder / "plain")
        shutil.rmtree(self.volume)
        (self.folder / "plain").rename(self.volume)
        (self.volume / "lighter-boot").write_bytes(b"")
        self.assertEqual(self.run_boot(self.command(flags, "4")).returncode, 4)

    def test_reads_the_version_that_the_kubelet_has_put_in_place(self):
        # In the middle of an update: ..data is the new version already, the links beside it are the old one's still.
        flags = self.install(self.agent)
        (self.volume / "chunk-002").unlink()
        (self.volume / "chunk-003").symlink_to("..data/chunk-003")
        self.assertEqual(self.run_boot(self.command(flags, "8")).returncode, 8)

    def test_replaces_what_an_earlier_start_left(self):
        flags = self.install(self.agent)
        for left in (self.out, self.out.with_name("lighter-agent.partial")):
            left.write_bytes(b"x" * 1000)
            left.chmod(0o400)
        self.assertEqual(self.run_boot(self.command(flags, "5")).returncode, 5)
        self.assertEqual(self.run_boot(self.command(flags, "6")).returncode, 6)
        self.assertEqual(list(self.out.parent.iterdir()), [self.out])

    def test_does_not_follow_a_link_in_place_of_the_file(self):
        flags = self.install(self.agent)
        victim = self.folder / "victim"
        victim.write_text("mine")
        self.out.symlink_to(victim)
        self.out.with_name("lighter-agent.partial").symlink_to(victim)
        self.assertEqual(self.run_boot(self.command(flags, "7")).returncode, 7)
        self.assertEqual(victim.read_text(), "mine")
        self.assertFalse(self.out.is_symlink())


class Chunks(Boot):
    def test_a_chunk_is_missing(self):
        for missing in range(3):
            flags = self.install(self.agent)
            (self.volume / f"..data/chunk-{missing:03}").unlink()
            self.refuse(flags, CHUNKS, f"{self.volume}/chunk-{missing:03} is missing", "3 chunks", "lighter agent install")

    def test_a_chunk_is_one_too_many(self):
        for extra in ("chunk-003", "chunk-999", "chunk-0000", "chunk-1", "chunk-", "chunk-x", "chunk- 01", "chunk-99999999999999999999"):
            flags = self.install(self.agent)
            (self.volume / "..data" / extra).write_bytes(b"")
            self.refuse(flags, CHUNKS, f"{extra} in {self.volume} is one too many", "3 chunks", "lighter agent install")

    def test_a_byte_is_another(self):
        data = zlib.compress(self.agent, 9)
        for at in (0, 1, len(data) // 2, len(data) - 1):
            flags = self.flags(data, len(self.agent), 3)
            damaged = bytearray(data)
            damaged[at] ^= 1
            self.fill(split(bytes(damaged), 3))
            self.refuse(flags, CONTENT, sha256(data), sha256(damaged), "lighter agent install")

    def test_two_versions_are_mixed(self):
        data = random.Random(1).randbytes(9000)
        other = random.Random(2).randbytes(9000)
        self.fill([*split(data, 3)[:2], split(other, 3)[2]])
        self.refuse(self.flags(data, 9000, 3), CONTENT, "two versions", "lighter agent install")

    def test_chunks_are_in_another_order(self):
        data = zlib.compress(self.agent, 9)
        self.fill(split(data, 4)[::-1])
        self.refuse(self.flags(data, len(self.agent), 4), CONTENT)

    def test_a_chunk_is_cut_short_or_longer(self):
        data = zlib.compress(self.agent, 9)
        flags = self.flags(data, len(self.agent), 3)
        chunks = split(data, 3)
        for i in range(3):
            self.fill([*chunks[:i], chunks[i][:-1], *chunks[i + 1 :]])
            self.refuse(flags, CONTENT, f"hold {len(data) - 1} bytes, not {len(data)}")
            self.fill([*chunks[:i], chunks[i] + b"x", *chunks[i + 1 :]])
            self.refuse(flags, CONTENT, "more than", str(len(data)))
        self.fill([chunks[0], b"", chunks[2]])
        self.refuse(flags, CONTENT, str(len(data)))

    def test_a_chunk_cannot_be_read(self):
        flags = self.install(self.agent)
        chunk = self.volume / "..data/chunk-001"
        chunk.unlink()
        chunk.mkdir()
        self.refuse(flags, CHUNKS, "chunk-001", "directory")
        chunk.rmdir()
        os.mkfifo(chunk)
        self.refuse(flags, CONTENT)
        chunk.unlink()
        chunk.symlink_to("chunk-001")
        self.refuse(flags, CHUNKS, "chunk-001", "oop")

    def test_there_is_no_folder(self):
        flags = self.install(self.agent)
        shutil.rmtree(self.volume)
        self.refuse(flags, CHUNKS, str(self.volume), "No such file")
        self.volume.write_bytes(b"")
        self.refuse(flags, CHUNKS, str(self.volume), "Not a directory")


class Unpacking(Boot):
    def test_the_unpacked_size_is_another(self):
        for size in (len(self.agent) - 1, len(self.agent) + 1, 1, 256 << 20):
            flags = self.install(self.agent) | {"--unpacked-size": size}
            self.refuse(flags, UNPACK, f"do not decompress to {size} bytes")

    def test_a_bomb_stays_within_the_unpacked_size(self):
        self.refuse(self.install(bytes(300 << 20)) | {"--unpacked-size": 4096}, UNPACK)

    def test_there_is_not_enough_memory(self):
        command = self.command(self.install(self.agent) | {"--unpacked-size": 256 << 20})
        done = self.run_boot(["sh", "-c", 'ulimit -v 100000 && exec "$@"', "sh", *command])
        self.assert_refused(done, MEMORY, str(256 << 20), "memory limit")
        self.assert_nothing_written()

    def test_other_data_is_refused(self):
        raw = zlib.compressobj(9, zlib.DEFLATED, -15)
        gzip = zlib.compressobj(9, zlib.DEFLATED, 31)
        for data in (b"x", b"\x78", b"\x78\xda", bytes(1000), self.agent, *(c.compress(self.agent) + c.flush() for c in (raw, gzip))):
            self.fill([data])
            self.refuse(self.flags(data, len(self.agent), 1), UNPACK)

    def test_a_damaged_stream_never_crashes_it(self):
        # Behind a right SHA-256, as whoever writes the pod could have it. The first bytes stay: without them nothing is decoded.
        chance = random.Random(3)
        program = b"no program " + chance.randbytes(500) + b"a" * 500 + chance.randbytes(40) * 30
        good = zlib.compress(program, 9)
        for _ in range(300):
            data = bytearray(good)
            for _ in range(chance.randint(1, 4)):
                data[chance.randrange(2, len(data))] = chance.randrange(256)
            data = bytes(data[: chance.randint(3, len(data))] if chance.random() < 0.3 else data)
            self.fill([data])
            done = self.run_boot(self.command(self.flags(data, len(program), 1)))
            self.assertIn(done.returncode, (UNPACK, START), data.hex())


class Sha256(Boot):
    """A digest that is right is one that is let through, to the decompression, which refuses."""

    def check(self, data: bytes, digest: str):
        self.fill([data])
        flags = self.flags(data, 1, 1) | {"--sha256": digest}
        self.refuse(flags, UNPACK)
        wrong = digest[:-1] + ("0" if digest[-1] != "0" else "1")
        self.refuse(flags | {"--sha256": wrong}, CONTENT, digest, wrong)

    def test_the_standards_examples(self):
        self.check(b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        self.check(
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        )
        self.check(b"a" * 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")

    def test_every_length_around_a_block(self):
        data = random.Random(4).randbytes(200)
        for size in range(1, 200):
            self.check(data[:size], sha256(data[:size]))


class Writing(Boot):
    def in_namespace(self, mount_options: str, command: list[str]) -> subprocess.CompletedProcess:
        """Runs the command where --out's folder is a tmpfs of its own; its files are listed on stderr after the command."""
        script = 'mount -t tmpfs -o "$0" none "$1" && cd "$1" && shift && "$@"; code=$?; ls -A >&2; exit $code'
        return self.run_boot(["unshare", "--mount", "--propagation=private", "sh", "-c", script, mount_options, str(self.out.parent), *command])

    def test_there_is_no_folder(self):
        flags = self.install(self.agent) | {"--out": self.folder / "none/lighter-agent"}
        self.refuse(flags, WRITE, "none/lighter-agent", "No such file", "emptyDir")

    def test_a_folder_is_in_the_way(self):
        flags = self.install(self.agent)
        self.out.mkdir()
        self.assert_refused(self.run_boot(self.command(flags)), WRITE, str(self.out), "directory")
        self.assertEqual(list(self.out.parent.iterdir()), [self.out])

    def test_a_path_is_too_long(self):
        for path in ("/" + "x" * 5000, "/run/" + "x" * 300):
            self.refuse(self.install(self.agent) | {"--out": path}, WRITE)

    @as_root
    def test_the_folder_is_read_only(self):
        done = self.in_namespace("ro", self.command(self.install(self.agent)))
        self.assert_refused(done, WRITE, str(self.out), "Read-only", "emptyDir")

    @as_root
    def test_the_disk_is_full(self):
        flags = self.install(self.agent + bytes(200_000))
        done = self.in_namespace("size=64k", self.command(flags))
        self.assert_refused(done, WRITE, f"{len(self.agent) + 200_000} bytes", "No space left", "sizeLimit")  # and no file is left

    @as_root
    def test_an_earlier_file_does_not_fill_the_disk(self):
        program = self.agent + bytes(40_000)
        command = self.command(self.install(program), "0")
        done = self.in_namespace("size=100k", ["sh", "-c", '"$@" && "$@" && "$@"', "sh", *command])
        self.assertEqual((done.returncode, done.stderr), (0, "lighter-agent\n"))

    @as_root
    def test_the_folder_is_noexec(self):
        done = self.in_namespace("noexec", self.command(self.install(self.agent)))
        done.stderr = done.stderr.removesuffix("lighter-agent\n")
        self.assert_refused(done, START, str(self.out), "Permission denied", "it is on a noexec mount")


class Starting(Boot):
    def fail_to_start(self, program: bytes, *words: str):
        done = self.run_boot(self.command(self.install(program)))
        self.assert_refused(done, START, str(self.out), os.uname().machine, *words)

    def test_it_is_no_program(self):
        self.fail_to_start(b"a text\n" * 100, "Exec format error", "no program for this machine")
        self.fail_to_start(random.Random(5).randbytes(5000), "no program for this machine")

    def test_it_is_another_architectures(self):
        machine_offset, sparc = 18, 2
        foreign = bytearray(self.agent)
        struct.pack_into("<H", foreign, machine_offset, sparc)
        self.fail_to_start(bytes(foreign), "no program for this machine")

    def test_it_wants_a_loader(self):
        self.fail_to_start(self.foreign_loader, "No such file", "static agent")


class Usage(Boot):
    def test_numbers(self):
        flags = self.install(self.agent)
        for name in ("--size", "--unpacked-size", "--chunks"):
            for value in ("", "0", "-1", "+1", " 1", "1 ", "1k", "0x10", "1.0", "268435457", "4294967297", "18446744073709551617", "9" * 5000):
                self.refuse(flags | {name: value}, USAGE, f"{name} must be a number from 1 to")
        self.refuse(flags | {"--chunks": "1000"}, USAGE, "999")

    def test_digests(self):
        digest = sha256(b"")
        for value in ("", digest[1:], digest + "0", digest.upper(), "g" + digest[1:], "sha256:" + digest, "a" * 5000):
            self.refuse(self.install(self.agent) | {"--sha256": value}, USAGE, "--sha256 must be 64 lower-case hex digits")

    def test_out_names_no_file(self):
        for value in ("", "/", f"{self.out.parent}/"):
            self.refuse(self.install(self.agent) | {"--out": value}, USAGE, "--out must name a file")

    def test_a_flag_is_missing_unknown_or_without_a_value(self):
        flags = self.install(self.agent)
        for name in flags:
            self.refuse({k: v for k, v in flags.items() if k != name}, USAGE, "a flag is missing")
        for unknown in ("--help", "--Size", "---", "--size="):
            self.refuse(flags | {unknown: "1"}, USAGE, f"there is no flag '{unknown}'")
        for words in (["--size"], ["--size", "1", "--out"], ["--no"]):
            self.assert_refused(self.run_boot([str(BOOT), *words]), USAGE, f"{words[-1]} needs a value")

    def test_folder_and_dashes(self):
        command = self.command(self.install(self.agent))
        start = command[:-2]
        for rest in ([], ["--"], ["folder"], ["folder", "other", "--"], ["folder", "-h"], ["-h"]):
            self.assert_refused(self.run_boot([*start, *rest]), USAGE, "one folder and `--` must follow")
        self.assert_refused(self.run_boot([str(BOOT)]), USAGE, "a flag is missing")

    def test_a_line_stays_a_line(self):
        done = self.run_boot([str(BOOT), "--size", "x" * 100_000])
        self.assert_refused(done, USAGE)
        self.assertLess(len(done.stderr), 2048)  # what the kubelet keeps


class File(unittest.TestCase):
    def test_it_is_static_and_small(self):
        headers = subprocess.run(["readelf", "--program-headers", "--wide", BOOT], capture_output=True, text=True, check=True).stdout
        self.assertIn("LOAD", headers)
        self.assertNotIn("INTERP", headers)
        self.assertNotIn("DYNAMIC", headers)
        self.assertLess(BOOT.stat().st_size, 64 << 10)

    def test_it_runs_in_an_empty_root(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, to change the root")
        with tempfile.TemporaryDirectory() as root:
            shutil.copy(BOOT, root)
            done = subprocess.run(["chroot", root, "/lighter-boot"], capture_output=True, text=True)
        self.assertEqual(done.returncode, USAGE, done.stderr)


if __name__ == "__main__":
    unittest.main()
