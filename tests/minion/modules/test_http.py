"""http.query against servers on this host."""

from __future__ import annotations

import gzip
import http.server
import json
import shutil
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest

from minion import http as client
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader


class Handler(http.server.BaseHTTPRequestHandler):
    """Tells what it was sent."""

    failures = 0

    def answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        seen = {
            "method": self.command,
            "path": self.path,
            "headers": {name.title(): value for name, value in self.headers.items()},
            "data": self.rfile.read(length).decode(),
        }
        code, kind, body = 200, "application/json", json.dumps(seen).encode()
        headers: Dict[str, str] = {}
        if self.path.startswith("/missing"):
            code = 404
        elif self.path.startswith("/redirect"):
            code, headers["Location"] = 302, self.path.partition("?")[2]
        elif self.path == "/xml":
            kind, body = "text/xml", b'<r xmlns="x"><i>1</i><k><a>1</a><a>2</a></k></r>'
        elif self.path == "/yaml":
            kind, body = "application/yaml", b"a: [1]\n"
        elif self.path == "/latin":
            kind, body = "text/plain; charset=latin-1", "é".encode("latin-1")
        elif self.path == "/gzip":
            kind, body, headers["Content-Encoding"] = "text/plain", gzip.compress(b"packed"), "gzip"
        elif self.path == "/cookie":
            headers["Set-Cookie"] = "k=v; Path=/"
        elif self.path == "/pem":
            kind, body = "text/plain", b"-----BEGIN CERTIFICATE-----\n"
        elif self.path == "/flaky":
            type(self).failures += 1
            code = 200 if self.failures > 2 else 503
        self.send_response(code)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

    def log_message(self, *args: Any) -> None:
        pass


def serve(context: Any = None) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http{'s' if context else ''}://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    yield from serve()


def seen(answer: Dict[str, Any]) -> Any:
    return json.loads(answer["body"])


def test_get(salt: Loader, url: str) -> None:
    answer = salt["http.query"](f"{url}/a?x=1", params={"y": "b c"}, status=True, headers=True, text=True)
    assert answer["status"] == 200
    assert answer["headers"]["Content-Type"] == "application/json"
    assert answer["text"] == answer["body"]
    assert seen(answer)["path"] == "/a?x=1&y=b+c"
    assert seen(answer)["headers"]["User-Agent"] == client.AGENT


def test_post(salt: Loader, url: str, tmp_path: Path) -> None:
    query = salt["http.query"]
    sent = seen(query(url, method="POST", data={"a": "b c"}, header_dict={"X-A": 1}, header_list=["X-B: c:d"]))
    assert (sent["method"], sent["data"]) == ("POST", "a=b+c")
    assert (sent["headers"]["X-A"], sent["headers"]["X-B"]) == ("1", "c:d")
    assert sent["headers"]["Content-Type"] == "application/x-www-form-urlencoded"
    (tmp_path / "data").write_text("from a file")
    (tmp_path / "headers").write_text("X-C: e\n")
    sent = seen(query(url, method="PUT", data_file=str(tmp_path / "data"), header_file=str(tmp_path / "headers")))
    assert (sent["data"], sent["headers"]["X-C"]) == ("from a file", "e")
    form = seen(query(url, method="POST", data="content", formdata=True, formdata_fieldname="f", formdata_filename="n"))
    assert 'name="f"; filename="n"\r\n\r\ncontent\r\n' in form["data"]
    assert query(url, data="x", formdata=True) == {"error": "formdata_fieldname is required when formdata=True"}


def test_passwords(salt: Loader, url: str) -> None:
    assert seen(salt["http.query"](url, username="u", password="p"))["headers"]["Authorization"] == "Basic dTpw"
    redirected = seen(salt["http.query"](f"{url}/redirect?{url}/after", username="u", password="p"))
    assert redirected["path"] == "/after"
    assert "Authorization" not in redirected["headers"]
    assert client.sanitize("https://u:p@h/?token=abc&x=1", ["token"]) == "https://u:XXXXXXXXXX@h/?token=XXXXXXXXXX&x=1"


def test_errors(salt: Loader, url: str) -> None:
    query = salt["http.query"]
    failed = query(f"{url}/missing")
    assert (failed["status"], failed["error"]) == (404, "HTTP 404: Not Found")
    accepted = query(f"{url}/missing", raise_error=False, status=True)
    assert (accepted["status"], "error" in accepted) == (404, False)
    refused = query("http://localhost:1/", status=True)
    assert (refused["status"], refused["error"]) == (0, "[Errno 111] Connection refused")
    assert query(f"{url}/redirect?file:///etc/passwd")["error"].startswith("HTTP 302: Found")
    assert "refused to be redirected" in query(f"{url}/redirect?ftp://localhost/x")["error"]
    with pytest.raises(SaltInvocationError, match="Only http"):
        query("file:///etc/passwd")


