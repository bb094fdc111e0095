"""Packages that shall be installed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules._pkg import refresh_wanted, targets, write_refresh_mark
from minion.output.nested import output
from minion.output.settings import Settings
from minion.state.tags import tag_of
from minion.states import _pkg
from minion.states._pkg_plan import Settled, find_plan
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__states__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__env__: str


_FEW = 20  # shorter lists are shown


def __virtual__() -> Any:
    return True if "pkg.install" in __salt__ else (False, "there is no execution module for packages of this host")


def installed(
    name: str,
    version: Any = None,
    refresh: Any = None,
    fromrepo: Optional[str] = None,
    skip_verify: bool = False,
    skip_suggestions: bool = False,
    pkgs: Any = None,
    sources: Any = None,
    allow_updates: bool = False,
    pkg_verify: Any = False,
    normalize: bool = True,
    ignore_epoch: Optional[bool] = None,
    reinstall: bool = False,
    update_holds: bool = False,
    **kwargs: Any,
) -> Result:
    """Sees to it that packages are installed.

    Args:
        name: the package.
        version: its version; a glob (`1.2*`), comparisons (`>=1.2,<2`), or `latest`.
        refresh: fetch the lists of available packages first; if not given, the first `pkg` state of a run does so.
        fromrepo: take packages from this repository or release.
        skip_verify: install packages that are not signed.
        skip_suggestions: accepted for Salt's sake.
        pkgs: several packages: names, or mappings of a name to a version.
        sources: several packages, each a mapping of its name to the package file or its URL.
        allow_updates: a newer version than the given one will do.
        pkg_verify: look whether the files of installed packages were altered, and install them again if so; a list may
            name `ignore_types` and `verify_options`.
        normalize: remove from names the architecture that is the system's own.
        ignore_epoch: compare versions without what stands before the colon; if not given, unless one is asked for.
        reinstall: install again what is installed.
        update_holds: install newer versions even of packages that are held.
        kwargs: `hold` holds the packages afterwards (False: releases them); `resolve_capabilities` accepts what a
            package provides for its name; the rest is passed on to `pkg.install`: `install_recommends`,
            `only_upgrade`, `cache_valid_time`, `debconf`, ...
    """
    ret = begun(name)
    if pkgs == []:
        return {**ret, "comment": "No packages to install provided"}
    kwargs.update(saltenv=__env__, allow_updates=allow_updates, fromrepo=fromrepo)
    wish = SimpleNamespace(**locals())
    wish.pkgs = pkgs if sources else _pkg.as_pkgs(name, version, pkgs)
    wish.refresh = refresh_wanted(__opts__, refresh)
    wish.pkg_verify = pkg_verify if isinstance(pkg_verify, list) else pkg_verify is True
    if wish.pkg_verify and "pkg.verify" not in __salt__:
        return failed(ret, "pkg.verify not implemented")
    try:
        wish.pkgs, wish.refresh = _pkg.resolved(__salt__, wish.pkgs, wish.refresh, kwargs)
        plan = find_plan(__salt__, wish)
    except Settled as settled:
        return _hold_settled(wish, {**ret, **settled.args[0]})
    except (CommandExecutionError, SaltInvocationError) as exc:
        return failed(ret, str(exc))
    if plan.warnings:
        ret["warnings"] = plan.warnings
    return _predict(wish, plan, ret) if __opts__["test"] else _carry_out(wish, plan, ret)


# holds


def _hold(wish: SimpleNamespace, **packages: Any) -> List[Result]:
    """What became of holding or releasing packages, if that is wanted: changes first, failures last."""
    if "hold" not in wish.kwargs or "pkg.hold" not in __salt__:
        return []
    verdicts = __salt__["pkg.hold" if wish.kwargs["hold"] else "pkg.unhold"](name=wish.name, **packages)
    return sorted(verdicts.values(), key=lambda verdict: 0 if verdict["changes"] else 1 if verdict["result"] else 2)


def _hold_settled(wish: SimpleNamespace, ret: Result) -> Result:
    if ret["result"] is False:
        return ret
    try:
        verdicts = _hold(wish, pkgs=wish.pkgs, sources=wish.sources)
    except (CommandExecutionError, SaltInvocationError) as exc:
        return failed(ret, str(exc))
    for verdict in verdicts:
        ret["comment"] += f".\n{verdict['comment']}"
        ret["result"] = ret["result"] and verdict["result"]
        if verdict["changes"]:
            ret["changes"][verdict["name"]] = verdict["changes"]
    return ret


# test mode


def _predict(wish: SimpleNamespace, plan: SimpleNamespace, ret: Result) -> Result:
    lines: List[str] = []
    changes = ret["changes"]
    new = {"new": "installed", "old": ""}
    if plan.targets:
        changes.update(
            {name: dict(new) for name in plan.targets} if wish.sources else _pkg.installable(__salt__, plan.targets)
        )
        lines.append(f"The following packages would be installed/updated: {', '.join(plan.targets)}")
    if plan.unpurge:
        changes.update({name: dict(new) for name in plan.unpurge})
        told = "The following packages would have their selection status changed from 'purge' to 'install'"
        lines.append(f"{told}: {', '.join(plan.unpurge)}")
    again = [name if wish.sources else _pkg.with_version(name, version) for name, version in plan.again.items()]
    if again and wish.reinstall:
        changes.update({name: dict(new) for name in again})
        lines.append(f"The following packages would be reinstalled: {', '.join(again)}")
    elif again:
        for name, shown in zip(plan.again, again):
            changes[name] = {}
            lines.append(f"Package '{shown}' would be reinstalled because the following files have been altered:")
            lines.append(_nested(plan.altered[name]))
    return {**ret, "result": None, "comment": "\n".join(lines)}


def _nested(value: Any) -> str:
    return output(value, Settings()).rstrip()


# the real thing


def _carry_out(wish: SimpleNamespace, plan: SimpleNamespace, ret: Result) -> Result:
    changes = ret["changes"]
    if plan.unpurge and "lowpkg.unpurge" not in __salt__:
        return failed(ret, "lowpkg.unpurge not implemented")
    if plan.targets or plan.again:
        try:
            changes.update(_install(wish, plan))
        except CommandExecutionError as exc:
            return _pkg.told_error(ret, exc, "installing package(s)")
    again = set(changes)
    try:
        holds = _hold(wish, pkgs=list(plan.desired))
    except (CommandExecutionError, SaltInvocationError) as exc:
        return failed(ret, str(exc))
    if plan.unpurge:
        changes["purge_desired"] = __salt__["lowpkg.unpurge"](*plan.unpurge)
    lines = [*_tell(wish, plan, ret, holds), *_tell_reinstalled(wish, plan, ret, again)]
    return {**ret, "comment": "\n".join(lines)}


def _install(wish: SimpleNamespace, plan: SimpleNamespace) -> Dict[str, Any]:
    wanted = {**plan.targets, **plan.again}
    sources = [source for source in wish.sources or () if next(iter(source)) in wanted]
    options = {**wish.kwargs, "skip_verify": wish.skip_verify, "normalize": wish.normalize, "split_arch": False}
    found: Dict[str, Any] = __salt__["pkg.install"](
        name=None,
        refresh=wish.refresh,
        pkgs=None if sources else [{name: version} for name, version in wanted.items()],
        sources=sources or None,
        reinstall=bool(plan.again),
        update_holds=wish.update_holds,
        ignore_epoch=wish.ignore_epoch,
        **options,
    )
    return found


def _tell(wish: SimpleNamespace, plan: SimpleNamespace, ret: Result, holds: List[Result]) -> List[str]:
    """Lines about what failed, what was installed, what was there, and what is held."""
    if wish.sources:
        there = [name for name in plan.desired if name in ret["changes"] or name not in plan.targets]
    else:
        there, _ = _arrived(wish, plan)
    missing = [name for name in plan.targets if name not in there]
    held = _tell_holds(ret, holds)
    ret["result"] = ret["result"] and not missing
    return [
        *_tell_names(wish, plan, "failed to install/update", missing),
        *_tell_modified(wish, plan, [name for name in there if name in plan.targets]),
        *held["changed"],
        *_tell_untouched(wish, plan, [name for name in there if name not in {**plan.targets, **plan.again}]),
        *held["kept"],
        *held["failed"],
    ]


def _tell_names(wish: SimpleNamespace, plan: SimpleNamespace, what: str, names: List[str]) -> List[str]:
    return [f"The following packages {what}: {_names(wish, plan, names)}"] if names else []


def _tell_modified(wish: SimpleNamespace, plan: SimpleNamespace, names: List[str]) -> List[str]:
    if len(_names(wish, plan, names)) < _FEW:
        return _tell_names(wish, plan, "were installed/updated", names)
    return [f"{_were(len(names))} installed/updated."]


def _tell_untouched(wish: SimpleNamespace, plan: SimpleNamespace, names: List[str]) -> List[str]:
    if len(names) <= _FEW:
        return _tell_names(wish, plan, "were already installed", names)
    return [f"{_were(len(names))} already installed"]


def _were(count: int) -> str:
    return f"{count} targeted packages were" if count > 1 else f"{count} targeted package was"


def _arrived(wish: SimpleNamespace, plan: SimpleNamespace) -> Any:
    present = __salt__["pkg.list_pkgs"](versions_as_list=True, **wish.kwargs)
    by_capability = wish.kwargs.get("resolve_capabilities") and "pkg.list_provides" in __salt__
    provides = __salt__["pkg.list_provides"](**wish.kwargs) if by_capability else {}
    return _pkg.arrived(__salt__, plan.desired, present, wish.ignore_epoch, provides)


def _names(wish: SimpleNamespace, plan: SimpleNamespace, names: List[str]) -> str:
    return ", ".join(names) if wish.sources else _pkg.with_versions(names, plan.desired)


def _tell_holds(ret: Result, verdicts: List[Result]) -> Dict[str, List[str]]:
    """Lines about packages that were held or released, that had been so before, and about failures."""
    lines: Dict[str, List[str]] = {"changed": [], "kept": [], "failed": []}
    for verdict in verdicts:
        ret["result"] = ret["result"] and bool(verdict["result"])
        lines["changed" if verdict["changes"] else "kept" if verdict["result"] else "failed"].append(verdict["comment"])
        if verdict["changes"]:
            change = ret["changes"].setdefault(verdict["name"], {})
            for key, value in verdict["changes"].items():
                change[key] = "\n".join(filter(None, [change.get(key, ""), str(value)]))
    return lines


def _tell_reinstalled(wish: SimpleNamespace, plan: SimpleNamespace, ret: Result, changed: Any) -> List[str]:
    lines = []
    for name in plan.again:
        shown = _names(wish, plan, [name])
        if not wish.reinstall:
            left = __salt__["pkg.verify"](name, **plan.verify_options, **wish.kwargs)
            files = left or plan.altered[name]
            fixed = not left
        else:
            files, fixed = None, name in changed
        ret["result"] = ret["result"] and fixed
        line = f"Package {shown} was reinstalled." if fixed else f"Reinstall was not successful for package {shown}."
        if files:
            line += f" The following files {'were' if fixed else 'could not be'} remediated:\n{_nested(files)}"
        lines.append(line)
    return lines


# with others


def mod_init(low: Dict[str, Any]) -> bool:
    """Asks for a refresh, once in a run; called before the first state of this module.

    Args:
        low: the state.
    """
    if low["fun"] not in ("installed", "latest"):
        return False
    write_refresh_mark(__opts__)
    return True


def mod_aggregate(low: Dict[str, Any], chunks: List[Dict[str, Any]], running: Dict[str, Any]) -> Dict[str, Any]:
    """Takes over the packages of other states of the same kind, so that one transaction installs or removes them all.

    Args:
        low: the state that is about to run.
        chunks: states that may be combined with it.
        running: results so far.
    """
    if low["fun"] not in ("installed", "latest", "removed", "purged"):
        return low
    kind = "sources" if "sources" in low else "pkgs"
    merged: Dict[str, Any] = {}
    _take_over(merged, low, kind)
    taken = 0
    for chunk in chunks:
        alike = all(chunk.get(key) == low.get(key) for key in ("state", "fun", "fromrepo"))
        settled = tag_of(chunk) in running or "__agg__" in chunk or chunk is low
        fits = "hold" not in chunk and ("sources" in chunk) == (kind == "sources")
        if alike and fits and not settled and _take_over(merged, chunk, kind):
            chunk["__agg__"] = True
            taken += 1
    if taken:
        low.pop("version", None)
        low[kind] = [{name: value} if value else name for name, value in merged.items()]
    return low


def _take_over(merged: Dict[str, Any], chunk: Dict[str, Any], kind: str) -> bool:
    """Adds the packages of a chunk, unless they contradict those that are there."""
    found: Dict[str, Any] = {}
    for item in targets(chunk[kind]) if chunk.get(kind) else [{chunk["name"]: chunk.get("version")}]:
        found.update(item if isinstance(item, dict) else {item: None})
    if any(value and merged.get(name) and merged[name] != value for name, value in found.items()):
        return False
    merged.update((name, value or merged.get(name)) for name, value in found.items())
    return True


def mod_watch(name: str, **kwargs: Any) -> Result:
    """Applies the state once more because of a change.

    Args:
        name: the package.
        kwargs: those of the state, and `sfun`, its function.
    """
    sfun = kwargs.pop("sfun", None)
    if sfun not in ("installed", "latest", "removed", "purged"):
        return failed(begun(name), f"pkg.{sfun} does not work with the watch requisite")
    result: Result = __states__[f"pkg.{sfun}"](name, **kwargs)
    return result
