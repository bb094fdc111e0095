"""Fetching URLs that are none of the file server's."""

from __future__ import annotations

import base64
import contextlib
import ftplib
import http.client
import os
import shutil
import socket
import ssl
import urllib.error
import urllib.request
from typing import Any, Dict, Optional
from urllib.parse import unquote, urlsplit

from minion.errors import CommandExecutionError
from minion.files.cache import replacing

_TIMEOUT = 30  # seconds without an answer


def scheme_of(url: str) -> str:
    """The scheme of a URL; paths are of the scheme `file`."""
    scheme = url.split("://", 1)[0].lower() if "://" in url else ""
    return scheme if len(scheme) > 1 else "file"


def file_path(url: str) -> str:
    """The path of a `file://` URL, or the path itself."""
    parsed = urlsplit(url) if "://" in url else None
    return os.path.join(parsed.netloc, parsed.path) if parsed else url


def name_of(url: str) -> str:
    """The file name at the end of a URL."""
    parsed = urlsplit(url)
    if parsed.query or (len(parsed.path) > 1 and not parsed.path.endswith("/")):
        return url.rsplit("/", 1)[-1]
    return "index.html"


def download(url: str, dest: str, private: bool, verify_ssl: bool = True, use_etag: bool = False) -> str:
    """Fetches a URL into a file; its path.

    Raises:
        CommandExecutionError: it can't be fetched; says why, without passwords.
    """
    tag_file = f"{dest}.etag"
    known = _read(tag_file) if use_etag and os.path.exists(dest) else None
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(_open(url, verify_ssl, known))
        if source is None:
            return dest
        target = stack.enter_context(replacing(dest, private))
        shutil.copyfileobj(source, target, 1 << 20)
        if getattr(source, "length", 0):  # what the server announced and did not send
            raise CommandExecutionError(f"Error: the connection ended early, reading {urlsplit(url).path}")
    tag = getattr(source, "headers", {}).get("ETag") if use_etag else None
    if tag:
        with replacing(tag_file, private) as stream:
            stream.write(tag.encode())
    return dest


def content(url: str, verify_ssl: bool = True) -> Any:
    """What a URL brings: text if the server calls it text, else bytes."""
    with _open(url, verify_ssl, None) as source:
        data = source.read()
        headers = getattr(source, "headers", None)
        if headers is not None and headers.get_content_maintype() == "text":
            return data.decode(headers.get_content_charset() or "utf-8")
    return data


def _read(path: str) -> Optional[str]:
    try:
        with open(path, encoding="utf-8") as source:
            return source.read().strip()
    except OSError:
        return None


@contextlib.contextmanager
def _open(url: str, verify_ssl: bool, known_tag: Optional[str]) -> Any:
    scheme = scheme_of(url)
    if scheme in ("http", "https"):
        with _open_http(url, verify_ssl, known_tag) as response:
            yield response
    elif scheme == "ftp":
        with _open_ftp(url) as stream:
            yield stream
    else:
        raise CommandExecutionError(f"Could not fetch from {scheme}://: this scheme is not supported")


@contextlib.contextmanager
def _open_http(url: str, verify_ssl: bool, known_tag: Optional[str]) -> Any:
    parsed = urlsplit(url)
    headers: Dict[str, str] = {"User-Agent": "Salt/minion"}
    credentials: Dict[str, str] = {}
    if parsed.username is not None:
        userinfo = f"{unquote(parsed.username)}:{unquote(parsed.password or '')}"
        credentials["Authorization"] = "Basic " + base64.b64encode(userinfo.encode()).decode()
        url = parsed._replace(netloc=parsed.netloc.rsplit("@", 1)[1]).geturl()
    if known_tag:
        headers["If-None-Match"] = known_tag
    tls = ssl.create_default_context()
    if not verify_ssl:
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the scheme was checked
    for name, value in credentials.items():
        request.add_unredirected_header(name, value)  # a redirection may lead to another host
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT, context=tls) as response:  # noqa: S310
            yield response
    except urllib.error.HTTPError as exc:
        exc.close()
        if exc.code == 304:
            yield None
            return
        raise CommandExecutionError(f"Error: HTTP {exc.code}: {exc.reason} reading {parsed.path}") from None
    except urllib.error.URLError as exc:
        raise CommandExecutionError(f"Error: {exc.reason} reading {parsed.path}") from None
    except (http.client.HTTPException, ConnectionError, socket.timeout, ValueError) as exc:
        raise CommandExecutionError(f"Error: {exc} reading {parsed.path}") from None


@contextlib.contextmanager
def _open_ftp(url: str) -> Any:
    parsed = urlsplit(url)
    where = f"ftp://{parsed.hostname}{parsed.path}"
    try:
        with ftplib.FTP() as server:  # noqa: S321
            server.connect(parsed.hostname or "", parsed.port or 21, timeout=_TIMEOUT)
            server.login(unquote(parsed.username or ""), unquote(parsed.password or ""))
            connection = server.transfercmd(f"RETR {parsed.path.lstrip('/')}")
            with connection.makefile("rb") as stream:
                yield stream
            connection.close()
    except ftplib.all_errors as exc:
        raise CommandExecutionError(f"Could not retrieve {where} from FTP server. Exception: {exc}") from None
