"""Certificate authorities and certificates, made with openssl: EC P-256, valid from some days ago."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .process import run

BACK_DATED_DAYS = 3

_CONFIG = """
[ca]
default_ca = it
[it]
database = {work}/index
new_certs_dir = {work}
rand_serial = yes
default_md = sha256
unique_subject = no
copy_extensions = none
policy = any
x509_extensions = extensions
[any]
organizationName = optional
commonName = supplied
[extensions]
{extensions}
"""

_AUTHORITY = (
    "basicConstraints = critical, CA:true\nkeyUsage = critical, keyCertSign, cRLSign\nsubjectKeyIdentifier = hash"
)
_MEMBER = "basicConstraints = CA:false\nkeyUsage = digitalSignature\nextendedKeyUsage = serverAuth, clientAuth"


def make_key(path: Path) -> None:
    """A private key that only its owner reads."""
    path.touch(mode=0o600)
    run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)


class Authority:
    """A certificate authority whose ca.crt and ca.key lie in a folder; made there if it is not."""

    def __init__(self, folder: Path, days: int = 30):
        self.certificate = folder / "ca.crt"
        self._key = folder / "ca.key"
        self._days = days
        if not self.certificate.exists():
            folder.mkdir(parents=True, exist_ok=True)
            make_key(self._key)
            self._sign(self._key, self.certificate, f"/CN=lighter test CA {folder.name}", _AUTHORITY, ["-selfsign"])

    def issue(self, certificate: Path, key: Path, subject: str, names: list[str] | None = None) -> None:
        """A new key and its certificate for both ends of TLS; names are like DNS:host and IP:address."""
        make_key(key)
        extensions = _MEMBER + (f"\nsubjectAltName = {', '.join(names)}" if names else "")
        self._sign(key, certificate, subject, extensions, ["-cert", self.certificate])

    def _sign(self, key: Path, certificate: Path, subject: str, extensions: str, how: list[object]) -> None:
        now = datetime.now(UTC)
        start = now - timedelta(days=BACK_DATED_DAYS)
        end = now + timedelta(days=self._days)
        with tempfile.TemporaryDirectory() as work:
            (Path(work) / "index").touch()
            config = Path(work) / "config"
            config.write_text(_CONFIG.format(work=work, extensions=extensions))
            request = Path(work) / "request"
            run("openssl", "req", "-new", "-key", key, "-subj", subject, "-out", request)
            run(
                "openssl", "ca", "-batch", "-notext", "-config", config, "-in", request, "-keyfile", self._key, *how,
                "-startdate", f"{start:%Y%m%d%H%M%SZ}", "-enddate", f"{end:%Y%m%d%H%M%SZ}", "-out", certificate,
            )  # fmt: skip


def make_role_set(folder: Path, names: list[str], days: int) -> None:
    """lighter's mutual TLS: folder/agent and folder/coordinator, each with its ca.crt, tls.crt and tls.key."""
    authority = Authority(folder, days)
    for role in ("agent", "coordinator"):
        place = folder / role
        place.mkdir(exist_ok=True)
        sans = [f"DNS:lighter-{role}", *(names if role == "agent" else [])]
        authority.issue(place / "tls.crt", place / "tls.key", f"/O=lighter/CN=lighter-{role}", sans)
        (place / "ca.crt").write_bytes(authority.certificate.read_bytes())
