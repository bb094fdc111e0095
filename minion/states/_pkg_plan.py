"""What `pkg.installed` has to do."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any, Dict, List

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.states._pkg import Salt, Wanted, fulfilled, packed, versions_of

Plan = SimpleNamespace


class Settled(Exception):
    """There is nothing to do, or nothing can be done; `args[0]` is part of the result."""

    def __init__(self, result: bool, comment: str, warnings: Any = None) -> None:
        super().__init__({"result": result, "comment": comment, **({"warnings": warnings} if warnings else {})})


def find_plan(salt: Salt, wish: SimpleNamespace) -> Plan:
    """What is to be done.

    Args:
        salt: execution functions.
        wish: the arguments of `pkg.installed`.

    Returns:
        `desired`, `targets` (to install or update) and `again` (to install once more): package -> version;
        `unpurge`, `altered` (package -> files), `warnings`, `verify_options`.

    Raises:
        Settled: there is nothing to do, or nothing can be done.
    """
    plan = Plan(targets={}, again={}, altered={}, warnings=[], problems=[], compared=False)
    plan.verify_options = _verify_options(wish.pkg_verify)
    plan.desired = _desired(salt, wish)
    present = salt["pkg.list_pkgs"](versions_as_list=True, **wish.kwargs)
    marked = salt["pkg.list_pkgs"](purge_desired=True, **wish.kwargs)
    plan.unpurge = [name for name in plan.desired if name in marked]
    by_capability = wish.kwargs.get("resolve_capabilities") and "pkg.list_provides" in salt
    provides = salt["pkg.list_provides"](**wish.kwargs) if by_capability else {}
    if not wish.sources:
        _resolve_latest(salt, wish, plan.desired, present)
    for name, wanted in plan.desired.items():
        versions = versions_of(salt, name, present, provides)
        try:
            if not versions:
                plan.targets[name] = wanted
            elif wish.reinstall:
                plan.again[name] = wanted
            elif wish.sources:
                _judge_source(salt, wish, plan, name, versions)
            else:
                _judge(salt, wish, plan, name, versions)
        except (CommandExecutionError, SaltInvocationError) as exc:
            plan.problems.append(str(exc))
    if plan.problems:
        raise Settled(False, " ".join(plan.problems))
    if not (plan.targets or plan.unpurge or plan.again):
        at_version = " and are at the desired version" if plan.compared and not wish.sources else ""
        raise Settled(True, f"All specified packages are already installed{at_version}", plan.warnings)
    return plan


def _desired(salt: Salt, wish: SimpleNamespace) -> Wanted:
    if wish.pkgs and wish.sources:
        raise Settled(False, 'Only one of "pkgs" and "sources" is permitted.')
    if wish.sources:
        found: Wanted = salt["pkg_resource.pack_sources"](wish.sources, normalize=wish.normalize)
    else:
        found = packed(salt, wish.pkgs, normalize=False)
    if not found:
        raise Settled(
            False, f"Invalidly formatted '{'sources' if wish.sources else 'pkgs'}' parameter. See minion log."
        )
    return found


def _verify_options(pkg_verify: Any) -> Dict[str, List[str]]:
    found: Dict[str, List[str]] = {"ignore_types": [], "verify_options": []}
    for item in pkg_verify if isinstance(pkg_verify, list) else ():
        found.update((key, item[key]) for key in found if isinstance(item, dict) and item.get(key) is not None)
    return found


def _resolve_latest(salt: Salt, wish: SimpleNamespace, desired: Wanted, present: Any) -> None:
    """Puts the newest version into the place of `latest`."""
    names = [name for name, version in desired.items() if version == "latest"]
    if not names:
        return
    found = salt["pkg.latest_version"](*names, refresh=wish.refresh, **wish.kwargs)
    wish.refresh = False
    newest = {names[0]: found} if len(names) == 1 else found
    for name in names:
        installed = present.get(name)
        desired[name] = newest.get(name) or (installed[-1] if installed else None)


def _judge(salt: Salt, wish: SimpleNamespace, plan: Plan, name: str, versions: Any) -> None:
    """What is to be done about a package that is installed in these versions."""
    wanted = plan.desired[name]
    if wanted:
        plan.compared = True
        if not fulfilled(salt, versions, wanted, wish.ignore_epoch, wish.allow_updates):
            plan.targets[name] = wanted
            return
    if wish.pkg_verify:
        altered = salt["pkg.verify"](name, **plan.verify_options, **wish.kwargs)
        if altered:
            plan.again[name] = wanted
            plan.altered[name] = altered


def _judge_source(salt: Salt, wish: SimpleNamespace, plan: Plan, name: str, versions: Any) -> None:
    """What is to be done about a package file, if the package is installed in these versions."""
    if "lowpkg.bin_pkg_info" not in salt:
        return
    source = plan.desired[name]
    try:
        verify_ssl = wish.kwargs.get("verify_ssl", True)
        path = salt["cp.cache_file"](source, saltenv=wish.kwargs["saltenv"], verify_ssl=verify_ssl)
    except CommandExecutionError as exc:
        raise CommandExecutionError(f"Unable to cache {source}: {exc}") from exc
    if not path:
        raise CommandExecutionError(f"Unable to cache {source}: file not found")
    if not os.path.exists(path):
        raise CommandExecutionError(f"{source} does not exist on minion")
    about = salt["lowpkg.bin_pkg_info"](path)
    if about is None:
        plan.warnings.append(f"Failed to parse metadata for {source}")
    elif not fulfilled(salt, versions, about["version"], wish.ignore_epoch):
        plan.targets[name] = source
