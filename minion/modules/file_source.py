"""Brings what managed files are made of: sources, templates, contents."""

from __future__ import annotations

import os
import urllib.parse
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from minion import templates
from minion.errors import CommandExecutionError, MinionError, SaltInvocationError
from minion.files import urls
from minion.modules._file_common import REMOTE_SCHEMES, SCHEMES, digest, redact, scratch_file

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__pillar__: Dict[str, Any]
__context__: Dict[str, Any]
__file_client__: Any
__virtualname__ = "file"


def source_list(source: Any, source_hash: Any, saltenv: str) -> Tuple[Any, Any]:
    """Returns the first of several sources that exists, and its hash.

    Args:
        source: a source, or a list of them; one in the list may be `{source: hash}`.
        source_hash: the hash, if the list does not tell it.
        saltenv: the environment of the master's files.

    CLI Example:

    .. code-block:: bash

        salt '*' file.source_list salt://http/httpd.conf '{hash_type: md5, 'hsum': <md5sum>}' base
    """
    if not isinstance(source, list):
        return source, source_hash
    key = f"{source}_|-{source_hash}_|-{saltenv}"
    if key not in __context__:
        __context__[key] = _first_present(source, source_hash, saltenv)
    chosen: Tuple[Any, Any] = __context__[key]
    return chosen


def _first_present(sources: List[Any], source_hash: Any, saltenv: str) -> Tuple[str, Any]:
    served: Dict[str, Set[str]] = {}
    for single in sources:
        if isinstance(single, dict):
            if len(single) != 1:
                continue
            url, own_hash = next(iter(single.items()))
        else:
            url, own_hash = single, None
        if _is_present(str(url), saltenv, served):
            return url, own_hash or source_hash
    raise CommandExecutionError("none of the specified sources were found")


def _is_present(url: str, saltenv: str, served: Dict[str, Set[str]]) -> bool:
    parts = urllib.parse.urlparse(url)
    if parts.scheme == "salt":
        path, own_env = urls.parse(url)
        env = own_env or saltenv
        if env not in served:
            served[env] = {*__salt__["cp.list_master"](env), *__salt__["cp.list_master_dirs"](env)}
        return path in served[env]
    if parts.scheme == "file":
        return os.path.exists(os.path.join(parts.netloc, parts.path))
    if parts.scheme in ("http", "https", "ftp"):
        return _answers(url)
    return os.path.isabs(url) and os.path.exists(url)


def _answers(url: str) -> bool:
    import urllib.request

    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=30):
            return True
    except OSError:
        return False


def apply_template_on_contents(contents: str, template: str, context: Any, defaults: Any, saltenv: str) -> Any:
    """Renders a text.

    Args:
        contents: the text.
        template: the template engine: `jinja`, ...
        context: variables for it.
        defaults: variables that `context` does not have.
        saltenv: the environment of the master's files.

    CLI Example:

    .. code-block:: bash

        salt '*' file.apply_template_on_contents contents='This is a {{ template }} string.' template=jinja \\
        "context={}" "defaults={'template': 'cool'}" saltenv=base
    """
    if not templates.engine_is_known(template):
        return {"result": False, "comment": f"Specified template format {template} is not supported"}
    variables = {**_common_variables(), "saltenv": saltenv}
    merged = {**(defaults or {}), **(context or {})}
    return templates.render_template(template, contents, variables, context=merged, files=_files())


def _common_variables() -> Dict[str, Any]:
    return {"salt": __salt__, "pillar": __pillar__, "grains": __grains__, "opts": __opts__}


def _files() -> Any:
    return globals().get("__file_client__")  # a bare loader has none


