"""Real git repositories, and real servers that they can be fetched from: https with a password, ssh with a key."""

from __future__ import annotations

import base64
import http.server
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ENVIRONMENT = {
    "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_{what}": f"{what}@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


class Repository:
    """A bare repository and a folder to commit from.

    Args:
        root: both lie below.
        files: of the first commit.
    """

    def __init__(self, root: Path, files: Mapping[str, str]) -> None:
        self._root, self.bare, self._work = root, root / "bare.git", root / "work"
        if self.bare.exists():
            return
        self._work.mkdir(parents=True)
        self._git("init", "-q", "--bare", "-b", "master", str(self.bare))
        self._git("init", "-q", "-b", "master")
        self.commit(files)

    def copy(self, root: Path) -> Repository:
        """Another one that is the same so far."""
        shutil.copytree(self._root, root, symlinks=True)
        return Repository(root, {})

    @property
    def url(self) -> str:
        return f"file://{self.bare}"

    def commit(self, files: Mapping[str, str | None], branch: str = "master") -> str:
        """Commits files to a branch, made from where we are if it is new; its id. None removes a file."""
        known = self._git("branch", "--list", branch)
        if known:
            self._git("checkout", "-q", branch)
        elif self._git("branch"):
            self._git("checkout", "-q", "-b", branch)
        for name, text in files.items():
            path = self._work / name
            if text is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            if text.startswith("-> "):
                path.symlink_to(text[3:])
            else:
                path.write_text(text)
                path.chmod(0o755 if text.startswith("#!") else 0o644)
        self._git("add", "-A")
        self._git("commit", "-q", "--allow-empty", "-m", "changed")
        self._git("push", "-q", "-f", str(self.bare), branch)
        return self._git("rev-parse", "HEAD")

    def tag(self, name: str, branch: str = "master", message: str = "") -> None:
        self._git("tag", *(["-a", "-m", message] if message else []), name, branch)
        self._git("push", "-q", str(self.bare), name)

    def delete(self, ref: str) -> None:
        """Deletes a branch or tag of the bare repository."""
        self._git("push", "-q", "--delete", str(self.bare), ref)

    def _git(self, *words: str) -> str:
        ran = subprocess.run(["git", *words], cwd=self._work, env=ENVIRONMENT, capture_output=True, text=True)
        assert ran.returncode == 0, (words, ran.stderr)
        return ran.stdout.strip()


class _Handler(http.server.BaseHTTPRequestHandler):
    """git's own CGI program behind a password."""

    protocol_version = "HTTP/1.1"
    server: Any

    def log_message(self, format: str, *args: Any) -> None:
        self.server.asked.append(self.path)

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(b"".join(self._chunks()))

    def _chunks(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding") != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(self, body: bytes) -> None:
        expected = "Basic " + base64.b64encode(self.server.login.encode()).decode()
        if self.headers.get("Authorization") != expected:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        environment = {
            **ENVIRONMENT,
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_USER": "someone",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        }
        ran = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=True)
        head, _, content = ran.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def http_server(root: Path, login: str, tls: bool = False) -> Iterator[tuple[int, list[str]]]:
    """(port, paths that were asked for) of a server of the repositories below a folder.

    Args:
        root: the folder.
        login: `user:password`.
        tls: speak https, with a certificate that nobody vouches for.
    """
    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.root, server.login, server.asked = root, login, []
    if tls:
        key, cert = root / "server.key", root / "server.crt"
        make = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ]
        subprocess.run(
            [*make, "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1], server.asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def ssh_server() -> Iterator[tuple[int, Path]]:
    """(port, folder of the user's key `id` and of `home` with its known_hosts) of an SSH server for root."""
    sshd = shutil.which("sshd") or "/usr/sbin/sshd"
    if not os.path.exists(sshd) or os.geteuid() != 0:
        pytest.skip("needs root and an SSH server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="sshd") as name:
        folder = Path(name)
        for key in ("host", "id", "stranger"):
            words = ["-q", "-t", "ed25519", "-N", "opensesame" if key == "id" else "", "-f", str(folder / key)]
            subprocess.run(["ssh-keygen", *words], check=True)
        (folder / "home/.ssh").mkdir(parents=True)
        host_key = (folder / "host.pub").read_text().split()
        (folder / "home/.ssh/known_hosts").write_text(f"[127.0.0.1]:{port} {host_key[0]} {host_key[1]}\n")
        (folder / "config").write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\nStrictModes no\nUsePAM no\n"
            f"AuthorizedKeysFile {folder}/id.pub\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n"
        )
        os.makedirs("/run/sshd", exist_ok=True)
        with subprocess.Popen(
            [sshd, "-D", "-e", "-f", str(folder / "config")], stderr=subprocess.PIPE, text=True
        ) as daemon:
            assert daemon.stderr is not None
            line = daemon.stderr.readline()
            assert "listening" in line, line
            try:
                yield port, folder
            finally:
                daemon.terminate()
                daemon.communicate()