def test_decoding(salt: Loader, url: str, tmp_path: Path) -> None:
    query = salt["http.query"]
    assert query(f"{url}/json", decode=True)["dict"]["method"] == "GET"
    assert query(f"{url}/yaml", decode=True)["dict"] == {"a": [1]}
    assert query(f"{url}/xml", decode=True)["dict"] == [{"i": "1"}, {"a": ["1", {"a": "2"}]}]
    assert query(f"{url}/latin", decode=True)["text"] == "é"
    assert query(f"{url}/gzip")["body"] == "packed"
    assert query(f"{url}/latin", decode_body=False)["body"] == b"\xe9"
    assert query(f"{url}/yaml", decode=True, decode_type="plain", decode_out=str(tmp_path / "o"))["text"] == "a: [1]\n"
    assert (tmp_path / "o").read_text() == "a: [1]\n"
    assert "Invalid decode_type" in query(url, decode=True, decode_type="nonsense")["error"]
    with pytest.raises(CommandExecutionError, match=r"http\.query of .* failed"):
        query(f"{url}/yaml", decode=True, decode_type="json")


def test_cookies(salt: Loader, url: str) -> None:
    query = salt["http.query"]
    query(f"{url}/cookie", persist_session=True)
    assert seen(query(url, persist_session=True))["headers"]["Cookie"] == "k=v"
    assert "Cookie" not in seen(query(url))["headers"]


def test_test_mode(salt: Loader, url: str) -> None:
    assert salt["http.query"]("http://none.invalid/", test=True) == {}
    assert salt["http.query"]("http://none.invalid/", test=True, test_url=url)["test"] is True


def test_limits(salt: Loader, url: str) -> None:
    assert "larger than 5 bytes" in salt["http.query"](url, opts={"http_max_body": 5})["error"]


def test_proxy(salt: Loader, url: str) -> None:
    host, port = url[7:].split(":")
    opts = {"proxy_host": host, "proxy_port": port, "proxy_username": "pu", "proxy_password": "pp"}
    sent = seen(salt["http.query"]("http://elsewhere.invalid/x", opts=opts))
    assert sent["path"] == "http://elsewhere.invalid/x"
    assert sent["headers"]["Proxy-Authorization"].startswith("Basic ")
    assert seen(salt["http.query"](url, opts={**opts, "no_proxy": [host]}))["path"] == "/"


def test_waiting(salt: Loader, url: str) -> None:
    Handler.failures = 0
    assert "error" not in salt["http.wait_for_successful_query"](f"{url}/flaky", wait_for=5, request_interval=0.01)
    assert Handler.failures == 3
    assert salt["http.wait_for_successful_query"](f"{url}/missing", wait_for=0)["status"] == 404


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> str:
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    path = str(tmp_path_factory.mktemp("tls") / "pem")
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    words += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*words, "-keyout", path, "-out", path], check=True, capture_output=True)
    return path


@pytest.fixture(scope="module")
def tls_url(pem: str) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    yield from serve(context)


def test_certificates_are_verified(salt: Loader, tls_url: str, pem: str, tmp_path: Path) -> None:
    query = salt["http.query"]
    assert "certificate verify failed" in query(tls_url)["error"]
    assert "body" in query(tls_url, ca_bundle=pem)
    assert "body" in query(tls_url, verify_ssl=False)
    assert "body" in query(tls_url, ca_bundle=pem, cert=pem)
    shutil.copy(pem, tmp_path / "srv" / "cacert.pem")
    assert "body" in query(tls_url)


def test_update_ca_bundle(salt: Loader, url: str, tmp_path: Path) -> None:
    target, extra = tmp_path / "bundle", tmp_path / "extra"
    extra.write_text("-----BEGIN OTHER-----\n")
    salt["http.update_ca_bundle"](str(target), f"{url}/pem", str(extra))
    assert target.read_text() == "-----BEGIN CERTIFICATE-----\n\n-----BEGIN OTHER-----\n"
    with pytest.raises(CommandExecutionError, match="no certificate"):
        salt["http.update_ca_bundle"](str(target), f"{url}/yaml")
    assert target.read_text().startswith("-----BEGIN CERTIFICATE-----")
