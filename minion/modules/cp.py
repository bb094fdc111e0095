"""Copies files: from the master's file server and other places to the minion, and lists what there is."""

from __future__ import annotations

import logging
import os
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from minion.errors import CommandExecutionError, SaltRenderError
from minion.files import urls

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__pillar__: Dict[str, Any]
__context__: Dict[str, Any]
__file_client__: Any
__master__: Any

log = logging.getLogger(__name__)


def _saltenv(saltenv: Optional[str]) -> str:
    return saltenv or __opts__.get("saltenv") or "base"


def _located(path: str, saltenv: Optional[str]) -> Tuple[str, str]:
    """URL without its environment, and the environment that counts."""
    url, own_env = urls.split_env(path)
    return url, own_env or _saltenv(saltenv)


def _variables(saltenv: str, given: Dict[str, Any]) -> Dict[str, Any]:
    pillar = __pillar__
    if "pillarenv" in given or "pillar" in given:
        override = given.get("pillar")
        pillar = __master__.request(
            "_pillar",
            grains=__grains__,
            saltenv=saltenv,
            pillarenv=given.get("pillarenv", __opts__.get("pillarenv")),
            pillar_override=override if isinstance(override, dict) else {},
            extra_minion_data={},
            ver="2",
        )
    return {"salt": __salt__, "grains": __grains__, "pillar": pillar, "opts": __opts__, "saltenv": saltenv}


def _rendered_names(names: Tuple[str, str], saltenv: str, engine: Optional[str], given: Dict[str, Any]) -> Any:
    """The two paths, rendered as templates if an engine is named."""
    if not engine:
        return names
    from minion.templates import engine_is_known, render_template

    if not engine_is_known(engine):
        raise CommandExecutionError(f"Attempted to render file paths with unavailable engine {engine}")
    variables = _variables(saltenv, given)
    try:
        return [render_template(engine, name, variables, files=__file_client__) for name in names]
    except SaltRenderError as exc:
        raise CommandExecutionError(f"Failed to render file path with error: {exc}") from exc


def get_file(
    path: str,
    dest: str,
    saltenv: Optional[str] = None,
    makedirs: bool = False,
    template: Optional[str] = None,
    gzip: Optional[int] = None,
    **kwargs: Any,
) -> Union[str, bool]:
    """Copies a file from the master.

    Args:
        path: its `salt://` URL.
        dest: where to put it; a folder keeps its name.
        saltenv: its environment.
        makedirs: make the folders of `dest`.
        template: engine with which both paths are rendered first.
        gzip: compress on the way, 1 to 9.
        kwargs: `pillar` and `pillarenv` for that rendering.

    Returns:
        Where it lies now; "" if the master has no such file, false if there is no folder for it.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.get_file salt://path/to/file /minion/dest
    """
    path, dest = _rendered_names((path, dest), _saltenv(saltenv), template, kwargs)
    url, saltenv = _located(path, saltenv)
    if not __file_client__.hash_file(url, saltenv):
        return ""
    return __file_client__.get_file(url, dest, makedirs, saltenv, gzip) or False


def get_template(
    path: str,
    dest: str,
    template: str = "jinja",
    saltenv: Optional[str] = None,
    makedirs: bool = False,
    **kwargs: Any,
) -> str:
    """Renders a file from the master as a template and puts the result somewhere.

    Args:
        path: its `salt://` URL.
        dest: where to put it; by default the cache.
        template: the engine.
        saltenv: its environment.
        makedirs: make the folders of `dest`.
        kwargs: variables; those in `context` win.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.get_template salt://path/to/template /minion/dest
    """
    from minion.files.cache import replacing
    from minion.templates import engine_is_known, render_file

    saltenv = _saltenv(saltenv)
    source = __file_client__.cache_file(path, saltenv)
    if not source or not engine_is_known(template):
        log.error("%s can't be rendered: %s", path, "no such template engine" if source else "no such file")
        return ""
    context = kwargs.pop("context", None)
    variables = {**_variables(saltenv, {}), **kwargs}
    rendered = render_file(template, source, variables, context=context, files=__file_client__)
    target = dest or __file_client__.cache.fetched(path, saltenv)
    if makedirs and dest:
        os.makedirs(os.path.dirname(dest), exist_ok=True)
    if dest and not os.path.isdir(os.path.dirname(dest) or "."):
        return ""
    with replacing(target, private=not dest) as stream:
        stream.write(rendered if isinstance(rendered, bytes) else rendered.encode())
    return target


def get_dir(
    path: str,
    dest: str,
    saltenv: Optional[str] = None,
    template: Optional[str] = None,
    gzip: Optional[int] = None,
    **kwargs: Any,
) -> List[str]:
    """Copies a folder with all that is in it from the master.

    Args:
        path: its `salt://` URL.
        dest: the folder to put it into.
        saltenv: its environment.
        template: engine with which both paths are rendered first.
        gzip: compress on the way, 1 to 9.
        kwargs: `pillar` and `pillarenv` for that rendering.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.get_dir salt://path/to/dir/ /minion/dest
    """
    saltenv = _saltenv(saltenv)
    path, dest = _rendered_names((path, dest), saltenv, template, kwargs)
    got: List[str] = __file_client__.get_dir(path, dest, saltenv, gzip)
    return got


