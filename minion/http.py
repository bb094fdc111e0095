"""HTTP requests, as `http.query` promises them: nothing but http and https, verified, bounded in time and size."""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import ssl
import zlib
from dataclasses import dataclass
from http.cookiejar import FileCookieJar, LWPCookieJar, MozillaCookieJar
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union
from urllib import error, parse, request

from minion import atomic
from minion.errors import SaltInvocationError
from transports import SALT_VERSION

log = logging.getLogger(__name__)

AGENT = f"Salt/{SALT_VERSION} http.query()"
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/tls/certs/ca-bundle.trust.crt",
    "/etc/ssl/certs/ca-bundle.crt",
    "/var/lib/ca-certificates/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_MAX_BODY = 100 * 2**30
_TIMEOUT = 3600.0
_DECODERS = ("json", "xml", "yaml", "plain")


@dataclass
class Answer:
    """What a server answered."""

    status: int
    reason: str
    headers: Dict[str, str]
    body: bytes


class _RedirectToWeb(request.HTTPRedirectHandler):
    """Follows redirects, but only to http and https."""

    def redirect_request(self, *args: Any) -> Optional[request.Request]:
        if parse.urlsplit(args[5]).scheme not in ("http", "https"):
            raise error.URLError(f"refused to be redirected to {args[5]}")
        return super().redirect_request(*args)


def send(
    url: str,
    method: str = "GET",
    data: Optional[bytes] = None,
    headers: Optional[Mapping[str, str]] = None,
    auth: Optional[Tuple[str, str]] = None,
    context: Optional[ssl.SSLContext] = None,
    proxy: Optional[str] = None,
    cookies: Optional[FileCookieJar] = None,
    timeout: float = _TIMEOUT,
    max_body: int = _MAX_BODY,
) -> Answer:
    """Sends a request and reads the answer, also one that tells of an error; OSError if there is none."""
    if parse.urlsplit(url).scheme not in ("http", "https"):
        raise SaltInvocationError(f"Only http and https URLs can be queried, not {sanitize(url)}")
    wanted = request.Request(url, data=data, headers=dict(headers or {}), method=method)  # noqa: S310
    if auth:
        token = base64.b64encode(f"{auth[0]}:{auth[1]}".encode()).decode()
        wanted.add_unredirected_header("Authorization", f"Basic {token}")
    opener = request.OpenerDirector()
    handlers: List[Any] = [
        request.ProxyHandler({"http": proxy, "https": proxy} if proxy else {}),
        request.HTTPHandler(),
        request.HTTPSHandler(context=context or ssl.create_default_context()),
        request.HTTPDefaultErrorHandler(),
        request.HTTPErrorProcessor(),
        _RedirectToWeb(),
    ]
    if cookies is not None:
        handlers.append(request.HTTPCookieProcessor(cookies))
    for handler in handlers:
        opener.add_handler(handler)
    try:
        response = opener.open(wanted, timeout=timeout)
    except error.HTTPError as exc:
        response = exc
    with response:
        body = response.read(max_body + 1)
        if len(body) > max_body:
            raise OSError(f"the answer of {sanitize(url)} is larger than {max_body} bytes")
        code = response.getcode()
        names = {name.title(): value for name, value in response.headers.items()}
        return Answer(code, str(response.reason), names, _decompress(body, names.get("Content-Encoding", "")))


def _decompress(body: bytes, coding: str) -> bytes:
    if coding not in ("gzip", "x-gzip", "deflate"):
        return body
    try:
        return zlib.decompress(body, 47)  # 32: finds out by itself which header there is
    except zlib.error:
        return zlib.decompress(body, -15) if coding == "deflate" else body


def sanitize(url: str, hide_fields: Any = None) -> str:
    """The URL without its password, and with the values of some of its parameters masked."""
    text = re.sub(r"(//[^/@:]*):[^/@]*@", r"\1:XXXXXXXXXX@", str(url))
    for field in hide_fields or ():
        text = re.sub(rf"([?&;]{re.escape(str(field))}=)[^&;#]*", r"\1XXXXXXXXXX", text)
    return text


def ca_bundle(opts: Mapping[str, Any]) -> Optional[str]:
    """The file of certificates to trust: the configured one, or one below the file roots, or the system's."""
    candidates = [str(opts.get("ca_bundle") or "")]
    for root in (opts.get("file_roots") or {}).get("base", ()):
        candidates += [os.path.join(root, name) for name in ("cacert.pem", "ca-bundle.crt")]
    return next(filter(os.path.isfile, [*candidates, *_BUNDLES]), None)


