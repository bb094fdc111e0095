"""Applies states: SLS files by name, or all that the top files assign."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Optional, Tuple

from minion.errors import SaltInvocationError
from minion.modules._state import (
    Wish,
    disabled_reasons,
    judged,
    keep_high,
    kept_high,
    only_notable,
    perform,
    split_list,
)
from minion.state.high import verify
from minion.state.requisite_in import apply_requisite_in
from minion.state.results import COMPILER_ERROR
from minion.state.run import StateRun, add_exclude

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__context__: Dict[str, Any]
__loaders__: Any

__virtualname__ = "state"
__func_alias__ = {"apply_": "apply"}
__outputter__ = dict.fromkeys(("sls", "sls_id", "top", "highstate", "apply", "apply_", "test"), "highstate")


def apply_(mods: Any = None, **kwargs: Any) -> Any:
    """Applies SLS files, or all that the top files assign if none are named.

    Args:
        mods: names of SLS files: a list, or text with commas.
        kwargs: as for `state.sls` and `state.highstate`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.apply
        salt '*' state.apply test=True
        salt '*' state.apply stuff,pkgs pillar='{"foo": "bar"}'
    """
    return sls(mods, **kwargs) if mods else highstate(**kwargs)


def test(*args: Any, **kwargs: Any) -> Any:
    """Says what `state.apply` would change.

    Args:
        args: as for `state.apply`.
        kwargs: as for `state.apply`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.test stuff
    """
    return apply_(*args, **{**kwargs, "test": True})


def sls(
    mods: Any,
    test: Optional[bool] = None,
    exclude: Any = None,
    queue: Any = None,
    sync_mods: Any = None,
    state_events: Optional[bool] = None,
    **kwargs: Any,
) -> Any:
    """Applies SLS files.

    Args:
        mods: their names: a list, or text with commas; patterns are allowed.
        test: only say what would change.
        exclude: SLS files or IDs to leave out.
        queue: wait for another state run instead of failing; a number limits how many may wait.
        sync_mods: kinds of custom modules to sync first, or `all`.
        state_events: tell the master of each state when it is done.
        kwargs: `pillar` (merged over the pillar), `pillar_enc`, `saltenv`, `pillarenv`, `concurrent` (do not mind
            other runs), `mock` (call nothing), `localconfig` (a file with further options), `cache` (use the high data
            of the last run), `cache_name`, `terse` (only failures and changes), `force` (in spite of pillar errors).

    CLI Example:

    .. code-block:: bash

        salt '*' state.sls core,edit.vim
        salt '*' state.sls core exclude="[{'id': 'id_to_exclude'}, {'sls': 'sls_to_exclude'}]"
    """
    disabled = disabled_reasons(split_list(mods), __grains__.get("state_runs_disabled"))
    if disabled:
        __context__["retcode"] = COMPILER_ERROR
        return disabled
    _sync(sync_mods, kwargs.get("saltenv") or __opts__.get("saltenv") or "base")
    wish = Wish(test, queue, state_events, base=True)
    return perform(__loaders__, kwargs, wish, "state.sls", lambda run: _run_sls(run, mods, exclude, kwargs))


def _run_sls(run: StateRun, mods: Any, exclude: Any, kwargs: Dict[str, Any]) -> Tuple[Any, int]:
    cachedir, cache_name = __opts__["cachedir"], kwargs.get("cache_name", "highstate")
    high = kept_high(cachedir, cache_name) if kwargs.get("cache") else None
    if high is None:
        high, errors = run.compile_sls({__opts__["saltenv"]: split_list(mods)})
        if errors:
            return judged(errors)
        add_exclude(high, exclude)
        keep_high(cachedir, cache_name, high)
    results = run.run_high(high, kwargs.get("orchestration_jid"))
    return judged(_terse(results, kwargs), high)


def _terse(results: Any, kwargs: Dict[str, Any]) -> Any:
    return only_notable(results) if kwargs.get("terse") or __opts__.get("state_data") == "terse" else results


def _sync(sync_mods: Any, saltenv: str) -> None:
    kinds = ["all"] if sync_mods is True else split_list(sync_mods) if sync_mods else []
    for kind in ["all"] if "all" in kinds else kinds:
        if f"saltutil.sync_{kind}" not in __salt__:
            raise SaltInvocationError(f"sync_mods: there is no kind of modules called {kind}")
        __salt__[f"saltutil.sync_{kind}"](saltenv=saltenv)


def highstate(
    test: Optional[bool] = None, queue: Any = None, state_events: Optional[bool] = None, **kwargs: Any
) -> Any:
    """Applies all that the top files assign to the minion.

    Args:
        test: only say what would change.
        queue: wait for another state run instead of failing; a number limits how many may wait.
        state_events: tell the master of each state when it is done.
        kwargs: `exclude`, `whitelist` (the only SLS files), and those of `state.sls`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.highstate
        salt '*' state.highstate whitelist=sls1_to_run,sls2_to_run
    """
    if disabled_reasons(["highstate"], __grains__.get("state_runs_disabled")):
        name = "Salt highstate run is disabled. To re-enable, run state.enable highstate"
        return {"name": name, "result": "False", "comment": "Disabled"}
    wish = Wish(test, queue, state_events)
    return perform(__loaders__, kwargs, wish, "state.highstate", lambda run: _run_top(run, kwargs))


def _run_top(run: StateRun, kwargs: Dict[str, Any]) -> Tuple[Any, int]:
    cachedir, cache_name = __opts__["cachedir"], kwargs.get("cache_name", "highstate")
    high = kept_high(cachedir, cache_name) if kwargs.get("cache") else None
    if high is not None:
        results = run.run_high(high, kwargs.get("orchestration_jid"))
    else:
        results = run.run_top(kwargs.get("exclude"), kwargs.get("whitelist"), kwargs.get("orchestration_jid"))
        keep_high(cachedir, cache_name, run.high)
    return judged(_terse(results, kwargs), high or run.high)


def top(topfn: str, test: Optional[bool] = None, queue: Any = None, **kwargs: Any) -> Any:
    """Applies all that a certain top file assigns to the minion.

    Args:
        topfn: the top file, relative to the file roots.
        test: only say what would change.
        queue: wait for another state run instead of failing.
        kwargs: as for `state.highstate`; `saltenv` is the environment of the file.

    CLI Example:

    .. code-block:: bash

        salt '*' state.top reverse_top.sls
        salt '*' state.top prod_top.sls exclude=sls_to_exclude
    """
    saltenv = kwargs.pop("saltenv", None)

    def work(run: StateRun) -> Tuple[Any, int]:
        run.use_top(topfn, saltenv)
        return _run_top(run, kwargs)

    return perform(__loaders__, kwargs, Wish(test, queue), "state.top", work)


def sls_id(
    id_: str,
    mods: Any,
    test: Optional[bool] = None,
    queue: Any = None,
    state_events: Optional[bool] = None,
    **kwargs: Any,
) -> Any:
    """Applies one ID of SLS files, with what it requires.

    Args:
        id_: the ID.
        mods: names of the SLS files.
        test: only say what would change.
        queue: wait for another state run instead of failing.
        state_events: tell the master of each state when it is done.
        kwargs: as for `state.sls`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.sls_id my_state my_module,a_common_module
    """

    def work(run: StateRun) -> Tuple[Any, int]:
        saltenv = __opts__["saltenv"]
        high, errors = run.compile_sls({saltenv: split_list(mods)})
        errors = [*errors, *verify(high)] or apply_requisite_in(high)
        chunks, errors = ([], errors) if errors else run.compile_low(high)
        if errors:
            return judged(errors)
        results = run.run_id(id_, chunks)
        if not results:
            raise SaltInvocationError(f"No matches for ID '{id_}' found in SLS '{mods}' within saltenv '{saltenv}'")
        return judged(results)

    return perform(__loaders__, kwargs, Wish(test, queue, state_events, base=True), "state.sls_id", work)


def pkg(pkg_path: str, pkg_sum: str, hash_type: str, test: Optional[bool] = None, **kwargs: Any) -> Any:
    """Applies the low chunks of an archive that was made for this minion.

    Args:
        pkg_path: a tar.gz with `lowstate.json`, perhaps `pillar.json`, and a folder for each environment.
        pkg_sum: its hash sum.
        hash_type: kind of the hash sum.
        test: only say what would change.
        kwargs: as for `state.sls`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.pkg /tmp/salt_state.tgz 760a9353810e36f6d81416366fc426dc md5
    """
    from minion.modules._state_pkg import unpacked

    with unpacked(pkg_path, pkg_sum, hash_type) as package:
        if package is None:
            return {}
        if not all(isinstance(chunk, dict) for chunk in package.chunks):
            return package.chunks  # what is wrong with the states that were packed

        def work(run: StateRun) -> Tuple[Any, int]:
            with package.served(__loaders__):
                chunks, errors = run.low.order(package.chunks)
                return judged(errors or run.run_low(chunks))

        keywords = {**kwargs, "pillar": package.pillar}
        return perform(__loaders__, keywords, Wish(test, tree=False), "state.pkg", work)


def clear_cache() -> List[str]:
    """Forgets the high data that earlier runs have kept.

    CLI Example:

    .. code-block:: bash

        salt '*' state.clear_cache
    """
    removed = []
    for name in sorted(os.listdir(__opts__["cachedir"])):
        path = os.path.join(__opts__["cachedir"], name)
        if name.endswith(".cache.p") and os.path.isfile(path):
            os.unlink(path)
            removed.append(name)
    return removed