def get_url(
    path: str,
    dest: Any = "",
    saltenv: Optional[str] = None,
    makedirs: bool = False,
    source_hash: Optional[str] = None,
) -> Any:
    """Brings what a URL names: `salt://`, `http://`, `https://`, `ftp://`, `file://` or an absolute path.

    Args:
        path: the URL.
        dest: where to put it; by default the cache; null for its content as text.
        saltenv: environment of a `salt://` file.
        makedirs: make the folders of `dest`.
        source_hash: a copy in the cache with this hash is not fetched again.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.get_url http://www.example.com/index.html /tmp/index.html
    """
    saltenv = _saltenv(saltenv)
    if isinstance(dest, str):
        return __file_client__.get_url(path, dest, makedirs, saltenv, source_hash=source_hash) or False
    content = __file_client__.get_url(path, None, makedirs, saltenv, no_cache=True, source_hash=source_hash)
    return content.decode("utf-8", "surrogateescape") if isinstance(content, bytes) else content


def get_file_str(path: str, saltenv: Optional[str] = None) -> Any:
    """The content of a file as text; false if there is none.

    Args:
        path: its URL or path.
        saltenv: environment of a `salt://` file.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.get_file_str salt://my/file
    """
    cached = cache_file(path, saltenv)
    try:
        with open(cached, encoding="utf-8", errors="surrogateescape") if cached else open(os.devnull) as source:
            return source.read() if cached else False
    except OSError:
        return False


def cache_file(
    path: str,
    saltenv: Optional[str] = None,
    source_hash: Optional[str] = None,
    verify_ssl: bool = True,
    use_etag: bool = False,
) -> Union[str, bool]:
    """Keeps a copy of a file on the minion.

    Args:
        path: its URL or path; what a URL other than `salt://` names is fetched once in a job.
        saltenv: environment of a `salt://` file.
        source_hash: a copy with this hash is not fetched again.
        verify_ssl: check the server's certificate.
        use_etag: fetch again only if the server says that it changed.

    Returns:
        Where the copy lies; false if there is no such file.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.cache_file salt://path/to/file
    """
    url, saltenv = _located(path, saltenv)
    elsewhere = "://" in url and not url.startswith((urls.SCHEME, "file://"))
    key = f"cp.cache_file_|-{url}_|-{saltenv}"
    if elsewhere and os.path.isfile(__context__.get(key) or ""):
        return str(__context__[key])
    copy = __file_client__.cache_file(url, saltenv, source_hash=source_hash, verify_ssl=verify_ssl, use_etag=use_etag)
    if not copy:
        log.error("Unable to cache file '%s' from saltenv '%s'.", url, saltenv)
    if elsewhere:
        __context__[key] = copy
    return copy or False


def cache_files(paths: Union[str, List[str]], saltenv: Optional[str] = None) -> List[Union[str, bool]]:
    """Keeps copies of several files.

    Args:
        paths: their URLs, as a list or separated by commas.
        saltenv: environment of `salt://` files.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.cache_files salt://pathto/file1,salt://pathto/file1
    """
    return [copy or False for copy in __file_client__.cache_files(paths, _saltenv(saltenv))]


def cache_dir(
    path: str,
    saltenv: Optional[str] = None,
    include_empty: bool = False,
    include_pat: Optional[str] = None,
    exclude_pat: Optional[str] = None,
) -> List[str]:
    """Keeps copies of all files below a folder.

    Args:
        path: URL of the folder.
        saltenv: its environment.
        include_empty: make its empty folders too.
        include_pat: only paths that match: a glob, or a regular expression after `E@`.
        exclude_pat: no paths that match.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.cache_dir salt://foo/bar/baz include_pat='*.py$'
    """
    copies: List[str] = __file_client__.cache_dir(path, _saltenv(saltenv), include_empty, include_pat, exclude_pat)
    return copies


def cache_master(saltenv: Optional[str] = None) -> List[str]:
    """Keeps copies of all files of an environment.

    Args:
        saltenv: the environment.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.cache_master
    """
    copies: List[str] = __file_client__.cache_master(_saltenv(saltenv))
    return copies


def cache_local_file(path: str) -> str:
    """Keeps a copy of one of the minion's own files.

    Args:
        path: of the file.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.cache_local_file /etc/hosts
    """
    if not os.path.exists(path):
        return ""
    copy = str(__file_client__.is_cached(path, _saltenv(None)))
    if copy and __file_client__.hash_file(copy) == __file_client__.hash_file(path):
        return copy
    return str(__file_client__.cache_local_file(path))
