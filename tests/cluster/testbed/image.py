"""Images of one layer, as docker-archives."""

import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path

from .errors import TestbedError
from .process import run

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def write_image(archive: Path, name: str, entrypoint: list[str], files: dict[str, Path]) -> None:
    """Writes a docker-archive whose image holds the files (path in it -> file here) and starts the entrypoint."""
    layer = _tar({path.lstrip("/"): (file.read_bytes(), file.stat().st_mode & 0o777) for path, file in files.items()})
    diff_id = hashlib.sha256(layer).hexdigest()
    config = json.dumps({
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Entrypoint": entrypoint, "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]},
        "history": [{"created_by": "lighter's tests/cluster"}],
    }).encode()  # fmt: skip
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    layer_name = f"{diff_id}/layer.tar"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [name], "Layers": [layer_name]}]).encode()
    parts = {config_name: config, layer_name: layer, "manifest.json": manifest}
    archive.write_bytes(_tar({path: (content, 0o644) for path, content in parts.items()}))


def write_pause_image(archive: Path, name: str, work: Path) -> None:
    """The image of a program that does nothing but hold a pod's namespaces, compiled here."""
    binary = work / "pause"
    run("musl-gcc", "-static", "-Os", "-s", "-Wall", "-o", binary, Path(__file__).with_name("pause.c"))
    write_image(archive, name, ["/pause"], {"/pause": binary})


def parse_addition(text: str) -> tuple[str, Path]:
    """SOURCE:/PATH of --add as (path in the image, file here)."""
    source, separator, path = text.rpartition(":")
    if not separator or not path.startswith("/"):
        raise TestbedError(f"--add {text}: write it as FILE:/path/in/the/image")
    if not Path(source).is_file():
        raise TestbedError(f"--add {text}: there is no file {source}")
    return path, Path(source)


def _tar(entries: dict[str, tuple[bytes, int]]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, (content, mode) in entries.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            entry.mode = mode
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()