def get_managed(
    name: str,
    template: Optional[str],
    source: Optional[str],
    source_hash: Any,
    source_hash_name: Optional[str],
    user: Any,
    group: Any,
    mode: Any,
    attrs: Any,
    saltenv: str,
    context: Any,
    defaults: Any,
    skip_verify: bool = False,
    verify_ssl: bool = True,
    use_etag: bool = False,
    source_hash_sig: Any = None,
    signed_by_any: Any = None,
    signed_by_all: Any = None,
    keyring: Optional[str] = None,
    gnupghome: Optional[str] = None,
    ignore_ordering: bool = False,
    ignore_whitespace: bool = False,
    ignore_comment_characters: Any = None,
    sig_backend: str = "gpg",
    **kwargs: Any,
) -> Tuple[str, Dict[str, str], str]:
    """Brings the source of a managed file, and renders it if it is a template.

    Args:
        name: the managed file.
        template: the template engine, if the source is a template.
        source: where it is.
        source_hash, source_hash_name: what digest it must have; see `file.get_source_sum`.
        user, group, mode, attrs: of the managed file; the template sees them.
        saltenv: the environment of the master's files.
        context, defaults: variables for the template.
        skip_verify: believe whatever a URL brings.
        verify_ssl: False accepts any certificate of an https server.
        use_etag: ask an http server whether it has anything new, rather than to compare digests.
        source_hash_sig, signed_by_any, signed_by_all, keyring, gnupghome, sig_backend: see `file.get_source_sum`.
        ignore_ordering, ignore_whitespace, ignore_comment_characters: of no effect here.

    Returns the path of the file to put in place (empty if it need not be fetched yet), the digest that the managed
    file will have, and what is wrong (empty if nothing is).

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_managed /etc/httpd/conf.d/httpd.conf jinja salt://http/httpd.conf \\
        '{hash_type: 'md5', 'hsum': <md5sum>}' None root root '755' base None None
    """
    if not source:
        return "", {}, ""
    fetching = {"skip_verify": skip_verify, "verify_ssl": verify_ssl, "use_etag": use_etag}
    wanted = {
        "source_hash_name": source_hash_name,
        "source_hash_sig": source_hash_sig,
        "signed_by_any": signed_by_any,
        "signed_by_all": signed_by_all,
        "keyring": keyring,
        "gnupghome": gnupghome,
        "sig_backend": sig_backend,
    }
    sfn, source_sum, complaint = _source_sum(name, source, source_hash, saltenv, fetching, wanted)
    scheme = _scheme(source)
    if complaint or not (template or scheme in REMOTE_SCHEMES):
        return sfn, source_sum, complaint
    if not sfn:
        sfn, source_sum, complaint = _cached(source, source_sum, source_hash, saltenv, fetching)
    if complaint:
        return sfn, {}, complaint
    if sfn == name:
        raise SaltInvocationError("Source file cannot be the same as destination")
    if not template:
        return sfn, source_sum, ""
    if not templates.engine_is_known(template):
        return sfn, {}, f"Specified template format {template} is not supported"
    about = {"name": name, "source": source, "user": user, "group": group, "mode": mode, "attrs": attrs}
    variables = {**_common_variables(), **about, "saltenv": saltenv, **kwargs}
    rendered = _rendered(sfn, template, variables, {**(defaults or {}), **(context or {})})
    return rendered, {"hash_type": "sha256", "hsum": digest(rendered)}, ""


def _scheme(source: str) -> str:
    scheme = urllib.parse.urlparse(source).scheme
    return scheme if scheme in SCHEMES else ""


def _source_sum(
    name: str, source: str, source_hash: Any, saltenv: str, fetching: Dict[str, Any], wanted: Dict[str, Any]
) -> Tuple[str, Dict[str, str], str]:
    """The path of a source that lies on the minion, the digest that the source must have, and what is wrong."""
    scheme = _scheme(source)
    if scheme == "salt":
        found = __salt__["cp.hash_file"](source, saltenv)
        return ("", found, "") if found else ("", {}, f"Source file {source} not found in saltenv '{saltenv}'")
    sfn = ""
    if scheme in ("", "file"):
        parts = urllib.parse.urlparse(source)
        sfn = os.path.join(parts.netloc, parts.path).rstrip("/") if scheme else source
        if not os.path.exists(sfn):
            return "", {}, f"Local file source {sfn} does not exist"
        if not source_hash:
            return sfn, {"hsum": digest(sfn), "hash_type": "sha256"}, ""
    if fetching["skip_verify"]:
        return sfn, {}, ""
    if not source_hash:
        if fetching["use_etag"]:
            return sfn, {}, ""
        return (
            "",
            {},
            f"Unable to verify upstream hash of source file {redact(source)}, please set source_hash or set "
            "skip_verify to True",
        )
    try:
        expected: Dict[str, str] = __salt__["file.get_source_sum"](
            name, source, source_hash, saltenv=saltenv, verify_ssl=fetching["verify_ssl"], **wanted
        )
    except CommandExecutionError as exc:
        return "", {}, f"Unable to manage file: {exc}"
    return sfn, expected, ""


def _cached(
    source: str, source_sum: Dict[str, str], source_hash: Any, saltenv: str, fetching: Dict[str, Any]
) -> Tuple[str, Dict[str, str], str]:
    """The path of a copy of a source, its digest, and what is wrong."""
    copy = __salt__["cp.is_cached"](source, saltenv)
    if copy and fetching["skip_verify"]:
        kind = source_sum.get("hash_type", "sha256")
        return copy, {"hsum": digest(copy, kind), "hash_type": kind}, ""
    has_hash = source_hash and not fetching["use_etag"]
    if copy and has_hash and digest(copy, source_sum.get("hash_type", "sha256")) == source_sum.get("hsum"):
        return copy, source_sum, ""
    try:
        copy = __salt__["cp.cache_file"](
            source,
            saltenv,
            source_hash=source_sum.get("hsum"),
            verify_ssl=fetching["verify_ssl"],
            use_etag=fetching["use_etag"],
        )
    except (MinionError, OSError) as exc:
        return "", {}, f"Failed to cache {redact(source)}: {exc}"
    if not copy or not os.path.exists(copy):
        return copy or "", {}, f"Source file '{redact(source)}' not found"
    return copy, source_sum, ""


def _rendered(path: str, template: str, variables: Dict[str, Any], context: Dict[str, Any]) -> str:
    """The path of a temporary file that holds what a template makes."""
    result = templates.render_file(template, path, variables, context=context, files=_files())
    return scratch_file(result.encode("utf-8", "surrogateescape") if isinstance(result, str) else result)
