"""A small object store on loopback that speaks S3's protocol: the real client talks to it.

with object_store() as store:
    run_mirrors("publish", bundle, "s3://published", env=store.env)
    store.objects                        # key -> bytes
    store.before_put = lambda key: ...   # called before an object is stored; raising refuses the request
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET = "published"


def _nothing(_: str) -> None:
    """Let a request through."""


@dataclass(slots=True, kw_only=True)
class ObjectStore:
    """What the store holds, and how programs find it."""

    objects: dict[str, bytes] = field(default_factory=dict)
    puts: list[str] = field(default_factory=list)
    before_put: Callable[[str], None] = _nothing
    after_put: Callable[[str], None] = _nothing
    env: dict[str, str] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.Lock)


class _Handler(BaseHTTPRequestHandler):
    store: ObjectStore
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        key = self._key()
        content = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            self.store.before_put(key)
        except OSError:
            self._answer(403, b"<Error><Code>AccessDenied</Code></Error>")
            return
        with self.store.lock:
            taken = self.headers.get("If-None-Match") == "*" and key in self.store.objects
            if not taken:
                self.store.objects[key] = content
                self.store.puts.append(key)
        if taken:
            self._answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
            return
        self.store.after_put(key)
        self._answer(200, b"", ETag='"1"')

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        if "list-type" in asked:
            self._answer(200, self._listing(asked.get("prefix", [""])[0]))
        elif (content := self.store.objects.get(self._key())) is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._answer(200, content, ETag='"1"', **{"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"})

    def _listing(self, prefix: str) -> bytes:
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(content)}</Size><ETag>1</ETag>"
            "<LastModified>2024-01-01T00:00:00.000Z</LastModified></Contents>"
            for key, content in sorted(self.store.objects.items())
            if key.startswith(prefix)
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>".encode()

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix(f"/{BUCKET}/")

    def _answer(self, code: int, content: bytes, **headers: str) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        with suppress(BrokenPipeError, ConnectionResetError):  # a client that was killed hears no answer
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[ThreadingHTTPServer]:
    """Serve on loopback while the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """Run an empty store while the block runs."""
    store = ObjectStore()
    with served(type("Handler", (_Handler,), {"store": store})) as server:
        store.env = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "tests",
        }
        yield store
