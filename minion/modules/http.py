"""Asks web servers: for webhooks, APIs, and to see whether they answer."""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Dict, Mapping, Optional

from minion import atomic
from minion import http as _http
from minion.errors import CommandExecutionError

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]

_BUNDLE_URL = "https://curl.se/ca/cacert.pem"


def query(url: str, **kwargs: Any) -> Dict[str, Any]:
    """Sends a request and returns the answer: `body`, or `error` and `status` where that failed.

    Args:
        url: http or https.
        kwargs:
            `method` (default GET), `params` (mapping, added to the URL), `data` (text, or a mapping that is sent as a
            form), `data_file` (path or URL of the data), `formdata` with `formdata_fieldname` and
            `formdata_filename` (send the data as an uploaded file);
            `header_dict`, `header_list` (lines), `header_file`, `agent`;
            `data_render`, `header_render`: render those files with `data_renderer` or `header_renderer`, with the
            values of `template_dict`;
            `username` and `password`, or `auth` (a pair of them); `cert` (file, or a pair of certificate and key),
            `verify_ssl` (default True), `ca_bundle`;
            `decode` with `decode_type` (auto, json, yaml, xml, plain) adds `dict`; `text` adds `text`, `status` and
            `headers` add those; `decode_body=False` returns bytes;
            `cookies`, `cookie_jar`, `cookie_format` (lwp, mozilla), `persist_session`, `session_cookie_jar`;
            `text_out`, `headers_out`, `decode_out`: files to write to;
            `raise_error=False` returns the body of an error as if it were none; `hide_fields`: names of parameters
            that are masked in logs; `test=True` sends nothing, or asks `test_url` instead; `opts`: options of the
            minion to use others for (`http_request_timeout`, `proxy_host`, ...).

    CLI Example:

    .. code-block:: bash

        salt '*' http.query http://somelink.com/
        salt '*' http.query http://somelink.com/ method=POST params='{"key1": "val1", "key2": "val2"}'
        salt '*' http.query http://somelink.com/ method=POST data='<xml>somecontent</xml>'
    """
    opts = {**__opts__, **(kwargs.pop("opts", None) or {})}
    template = kwargs.pop("template_dict", None)
    if kwargs.get("data_file"):
        kwargs["data"] = _read(kwargs.pop("data_file"), "data", template, kwargs)
    if kwargs.get("header_file"):
        found = _read(kwargs.pop("header_file"), "header", template, kwargs)
        if isinstance(found, Mapping):
            kwargs["header_dict"] = {**(kwargs.get("header_dict") or {}), **found}
        else:
            kwargs["header_list"] = [*(kwargs.get("header_list") or []), *str(found).splitlines()]
    try:
        return _http.query(url=url, opts=opts, **kwargs)
    except CommandExecutionError:
        raise
    except Exception as exc:
        raise CommandExecutionError(f"http.query of {_http.sanitize(url)} failed: {exc}") from exc


def _read(path: str, what: str, template: Optional[Mapping[str, Any]], kwargs: Dict[str, Any]) -> Any:
    """What a file says, rendered if that was asked for."""
    if "://" in path:
        cached = __salt__["cp.cache_file"](path)
        if not cached:
            raise CommandExecutionError(f"The file {path} can't be fetched")
        path = cached
    renderer = kwargs.pop(f"{what}_renderer", None) or __opts__.get("renderer", "jinja|yaml")
    if kwargs.pop(f"{what}_render", False):
        return __salt__["slsutil.renderer"](path, default_renderer=renderer, **(template or {}))
    try:
        with open(path, encoding="utf-8") as source:
            return source.read()
    except OSError as exc:
        raise CommandExecutionError(f"The file {path} can't be read: {exc}") from exc


def wait_for_successful_query(url: str, wait_for: float = 300, **kwargs: Any) -> Dict[str, Any]:
    """Asks until a request succeeds, or until the time is over; returns the last answer.

    Args:
        url: http or https.
        wait_for: seconds.
        kwargs: as for `http.query`, and `request_interval`: seconds between two requests (default 1).

    CLI Example:

    .. code-block:: bash

        salt '*' http.wait_for_successful_query http://somelink.com/ wait_for=160 request_interval=1
    """
    interval = float(kwargs.pop("request_interval", 1))
    deadline = time.monotonic() + float(wait_for)
    while True:
        answer = query(url, **dict(kwargs))
        left = deadline - time.monotonic()
        if not answer.get("error") or left <= 0:
            return answer
        time.sleep(min(interval, left))


def update_ca_bundle(target: Optional[str] = None, source: Optional[str] = None, merge_files: Any = None) -> None:
    """Fetches a bundle of certificates to trust.

    Args:
        target: the file to write; by default the one in use.
        source: URL; by default the option `ca_bundle_url`, or curl's bundle.
        merge_files: files, or one, to append.

    CLI Example:

    .. code-block:: bash

        salt '*' http.update_ca_bundle target=/path/to/cacerts.pem source=https://example.com/cacerts.pem
    """
    target = target or _http.ca_bundle(__opts__)
    if not target:
        raise CommandExecutionError("Unable to detect location to write CA bundle to: name it as target")
    source = source or __opts__.get("ca_bundle_url") or _BUNDLE_URL
    answer = query(source)
    text = answer.get("body", "")
    if answer.get("error") or "-----BEGIN" not in text:
        raise CommandExecutionError(f"No CA bundle at {source}: {answer.get('error', 'it holds no certificate')}")
    for path in [merge_files] if isinstance(merge_files, str) else merge_files or ():
        if os.path.exists(path):
            with open(path, encoding="utf-8") as extra:
                text = f"{text.rstrip()}\n\n{extra.read()}"
    atomic.write(target, text)