def query(
    url: str,
    method: str = "GET",
    params: Optional[Mapping[str, Any]] = None,
    data: Any = None,
    header_dict: Optional[Mapping[str, Any]] = None,
    header_list: Optional[List[str]] = None,
    username: Optional[str] = None,
    password: Optional[str] = None,
    auth: Any = None,
    decode: bool = False,
    decode_type: str = "auto",
    status: bool = False,
    headers: bool = False,
    text: bool = False,
    cookies: Any = None,
    cookie_jar: Optional[str] = None,
    cookie_format: str = "lwp",
    persist_session: bool = False,
    session_cookie_jar: Optional[str] = None,
    test: bool = False,
    test_url: Optional[str] = None,
    opts: Optional[Mapping[str, Any]] = None,
    ca_bundle: Optional[str] = None,
    verify_ssl: Optional[bool] = None,
    cert: Any = None,
    text_out: Optional[str] = None,
    headers_out: Optional[str] = None,
    decode_out: Optional[str] = None,
    agent: str = AGENT,
    hide_fields: Optional[List[str]] = None,
    raise_error: bool = True,
    formdata: bool = False,
    formdata_fieldname: Optional[str] = None,
    formdata_filename: Optional[str] = None,
    decode_body: bool = True,
    **kwargs: Any,
) -> Dict[str, Any]:
    """What the module function `http.query` returns; see there."""
    opts = opts or {}
    if test:
        if test_url is None:
            return {}
        url = test_url
    result: Dict[str, Any] = {"test": True} if test else {}
    if formdata and not formdata_fieldname:
        return {"error": "formdata_fieldname is required when formdata=True"}
    sent = _headers(header_dict, header_list, agent)
    body = _body(method, data, sent, (formdata_fieldname, formdata_filename) if formdata else None)
    full = _with_params(url, params)
    jar = _cookie_jar(opts, cookies, cookie_jar, cookie_format, persist_session, session_cookie_jar)
    log.debug("Requesting URL %s using %s method", sanitize(full, hide_fields), method)
    try:
        answer = send(
            full,
            method,
            body,
            sent,
            auth or ((username, password) if username and password else None),
            _tls(opts, ca_bundle, verify_ssl, cert) if full.startswith("https:") else None,
            _proxy(opts, full),
            jar,
            float(opts.get("http_request_timeout") or _TIMEOUT),
            int(opts.get("http_max_body") or _MAX_BODY),
        )
    except (OSError, ValueError) as exc:
        return _no_answer(exc, status)
    if jar is not None:
        jar.save(ignore_discard=persist_session)
    content: Union[str, bytes] = _text(answer) if decode_body else answer.body
    if not 200 <= answer.status < 300 and raise_error:
        return {"status": answer.status, "error": f"HTTP {answer.status}: {answer.reason}", "body": content}
    result["body"] = content
    if status:
        result["status"] = answer.status
    if headers:
        result["headers"] = answer.headers
    for path, wanted in ((text_out, content), (headers_out, json.dumps(answer.headers))):
        if path:
            atomic.write(path, wanted)
    if decode:
        kind = _kind(answer.headers) if decode_type == "auto" else decode_type
        text = text or kind == "plain"
        result.update(_decoded(_text(answer), kind))
        if decode_out:
            atomic.write(decode_out, _text(answer))
    if text:
        result["text"] = content
    return result


def _headers(given: Optional[Mapping[str, Any]], lines: Optional[List[str]], agent: str) -> Dict[str, str]:
    found = {str(name): str(value) for name, value in (given or {}).items()}
    for line in lines or ():
        name, colon, value = line.partition(":")
        if colon:
            found[name.strip()] = value.strip()
    found["User-Agent"] = agent
    return found


def _body(method: str, data: Any, headers: Dict[str, str], form: Optional[Tuple[Any, Any]]) -> Optional[bytes]:
    if data is None:
        return None
    if form:
        boundary = f"saltern{os.urandom(12).hex()}"
        headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
        name = f'name="{form[0]}"' + (f'; filename="{form[1]}"' if form[1] else "")
        start = f"--{boundary}\r\nContent-Disposition: form-data; {name}\r\n\r\n"
        return start.encode() + _bytes(data) + f"\r\n--{boundary}--\r\n".encode()
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = (
            "application/x-www-form-urlencoded" if method == "POST" else "application/octet-stream"
        )
    return parse.urlencode(data, doseq=True).encode() if isinstance(data, Mapping) else _bytes(data)


