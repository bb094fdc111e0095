"""Fetching URLs from a real server on this host."""

from __future__ import annotations

import base64
import http.server
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from minion.errors import CommandExecutionError
from minion.files import web
from minion.files.cache import Cache
from minion.files.client import FileClient
from minion.files.hashing import hash_of


class Server(http.server.ThreadingHTTPServer):
    """Answers with `pages`, notes the headers of requests."""

    pages: Dict[str, bytes]
    headers: List[Any]

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.headers.append(self.headers)
        path = self.path.split("?")[0]
        body = self.server.pages.get(path)
        tag = f'"{hash(body)}"'
        if path == "/moved":
            self.send_response(302)
            self.send_header("Location", self.server.url("/page"))
        elif body is None:
            self.send_response(404)
        elif self.headers.get("If-None-Match") == tag:
            self.send_response(304)
        else:
            self.send_response(200)
            self.send_header("ETag", tag)
            self.send_header("Content-Type", "text/plain; charset=latin-1" if path == "/text" else "application/x")
            self.send_header("Content-Length", str(len(body) + (10 if path == "/cut" else 0)))
        self.end_headers()
        if body is not None and self.headers.get("If-None-Match") != tag:
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server(("127.0.0.1", 0), Handler)
    running.pages = {"/page": b"page \xff", "/text": "ü".encode("latin-1"), "/cut": b"cut"}
    running.headers = []
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def test_a_page_becomes_a_file(server: Server, tmp_path: Path) -> None:
    dest = tmp_path / "page"
    assert web.download(server.url("/page"), str(dest), private=False) == str(dest)
    assert dest.read_bytes() == b"page \xff"


def test_failures_leave_the_old_file(server: Server, tmp_path: Path) -> None:
    dest = tmp_path / "page"
    dest.write_text("old")
    for path, reason in (("/none", "Error: HTTP 404: Not Found reading /none"), ("/cut", "reading /cut")):
        with pytest.raises(CommandExecutionError, match=reason):
            web.download(server.url(path), str(dest), private=False)
    assert (dest.read_text(), [path.name for path in tmp_path.iterdir()]) == ("old", ["page"])


def test_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(CommandExecutionError, match="Connection refused reading /x"):
        web.download("http://127.0.0.1:1/x", str(tmp_path / "x"), private=False)


def test_credentials_go_to_the_host_they_are_for(server: Server) -> None:
    port = server.server_address[1]
    web.content(f"http://me:p%40ss@127.0.0.1:{port}/moved")
    expected = "Basic " + base64.b64encode(b"me:p@ss").decode()
    assert [headers.get("Authorization") for headers in server.headers] == [expected, None]
    with pytest.raises(CommandExecutionError) as failure:
        web.content(f"http://me:secret@127.0.0.1:{port}/none")
    assert "secret" not in str(failure.value)
    assert "secret" not in Cache({"cachedir": "/c"}).fetched(f"http://me:secret@127.0.0.1:{port}/none", "base")


def test_text_is_text(server: Server) -> None:
    assert web.content(server.url("/text")) == "ü"
    assert web.content(server.url("/page")) == b"page \xff"


def test_an_unchanged_page_is_not_sent_again(server: Server, tmp_path: Path) -> None:
    dest = str(tmp_path / "page")
    for expected in (b"page \xff", b"page \xff", b"new"):
        if expected == b"new":
            server.pages["/page"] = b"new"
        web.download(server.url("/page"), dest, private=False, use_etag=True)
        assert Path(dest).read_bytes() == expected
    assert [headers.get("If-None-Match") is None for headers in server.headers] == [True, False, False]


def test_the_cache_by_hash(server: Server, tmp_path: Path) -> None:
    client = FileClient({"cachedir": str(tmp_path)}, None)  # type: ignore[arg-type]
    url = server.url("/page?x=1")
    path = client.cache_file(url)
    assert path == client.cache_dest(url) == client.is_cached(url)
    assert path.startswith(str(tmp_path / "extrn_files/base/127.0.0.1"))
    client.cache_file(url, source_hash=f"sha256={hash_of(path)}")
    assert len(server.headers) == 1
    client.cache_file(url, source_hash="sha256=" + "0" * 64)
    assert len(server.headers) == 2


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://h/a/b.tgz", "b.tgz"),
        ("http://h/", "index.html"),
        ("http://h", "index.html"),
        ("http://h/a?b=c", "a?b=c"),
    ],
)
def test_names(url: str, name: str) -> None:
    assert web.name_of(url) == name


def test_no_url_leads_out_of_the_cache() -> None:
    cache = Cache({"cachedir": "/c"})
    for url in ("http://h/../../etc/passwd", "http://h/a/../../../x", "http://../x"):
        place = cache.fetched(url, "base")
        assert place.startswith("/c/extrn_files/base/")
        assert "/../" not in place + "/", url
