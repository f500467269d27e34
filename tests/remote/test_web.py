"""Bundles are read over HTTPS with bounds and without trust: the real client against real servers on loopback."""

import datetime
import ipaddress
import ssl
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest
from command_line import Mirrors
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from object_store import served
from offices import OFFICE, publish, some_lines, write_office
from trust_world import Files, files_of

from release.bundle.content import MANIFEST
from release.bundle.verification import verify
from release.remote.web import WebFiles

Answer = Callable[[BaseHTTPRequestHandler, str], bytes | None]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small bundle."""
    return publish(write_office(tmp_path_factory.mktemp("office"), lines=some_lines(60), office=OFFICE)).bundle


def handler(files: Files, own: Answer | None = None) -> type[BaseHTTPRequestHandler]:
    """Return a server of files; `own` answers a name itself, or returns the bytes to send."""

    class Handler(BaseHTTPRequestHandler):
        asked: ClassVar[list[str]] = []

        def do_GET(self) -> None:
            self.asked.append(self.path)
            name = self.path.rpartition("/")[2]
            content = files.get(name) if own is None else own(self, name)
            if content is None:
                return None if own is not None else self.send_error(404)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            return None

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def found(files: Files, own: Answer | None = None, deadline: float = 60.0) -> list[str]:
    """Return the codes of what is found wrong with a bundle that a server serves."""
    with served(handler(files, own)) as server:
        remote = WebFiles(f"http://127.0.0.1:{server.server_port}/AAA/2024", deadline=deadline)
        return [one.code for one in verify(remote).findings]


@pytest.fixture
def certified(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """Return a server's TLS context for loopback, and the certificate that vouches for it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(tz=datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(
        now + datetime.timedelta(days=1)
    )
    made = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    (tmp_path / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    return context, tmp_path / "certificate.pem"


def test_a_bundle_is_verified_over_https_and_only_from_a_server_that_is_certified(
    bundle: Path, certified: tuple[ssl.SSLContext, Path], mirrors: Mirrors, tmp_path: Path
) -> None:
    context, certificate = certified
    with served(handler(files_of(bundle))) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        url = f"https://127.0.0.1:{server.server_port}/AAA/2024"
        trusted = mirrors("fetch", url, tmp_path / "held", env={"SSL_CERT_FILE": str(certificate)})
        assert trusted.code == 0, trusted.err
        stranger = mirrors("verify", url, "--json")
        assert stranger.code == 6
        assert stranger.json["bundles"][0]["findings"][0]["code"] == "unreachable"
    assert files_of(tmp_path / "held" / "AAA" / "2024") == files_of(bundle)


def test_a_server_without_a_manifest_has_no_bundle_and_half_of_one_is_refused(bundle: Path) -> None:
    files = files_of(bundle)
    assert found(files) == []
    assert found({name: content for name, content in files.items() if name != MANIFEST}) == ["missing"]
    assert found({name: content for name, content in files.items() if name != "plan.json"}) == ["missing file"]
    assert found({**files, "methods.md": b"changed"}) == ["digest"]


def test_only_the_formats_names_are_asked_for_below_the_address(bundle: Path) -> None:
    files = files_of(bundle)
    hostile = files[MANIFEST].replace(b'"methods.md"', b'"../secret"')
    with served(handler({**files, MANIFEST: hostile, "secret": b"x"})) as server:
        assert not verify(WebFiles(f"http://127.0.0.1:{server.server_port}/AAA/2024")).valid
        asked = server.RequestHandlerClass.asked
    assert asked
    assert all(path.startswith("/AAA/2024/") and ".." not in path for path in asked)


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_a_redirect_is_refused_and_the_other_place_never_asked(code: int, bundle: Path) -> None:
    files, other = files_of(bundle), handler(files_of(bundle))
    with served(other) as elsewhere:

        def redirected(request: BaseHTTPRequestHandler, name: str) -> None:
            request.send_response(code)
            request.send_header("Location", f"http://127.0.0.1:{elsewhere.server_port}/AAA/2024/{name}")
            request.end_headers()

        assert found(files, redirected) == ["redirect"]
    assert not other.asked


def endless(request: BaseHTTPRequestHandler, name: str) -> None:
    """Send bytes as long as anyone listens."""
    del name
    request.send_response(200)
    request.end_headers()
    try:
        while True:
            request.wfile.write(b" " * 65536)
    except OSError:
        return


def trickling(request: BaseHTTPRequestHandler, name: str) -> None:
    """Send a byte now and then."""
    del name
    try:
        request.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(600):
            request.wfile.write(b"X")
            time.sleep(0.05)
    except OSError:
        return


def failing(request: BaseHTTPRequestHandler, name: str) -> None:
    """Answer that the server is out of order."""
    del name
    request.send_error(503)


def encoded(files: Files) -> Answer:
    """Return what says that every file is packed."""

    def answer(request: BaseHTTPRequestHandler, name: str) -> None:
        request.send_response(200)
        request.send_header("Content-Encoding", "gzip")
        request.end_headers()
        request.wfile.write(files.get(name, b""))

    return answer


def broken(files: Files) -> Answer:
    """Return what sends half of a file."""

    def answer(request: BaseHTTPRequestHandler, name: str) -> None:
        if name not in files:
            request.send_error(404)
            return
        request.send_response(200)
        request.send_header("Content-Length", str(len(files[name])))
        request.end_headers()
        request.wfile.write(files[name][: len(files[name]) // 2])

    return answer


def test_a_server_that_sends_without_end_trickles_packs_or_breaks_off_is_refused(bundle: Path) -> None:
    files = files_of(bundle)
    assert found(files, endless) == ["size"]
    assert found(files, trickling, deadline=0.5) == ["unreachable"]
    assert found(files, failing) == ["unreachable"]
    assert found(files, encoded(files)) == ["encoding"]
    assert found(files, broken(files)) == ["unreachable"]
