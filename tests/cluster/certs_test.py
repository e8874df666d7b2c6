#!/usr/bin/env python3
"""`cluster certs` makes certificates that TLS accepts where it should, and only there. Takes two seconds, no root."""

import socket
import ssl
import tempfile
import threading
import time
import unittest
from pathlib import Path

from testbed.process import run
from testcase import ClusterTest


class Certs(ClusterTest):
    """Real handshakes between the roles."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name) / "pki"
        self.cluster("certs", str(self.folder), "--san", "IP:192.0.2.7")

    def test_each_role_has_its_three_files_and_keys_are_private(self):
        for role in ("agent", "coordinator"):
            files = sorted((self.folder / role).iterdir())
            self.assertEqual([file.name for file in files], ["ca.crt", "tls.crt", "tls.key"])
            self.assertEqual(files[2].stat().st_mode & 0o777, 0o600)

    def test_the_roles_trust_each_other_under_their_names(self):
        for name in ("lighter-agent", "192.0.2.7"):
            self.assertIsNone(self._handshake(self.folder, name))

    def test_another_name_is_refused(self):
        for name in ("lighter-coordinator", "192.0.2.8"):
            self.assertIn("mismatch", str(self._handshake(self.folder, name)).lower())

    def test_another_authority_is_refused(self):
        stranger = self.folder.with_name("strangers")
        self.cluster("certs", str(stranger))
        self.assertIn("unknown ca", str(self._handshake(stranger, "lighter-agent", check=False)).lower())

    def test_an_expired_certificate_is_refused(self):
        self.cluster("certs", str(self.folder), "--days", "-1")
        self.assertIn("expired", str(self._handshake(self.folder, "lighter-agent")))

    def test_certificates_hold_on_machines_whose_clock_is_behind(self):
        start = run("openssl", "x509", "-noout", "-startdate", "-in", self.folder / "agent/tls.crt")
        seconds = ssl.cert_time_to_seconds(start.strip().removeprefix("notBefore="))
        self.assertLess(seconds, time.time() - 2 * 86400)

    def _handshake(self, client_folder: Path, name: str, check: bool = True) -> Exception | None:
        """A coordinator of that folder calls this folder's agent; returns what either side objects to."""
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        for context, place in ((server, self.folder / "agent"), (client, client_folder / "coordinator")):
            context.load_cert_chain(place / "tls.crt", place / "tls.key")
            context.load_verify_locations(place / "ca.crt")
        server.verify_mode = ssl.CERT_REQUIRED
        if not check:
            client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        here, there = socket.socketpair()
        agent = threading.Thread(target=self._serve, args=(server, there))
        agent.start()
        try:
            with client.wrap_socket(here, server_hostname=name) as connection:
                connection.recv(1)
        except OSError as error:
            return error
        finally:
            here.close()
            agent.join()
        return None

    def _serve(self, context: ssl.SSLContext, connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as secure:
                secure.sendall(b".")
        except OSError:  # the client's view is the one that is checked
            connection.close()


if __name__ == "__main__":
    unittest.main()
