"""Where APT gets packages from: sources.list and sources.list.d."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Callable, Dict, List, Optional, Tuple

from minion.data import is_true
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _apt_sources, _tools
from minion.modules._apt_sources import Source, Sources, entries, parse

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__virtualname__ = "pkg"

_PPA_DISTRIBUTIONS = ("Ubuntu", "Mint", "neon")


def __virtual__() -> Any:
    if __grains__.get("os_family") == "Debian":
        return __virtualname__
    return False, "The pkg module could not be loaded: unsupported OS family"


def list_repos(**kwargs: Any) -> Dict[str, List[Dict[str, Any]]]:
    """URI -> its repositories, switched on or off.

    CLI Example:

    .. code-block:: bash

       salt '*' pkg.list_repos
    """
    found: Dict[str, List[Dict[str, Any]]] = {}
    for source in Sources():
        for entry in entries(source):
            found.setdefault(entry["uri"], []).append(entry)
    return found


def get_repo(repo: str, **kwargs: Any) -> Dict[str, Any]:
    """One repository; {} if there is none.

    Args:
        repo: a complete line as in sources.list; one component that both have is enough.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.get_repo "deb http://deb.example.org/debian bookworm main"
    """
    wanted = parse(_expand_ppa(repo, kwargs.get("ppa_auth")))
    for source in Sources():
        if source.matches(wanted.types[0], wanted.uris[0], wanted.suites[0]) and (
            not wanted.comps or set(wanted.comps) & set(source.comps)
        ):
            return next(entry for entry in entries(source) if _is_entry(entry, wanted))
    return {}


def _is_entry(entry: Dict[str, Any], wanted: Source) -> bool:
    return bool(
        entry["type"] == wanted.types[0]
        and entry["dist"] == wanted.suites[0]
        and entry["uri"].rstrip("/") == wanted.uris[0].rstrip("/")
    )


def expand_repo_def(**kwargs: Any) -> Dict[str, Any]:
    """What a repository will look like once `pkg.mod_repo` was called with these arguments; for states.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.expand_repo_def repo='deb http://deb.example.org/debian bookworm main' comps=main,contrib
    """
    if "repo" not in kwargs:
        raise SaltInvocationError("missing 'repo' argument")
    source = parse(_expand_ppa(kwargs["repo"], kwargs.get("ppa_auth")))
    source.file = kwargs.get("file") or _default_file(kwargs["repo"])
    _modify(source, kwargs)
    return {**next(entries(source)), "line": source.rendered()}


def _default_file(repo: str) -> str:
    if repo.startswith("ppa:"):
        owner, name = _split_ppa(repo)
        return os.path.join(_apt_sources.ETC, "sources.list.d", f"{owner}-{name}-{__grains__['oscodename']}.list")
    return os.path.join(_apt_sources.ETC, "sources.list")


def del_repo(repo: str, **kwargs: Any) -> str:
    """Removes a repository, and its file if nothing else is in it.

    Args:
        repo: a complete line as in sources.list; its components are removed.
        kwargs: `refresh` (default True) fetches the lists afterwards.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.del_repo "deb http://deb.example.org/debian bookworm main"
    """
    wanted = parse(_expand_ppa(repo, kwargs.get("ppa_auth")))
    kinds = {wanted.types[0]} | ({"deb-src"} if repo.startswith("ppa:") else set())
    sources = Sources()
    touched = []
    for source in list(sources):
        if source.architectures == wanted.architectures and any(
            source.matches(kind, wanted.uris[0], wanted.suites[0]) for kind in kinds
        ):
            if not _subtract(source, wanted):
                continue
            touched.append(source.file)
            if not source.suites:
                sources.remove(source)
    if not touched:
        raise CommandExecutionError(f"Repo {repo} doesn't exist in the sources.list(s)")
    sources.save(touched)
    if is_true(kwargs.get("refresh", True)):
        __salt__["pkg.refresh_db"]()
    comments = []
    for path in dict.fromkeys(touched):
        gone = not os.path.exists(path)
        template = (
            "File {1} containing repo '{0}' has been removed." if gone else "Repo '{0}' has been removed from {1}.\n"
        )
        comments.append(template.format(repo, path))
    return "".join(comments)


def _subtract(source: Source, wanted: Source) -> bool:
    """Takes the components, or the whole suite, out of an entry; False if that would change nothing."""
    left = [comp for comp in source.comps if comp not in wanted.comps]
    if not left:
        source.change(suites=[suite for suite in source.suites if suite != wanted.suites[0]])
        return True
    if left == source.comps:
        return False
    source.change(comps=left)
    return True


def mod_repo(repo: str, saltenv: str = "base", aptkey: bool = True, **kwargs: Any) -> Dict[str, Any]:
    """Changes a repository, or adds it; returns it as `pkg.get_repo` does, by its name.

    Args:
        repo: a complete line as in sources.list, or `ppa:OWNER/NAME` on Ubuntu.
        saltenv: environment of a `salt://` key_url.
        aptkey: keep keys with apt-key, where it still exists; otherwise in the file that `signed-by` names.
        kwargs: `comps` and `architectures` (with commas between), `disabled` or `enabled`, `file`, `comments`,
            `trusted`, `signedby`; keys by `keyid` and `keyserver`, by `key_url`, or by `key_text`;
            `refresh` (default True) fetches the lists afterwards; `consolidate` merges all into one file.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.mod_repo 'deb http://deb.example.org/debian bookworm main' comps=main,contrib
    """
    name = repo
    if repo.startswith("ppa:"):
        kwargs.setdefault("file", _default_file(repo))
        if "keyid" not in kwargs and "key_url" not in kwargs:
            kwargs["keyid"] = _ppa_key(repo)
        kwargs.setdefault("keyserver", "keyserver.ubuntu.com")
        repo = _expand_ppa(repo, kwargs.get("ppa_auth"))
    wanted = parse(repo)
    aptkey = aptkey and bool(_tools.which("apt-key"))
    _add_keys(wanted, saltenv, aptkey, kwargs)
    sources = Sources()
    touched = sources.consolidate() if kwargs.get("consolidate") else []
    present = _find(sources, wanted, kwargs)
    if present is None:
        if not aptkey and not wanted.signedby and not kwargs.get("signedby") and not _trusted(wanted, kwargs):
            raise SaltInvocationError("missing 'signedby' or 'trusted' option when apt-key is missing")
        wanted.file = kwargs.get("file") or sources.main_file
        sources.add(wanted)
        present = wanted
    elif not present.is_deb822:
        present.change(comps=wanted.comps, options=wanted.options, uris=wanted.uris)
    else:
        present.change(comps=list(dict.fromkeys(present.comps + wanted.comps)))
    old_file = present.file
    _modify(present, kwargs)
    if present.file != old_file:
        new_file, present.file = present.file, old_file
        sources.remove(present)
        present.file, present.text = new_file, ""
        sources.add(present)
    sources.save([*touched, old_file, present.file])
    if is_true(kwargs.get("refresh_db", kwargs.get("refresh", True))):
        __salt__["pkg.refresh_db"]()
    shown = next(entry for entry in entries(present) if _is_entry(entry, wanted))
    return {name: shown}


def _find(sources: Sources, wanted: Source, kwargs: Dict[str, Any]) -> Optional[Source]:
    """The entry that a definition is about: same type, URI and suite, and a component in common."""
    given = [comp.strip() for comp in str(kwargs.get("comps") or "").split(",") if comp.strip()]
    comps = {*wanted.comps, *given}
    for source in sources:
        if source.matches(wanted.types[0], wanted.uris[0], wanted.suites[0]) and (
            not source.comps or comps & set(source.comps) or source.architectures != wanted.architectures
        ):
            return source
    return None


def _modify(source: Source, kwargs: Dict[str, Any]) -> None:
    """Sets what the arguments of `mod_repo` say."""
    if kwargs.get("comps"):
        source.change(comps=[comp.strip() for comp in str(kwargs["comps"]).split(",")])
    if "disabled" in kwargs:
        source.change(disabled=is_true(kwargs["disabled"]))
    elif "enabled" in kwargs:
        source.change(disabled=not is_true(kwargs["enabled"]))
    if kwargs.get("architectures"):
        source.set_option("arch", ",".join(part.strip() for part in str(kwargs["architectures"]).split(",")))
    if kwargs.get("signedby"):
        source.set_option("signed-by", str(kwargs["signedby"]))
    if "trusted" in kwargs:
        source.set_option("trusted", "yes" if is_true(kwargs["trusted"]) else "")
    if kwargs.get("comments"):
        comments = kwargs["comments"]
        source.change(comment=comments if isinstance(comments, str) else " ".join(comments))
    if kwargs.get("file"):
        source.change(file=kwargs["file"])


def _trusted(wanted: Source, kwargs: Dict[str, Any]) -> bool:
    return str(kwargs.get("trusted", wanted.options.get("trusted", "no"))).lower() in ("yes", "true", "1")


def _add_keys(wanted: Source, saltenv: str, aptkey: bool, kwargs: Dict[str, Any]) -> None:
    signed_by = kwargs.get("signedby") or wanted.signedby
    place: Dict[str, Any] = {"aptkey": aptkey}
    if signed_by and not aptkey:
        place.update(keydir=os.path.dirname(signed_by), keyfile=os.path.basename(signed_by))
    if kwargs.get("keyid"):
        if not kwargs.get("keyserver"):
            raise SaltInvocationError("both keyserver and keyid options required.")
        keyids = kwargs["keyid"] if isinstance(kwargs["keyid"], list) else [kwargs["keyid"]]
        for keyid in keyids:
            text = f"{keyid:X}" if isinstance(keyid, int) else str(keyid)
            if not __salt__["pkg.add_repo_key"](keyserver=kwargs["keyserver"], keyid=text, **place):
                raise CommandExecutionError(f"Error: Could not add key: {text}")
    elif kwargs.get("key_url"):
        if not __salt__["pkg.add_repo_key"](path=kwargs["key_url"], saltenv=saltenv, **place):
            raise CommandExecutionError(f"Error: failed to add key from {kwargs['key_url']}")
    elif kwargs.get("key_text") and not __salt__["pkg.add_repo_key"](text=kwargs["key_text"], **place):
        raise CommandExecutionError("Error: failed to add the key given by key_text")


def _split_ppa(repo: str) -> Tuple[str, str]:
    if __grains__.get("os") not in _PPA_DISTRIBUTIONS:
        raise CommandExecutionError(f'cannot parse "ppa:" style repo definitions: {repo}')
    match = re.fullmatch(r"ppa:([\w.+-]+)/([\w.+-]+)", repo)
    if not match:
        raise CommandExecutionError(f"Unable to get PPA info from argument {repo}: expected format ppa:OWNER/NAME")
    return match.group(1), match.group(2)


def _expand_ppa(repo: str, auth: Optional[str] = None) -> str:
    """The line of sources.list that a `ppa:` name stands for."""
    if not repo.startswith("ppa:"):
        return repo
    owner, name = _split_ppa(repo)
    place = f"https://{auth}@private-ppa.launchpad.net" if auth else "http://ppa.launchpad.net"
    return f"deb {place}/{owner}/{name}/ubuntu {__grains__['oscodename']} main"


def _ppa_key(repo: str) -> str:
    """The fingerprint of the key that Launchpad signs a PPA with."""
    from urllib.error import URLError
    from urllib.request import Request, urlopen

    owner, name = _split_ppa(repo)
    url = f"https://launchpad.net/api/1.0/~{owner}/+archive/{name}"
    try:
        with urlopen(Request(url, headers={"Accept": "application/json"}), timeout=30) as answer:
            return str(json.load(answer)["signing_key_fingerprint"])
    except (URLError, KeyError, ValueError) as exc:
        raise CommandExecutionError(f"Launchpad does not tell the key of {owner}/{name}: {exc}") from exc