def _bytes(data: Any) -> bytes:
    return data if isinstance(data, bytes) else str(data).encode()


def _with_params(url: str, params: Optional[Mapping[str, Any]]) -> str:
    if not params:
        return url
    parts = parse.urlsplit(url)
    query_text = "&".join(filter(None, [parts.query, parse.urlencode(params, doseq=True)]))
    return parse.urlunsplit(parts._replace(query=query_text))


def _proxy(opts: Mapping[str, Any], url: str) -> Optional[str]:
    host, port = opts.get("proxy_host"), opts.get("proxy_port")
    if not host or not port or parse.urlsplit(url).hostname in (opts.get("no_proxy") or ()):
        return None
    user, password = opts.get("proxy_username"), opts.get("proxy_password")
    who = f"{parse.quote(str(user), '')}:{parse.quote(str(password), '')}@" if user and password else ""
    return f"http://{who}{host}:{port}"


def _tls(opts: Mapping[str, Any], bundle: Optional[str], verify: Optional[bool], cert: Any) -> ssl.SSLContext:
    if verify is None:
        verify = bool(opts.get("verify_ssl", True))
    context = ssl.create_default_context(cafile=bundle or globals()["ca_bundle"](opts) if verify else None)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    cert = opts.get("cert") if cert is None else cert
    if cert:
        files = [cert] if isinstance(cert, str) else list(cert)
        context.load_cert_chain(*files)
    return context


def _cookie_jar(
    opts: Mapping[str, Any],
    cookies: Any,
    path: Optional[str],
    kind: str,
    persist_session: bool,
    session_path: Optional[str],
) -> Optional[FileCookieJar]:
    """The jar to use; None without cookies. A session's cookies end with it, so they have a jar of their own."""
    if cookies is None and not persist_session:
        return None
    folder = str(opts.get("cachedir") or "/var/cache/salt/minion")
    default = os.path.join(folder, "cookies.session.txt" if persist_session else "cookies.txt")
    file = (session_path if persist_session else path) or default
    jar: FileCookieJar = MozillaCookieJar(file) if kind == "mozilla" else LWPCookieJar(file)
    if os.path.isfile(file):
        jar.load(ignore_discard=persist_session)
    else:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return jar


def _no_answer(exc: Exception, status: bool) -> Dict[str, Any]:
    cause = exc.reason if isinstance(exc, error.URLError) else exc
    if isinstance(cause, TimeoutError) or "timed out" in str(cause):
        return {"status": 599, "error": "HTTP 599: Timeout"}
    return {"status": 0, "error": str(cause)} if status else {"error": str(cause)}


def _text(answer: Answer) -> str:
    charset = re.search(r"charset=[\"']?([\w.:-]+)", answer.headers.get("Content-Type", ""))
    try:
        return answer.body.decode(charset.group(1) if charset else "utf-8", "replace")
    except LookupError:
        return answer.body.decode("utf-8", "replace")


def _kind(headers: Mapping[str, str]) -> str:
    content_type = headers.get("Content-Type", "application/json")
    return next((kind for kind in ("xml", "json", "yaml") if kind in content_type), "plain")


def _decoded(text: str, kind: str) -> Dict[str, Any]:
    if kind == "json":
        return {"dict": json.loads(text)}
    if kind == "yaml":
        from minion import yamlio

        return {"dict": yamlio.load(text)}
    if kind == "xml":
        from xml.etree import ElementTree

        return {"dict": [_xml(item) for item in ElementTree.fromstring(text)]}  # noqa: S314 - expat bounds entities
    if kind != "plain":
        return {"error": f"Invalid decode_type specified. Valid decode types are: {_DECODERS}"}
    return {}


def _xml(element: Any) -> Dict[str, Any]:
    """An element as a mapping: its text by its name, or what is in it by their names."""
    if not len(element):
        return {_local_name(element): element.text}
    found: Dict[str, Any] = {}
    for child in element:
        name = _local_name(child)
        inside = _xml(child)
        if name not in found:
            found[name] = inside if len(child) else child.text
            continue
        if not isinstance(found[name], list):
            found[name] = [found[name]]
        found[name].append(inside)
    return found


def _local_name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]
