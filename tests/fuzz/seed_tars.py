#!/usr/bin/env python3
"""Writes the seeds of tar_index: tars in every format that is read, and the odd ones. Once is enough."""
import io
import pathlib
import tarfile

CORPUS = pathlib.Path(__file__).parent / "corpus" / "tar_index"


def entry(name, data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def write(seed, entries, tar_format=tarfile.USTAR_FORMAT, **options):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tar_format, **options) as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    # Python pads to 10 KiB; two blocks of zeros are an end.
    bytes_ = out.getvalue().rstrip(b"\0")
    blocks = (len(bytes_) + 511) // 512 + 2
    (CORPUS / f"seed-{seed}").write_bytes(bytes_.ljust(blocks * 512, b"\0"))


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    plain = [entry("./", type=tarfile.DIRTYPE), entry("./a", b"data"), entry("b/c", b"x" * 600)]
    long = [entry("d" * 90 + "/" + "f" * 120, b"1"), entry("ünïcödé", b"2")]
    links = [
        entry("l", type=tarfile.SYMTYPE, linkname="a"),
        entry("h", type=tarfile.LNKTYPE, linkname="./a"),
        entry("p", type=tarfile.FIFOTYPE),
        entry("n", type=tarfile.SYMTYPE, linkname="t" * 150),
    ]
    write("ustar", plain)
    write("gnu", plain + long + links, tarfile.GNU_FORMAT)
    write("pax", plain + long + links, tarfile.PAX_FORMAT)
    write("pax-global", plain, tarfile.PAX_FORMAT, pax_headers={"comment": "x", "path": "g"})
    write("pax-size", [entry("s", b"12345", pax_headers={"size": "5", "mtime": "1.5"})], tarfile.PAX_FORMAT)
    sparse = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s", "GNU.sparse.realsize": "9"}
    write("sparse", [entry("s", b"0\n".ljust(512, b"\0"), pax_headers=sparse)], tarfile.PAX_FORMAT)
    write("unsafe", [entry("../a", b"1"), entry("/b", b"2"), entry("c\nd", b"3")])
    write("empty", [])


if __name__ == "__main__":
    main()
