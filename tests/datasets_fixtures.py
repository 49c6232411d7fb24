"""A server on 127.0.0.1 with the files of small microarray sets, and a call that fetches them."""

import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from datasets_toys import BOMB_BYTES, MAT, SERIES, TOY, TOY_GEO, mat_file, series_matrix

from sksparse_mlp.datasets import fetch_microarray
from sksparse_mlp.datasets._registry import SOURCES


class Site:
    """Files on a server and how it misbehaves.

    ``faults`` has one for each of the next requests: a status, or how the body ends and after how
    many bytes. ``scripts`` has functions that answer in place of a file.
    """

    def __init__(self):
        self.files, self.scripts = {MAT: mat_file(), SERIES: series_matrix()}, {}
        self.faults, self.requests, self.waits = [], [], []
        self.content_encoding = None
        self.has_length = True
        self.n_sent = 0
        self.closing = threading.Event()

    def respond(self, handler):
        name = handler.path.lstrip("/")
        self.requests.append((name, handler.headers.get("Accept-Encoding")))
        if name in self.scripts:
            self.scripts[name](handler)
            return
        fault = self.faults.pop(0) if self.faults else None
        if name not in self.files or isinstance(fault, int):
            handler.send_error(fault or 404)
            return
        body = self.files[name]
        self.send_head(handler, 200, **self.headers_of(body))
        kind, n_bytes = fault or ("whole", len(body))
        handler.wfile.write(body[:n_bytes])
        if kind == "stall":
            handler.wfile.flush()
            self.closing.wait(10)

    def headers_of(self, body):
        headers = {"Content_Length": len(body) if self.has_length else None}
        return headers | {"Content_Encoding": self.content_encoding}

    def send_without_end(self, handler, chunk):
        """Send a piece over and over, until the client hangs up or has taken a bomb's bytes."""
        with suppress(ConnectionError):
            while self.n_sent < BOMB_BYTES and not self.closing.is_set():
                handler.wfile.write(chunk)
                self.n_sent += len(chunk)

    @staticmethod
    def send_head(handler, status, **headers):
        handler.send_response(status)
        for name, value in headers.items():
            if value is not None:
                handler.send_header(name.replace("_", "-"), str(value))
        handler.end_headers()


@pytest.fixture
def site():
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            site.respond(self)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    yield site
    site.closing.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def fetch(site, tmp_path, monkeypatch):
    """Fetch one of two small sets from the local site; pauses are noted instead of made."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("pooch.core.time", SimpleNamespace(sleep=site.waits.append))
    for source in (TOY, TOY_GEO):
        monkeypatch.setitem(SOURCES, source.name, source)

    def fetch(name="TOY_10", **parameters):
        defaults = {"data_home": tmp_path, "base_url": site.url, "timeout": 5.0}
        return fetch_microarray(name, **(defaults | parameters))

    return fetch
