#!/usr/bin/env python3
"""How long `lighter inspect` takes over packages of 10 and 25 GB, beside `tar -tf` of the same file, which lists the outermost tar alone.

    tests/bench/inspect_package.py [TIMES]      default: 9

The packages are sparse: one bundle, one image, one huge layer of zeros. Needs a release build, no cluster and no root.
"""

import io
import json
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / "build/release"
GB = 10**9
DIGEST = "sha256:" + "0" * 64
END = 1024  # zero bytes that end a tar


def header(name: str, size: int) -> bytes:
    """A tar header, with a PAX one before it where the size needs that."""
    entry = tarfile.TarInfo(name)
    entry.size = size
    return entry.tobuf(tarfile.PAX_FORMAT)


def padded(size: int) -> int:
    return -(-size // 512) * 512


def write_package(path: Path, layer_bytes: int) -> None:
    """package.tar > a.bundle.tar > images.tar > the layer; holes where the layer is."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [DIGEST]}}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": ["r.io/a:1"], "Layers": ["layer.tar"]}]).encode()
    chart = b"name: a\nversion: 1.0.0\n"

    def entry(name: str, data: bytes) -> bytes:
        return header(name, len(data)) + data.ljust(padded(len(data)), b"\0")

    before = entry("config.json", config) + header("layer.tar", layer_bytes)
    after = entry("manifest.json", manifest) + bytes(END)
    images_bytes = len(before) + padded(layer_bytes) + len(after)
    files = entry("hints.yaml", b"") + entry("original-chart/Chart.yaml", chart) + header("images.tar", images_bytes)
    bundle_bytes = len(files) + padded(images_bytes) + END
    with path.open("wb") as file:
        file.write(header("a.bundle.tar", bundle_bytes) + files + before)
        file.seek(padded(layer_bytes), io.SEEK_CUR)
        file.write(after)
        file.truncate(len(header("a.bundle.tar", bundle_bytes)) + padded(bundle_bytes) + END)


def seconds_of(*words: object) -> tuple[float, str]:
    start = time.monotonic()
    done = subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True)
    return time.monotonic() - start, done.stdout


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    print(f"index of a sparse package, {times} times:")
    for gigabytes in (10, 25):
        with tempfile.TemporaryDirectory(dir=BUILD) as folder:
            package = Path(folder) / "package.tar"
            write_package(package, gigabytes * GB)
            ours, tars = [], []
            for _ in range(times):
                seconds, out = seconds_of(BUILD / "lighter", "inspect", package, "-o", "json")
                assert json.loads(out)["bundles"][0]["images"][0]["layers"][0]["sizeBytes"] == gigabytes * GB, out
                ours.append(seconds)
                tars.append(seconds_of("tar", "-tf", package)[0])
        inspect, tar = statistics.median(ours), statistics.median(tars)
        print(f"  {gigabytes} GB: lighter inspect median {inspect:.3f} s, tar -tf median {tar:.3f} s, ratio {inspect / tar:.2f}")


if __name__ == "__main__":
    main()
