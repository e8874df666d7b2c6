"""Bundles of small charts and images, for tests of names."""

import gzip
import hashlib
import io
import json
import tarfile


def tar(files: dict[str, bytes]) -> bytes:
    """A tar of these files, in order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def images_tar(names: list[str]) -> bytes:
    """A docker-archive with an image of one layer for each of the names."""
    files, manifest = {}, []
    for name in names:
        plain = tar({"name": name.encode()})
        layer = gzip.compress(plain, mtime=0)
        rootfs = {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(plain).hexdigest()]}
        config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs, "config": {}}).encode()
        layer_name, config_name = f"{hashlib.sha256(layer).hexdigest()}.tar.gz", f"sha256:{hashlib.sha256(config).hexdigest()}"
        files |= {config_name: config, layer_name: layer}
        manifest.append({"Config": config_name, "RepoTags": [name], "Layers": [layer_name]})
    return tar(files | {"manifest.json": json.dumps(manifest).encode()})


def pod(image: str, extra: str = "") -> str:
    """The template of a Pod that asks for what the template `image` gives."""
    return f"apiVersion: v1\nkind: Pod\nmetadata: {{name: web{extra}}}\nspec: {{containers: [{{name: web, image: '{image}'}}]}}\n"


def chart(name: str, values: str, templates: dict[str, str], dependencies: str = "") -> dict[str, str]:
    """The files of a chart."""
    files = {"Chart.yaml": f'apiVersion: v2\nname: {name}\nversion: 1.10.0\nappVersion: "1.10"\n{dependencies}', "values.yaml": values}
    return files | {f"templates/{file}": text for file, text in templates.items()}


def bundle(files: dict[str, str], hints: list[str], images: list[str]) -> bytes:
    """A bundle with that chart, these hints, and an image for each of the names."""
    head = {"hints.yaml": json.dumps(hints).encode()} | {f"original-chart/{name}": text.encode() for name, text in files.items()}
    return tar(head | {"images.tar": images_tar(images)})
