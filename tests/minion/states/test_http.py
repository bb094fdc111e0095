from __future__ import annotations

import http.server
import threading
from typing import Any, ClassVar, Dict, Iterator

import pytest

from tests.minion.states.calls import State


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers, but to the first two requests for /later."""

    requests: ClassVar[Dict[str, int]] = {}

    def do_GET(self) -> None:
        count = self.requests[self.path] = self.requests.get(self.path, 0) + 1
        found = self.path == "/" or (self.path == "/later" and count > 2)
        body = b"hello world" if found else b"not yet"
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("arguments", "comment"),
    [
        ({"match": "world"}, 'Match text "world" was found.'),
        (
            {"match": "w.*d", "match_type": "pcre", "status": 200},
            'Match pattern "w.*d" was found. Status 200 was found.',
        ),
        ({"status": [404, 200], "status_type": "list"}, "Status 200 was found."),
        ({"status": "2..", "status_type": "pcre"}, 'Status pattern "2.." was found.'),
    ],
)
def test_an_answer(host: State, url: str, arguments: Dict[str, Any], comment: str) -> None:
    result = host("http.query", f"{url}/", **arguments)
    assert (result["result"], result["comment"], result["data"]["text"]) == (True, comment, "hello world")


@pytest.mark.parametrize(
    ("path", "arguments", "comment"),
    [
        ("/", {"match": "nosuch", "status": 200}, 'Match text "nosuch" was not found. Status 200 was found.'),
        ("/nosuch", {"status": 200}, "Status 200 was not found."),
        ("/nosuch", {"status": [200, 201], "status_type": "list"}, "Statuses [200, 201] were not found."),
        ("/", {}, " Either match text (match) or a status code (status) is required."),
        ("/", {"status": 200, "status_type": "bogus"}, "status_type must be 'string', 'pcre' or 'list', not 'bogus'"),
    ],
)
def test_another_answer(host: State, url: str, path: str, arguments: Dict[str, Any], comment: str) -> None:
    assert comment in host.fails("http.query", url + path, **arguments)


def test_nothing_is_asked_in_test_mode(host: State, url: str) -> None:
    result = host("http.query", f"{url}/unasked", test=True, status=200)
    assert (result["result"], result["comment"][-11:]) == (None, "(TEST MODE)")
    assert "/unasked" not in Handler.requests


def test_an_answer_that_comes_later(host: State, url: str) -> None:
    result = host("http.wait_for_successful_query", f"{url}/later", wait_for=20, request_interval=0.01, status=200)
    assert (result["result"], Handler.requests["/later"]) == (True, 3)
    result = host("http.wait_for_successful_query", f"{url}/never", wait_for=0, status=200)
    assert (result["result"], Handler.requests["/never"]) == (False, 1)
