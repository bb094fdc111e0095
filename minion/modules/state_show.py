"""`state`: shows what would be applied, at each step of the compilation."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Tuple

from minion.modules._state import Wish, judged, perform, split_list
from minion.state.high import Errors, verify
from minion.state.results import COMPILER_ERROR, OK
from minion.state.run import StateRun
from minion.state.tags import Chunks, High

__opts__: Dict[str, Any]
__loaders__: Any

__virtualname__ = "state"

_WISH = Wish(raise_pillar_errors=True)


def _errors_or(errors: Errors, value: Any) -> Tuple[Any, int]:
    return (errors, COMPILER_ERROR) if errors else (value, OK)


def _named_files(run: StateRun, mods: Any) -> Tuple[High, Errors]:
    high, errors = run.compile_sls({__opts__["saltenv"]: split_list(mods)})
    return high, [*errors, *verify(high)]


def _on_files(function: str, test: Any, queue: Any, keywords: Dict[str, Any], work: Callable[[StateRun], Any]) -> Any:
    wish = Wish(test, queue, base=True, raise_pillar_errors=True)
    return perform(__loaders__, keywords, wish, f"state.{function}", work)


def _low_of_files(run: StateRun, mods: Any) -> Tuple[Chunks, Errors]:
    high, errors = _named_files(run, mods)
    return ([], errors) if errors else run.compile_low(high)


def show_sls(mods: Any, test: Any = None, queue: Any = None, **kwargs: Any) -> Any:
    """The high data of SLS files.

    Args:
        mods: their names: a list, or text with commas.
        test: what templates see as `opts.test`.
        queue: wait for another state run instead of failing.
        kwargs: as for `state.sls`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.show_sls core,edit.vim saltenv=dev
    """

    def work(run: StateRun) -> Tuple[Any, int]:
        high, errors = _named_files(run, mods)
        return _errors_or(errors, high)

    return _on_files("show_sls", test, queue, kwargs, work)


def show_low_sls(mods: Any, test: Any = None, queue: Any = None, **kwargs: Any) -> Any:
    """The low chunks of SLS files, in the order in which they would run.

    Args:
        mods: their names: a list, or text with commas.
        test: what templates see as `opts.test`.
        queue: wait for another state run instead of failing.
        kwargs: as for `state.sls`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.show_low_sls foo
    """

    def work(run: StateRun) -> Tuple[Any, int]:
        chunks, errors = _low_of_files(run, mods)
        return _errors_or(errors, chunks)

    return _on_files("show_low_sls", test, queue, kwargs, work)


def sls_exists(mods: Any, test: Any = None, queue: Any = None, **kwargs: Any) -> bool:
    """Do SLS files exist, and can they be rendered?

    Args:
        mods: their names: a list, or text with commas.
        test: what templates see as `opts.test`.
        queue: wait for another state run instead of failing.
        kwargs: as for `state.sls`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.sls_exists core,edit.vim saltenv=dev
    """
    return isinstance(show_sls(mods, test=test, queue=queue, **kwargs), dict)


def id_exists(ids: Any, mods: Any, test: Any = None, queue: Any = None, **kwargs: Any) -> bool:
    """Are there IDs in SLS files?

    Args:
        ids: the IDs: a list, or text with commas.
        mods: names of the SLS files.
        test: what templates see as `opts.test`.
        queue: wait for another state run instead of failing.
        kwargs: as for `state.sls`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.id_exists create_myfile,update_template filestate saltenv=dev
    """
    chunks = show_low_sls(mods, test=test, queue=queue, **kwargs)
    return {chunk["__id__"] for chunk in chunks if isinstance(chunk, dict)}.issuperset(split_list(ids))


def show_highstate(queue: Any = None, **kwargs: Any) -> Any:
    """The high data of all that the top files assign.

    Args:
        queue: wait for another state run instead of failing.
        kwargs: as for `state.highstate`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.show_highstate
    """

    def work(run: StateRun) -> Tuple[Any, int]:
        high, errors = run.compile_top()
        return judged(errors or high)

    return perform(__loaders__, kwargs, _WISH._replace(queue=queue), "state.show_highstate", work)


def _low_of_top(run: StateRun) -> Tuple[Chunks, Errors]:
    high, errors = run.compile_top()
    errors = [*errors, *run.complete(high)]
    return ([], errors) if errors else run.compile_low(high)


def show_lowstate(queue: Any = None, **kwargs: Any) -> Any:
    """The low chunks of all that the top files assign, in the order in which they would run.

    Args:
        queue: wait for another state run instead of failing.
        kwargs: as for `state.highstate`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.show_lowstate
    """

    def work(run: StateRun) -> Tuple[Any, int]:
        chunks, errors = _low_of_top(run)
        return _errors_or(errors, chunks)

    return perform(__loaders__, kwargs, _WISH._replace(queue=queue), "state.show_lowstate", work)


def show_states(queue: Any = None, **kwargs: Any) -> Any:
    """The SLS files that a highstate would apply, in order.

    Args:
        queue: wait for another state run instead of failing.
        kwargs: as for `state.highstate`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.show_states
    """

    def work(run: StateRun) -> Tuple[Any, int]:
        chunks, errors = _low_of_top(run)
        return _errors_or(errors, list(dict.fromkeys(chunk["__sls__"] for chunk in chunks)))

    return perform(__loaders__, kwargs, _WISH._replace(queue=queue), "state.show_states", work)


def show_state_usage(queue: Any = None, **kwargs: Any) -> Any:
    """Which SLS files the top files assign to the minion, and which they do not.

    Args:
        queue: wait for another state run instead of failing.
        kwargs: as for `state.highstate`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.show_state_usage
    """

    def work(run: StateRun) -> Tuple[Any, int]:
        usage, errors = run.usage()
        return _errors_or(errors, usage)

    return perform(__loaders__, kwargs, _WISH._replace(queue=queue), "state.show_state_usage", work)


def show_top(queue: Any = None, **kwargs: Any) -> Any:
    """The SLS files that the top files assign, by environment.

    Args:
        queue: wait for another state run instead of failing.
        kwargs: as for `state.highstate`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.show_top
    """

    def work(run: StateRun) -> Tuple[Any, int]:
        matches, errors = run.top_matches()
        return _errors_or(errors, matches)

    return perform(__loaders__, kwargs, _WISH._replace(queue=queue), "state.show_top", work)


def _as_graph(run: StateRun, high: High, errors: List[str]) -> Tuple[Any, int]:
    if errors:
        return errors, COMPILER_ERROR
    run.compile_low(high)
    return run.low.graph.to_dot(), OK


def graph(mods: Any, test: Any = None, queue: Any = None, **kwargs: Any) -> Any:
    """The requisites of SLS files, in the language of Graphviz.

    Args:
        mods: their names: a list, or text with commas.
        test: what templates see as `opts.test`.
        queue: wait for another state run instead of failing.
        kwargs: as for `state.sls`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.graph core
    """
    return _on_files("graph", test, queue, kwargs, lambda run: _as_graph(run, *_named_files(run, mods)))


def graph_highstate(queue: Any = None, **kwargs: Any) -> Any:
    """The requisites of all that the top files assign, in the language of Graphviz.

    Args:
        queue: wait for another state run instead of failing.
        kwargs: as for `state.highstate`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.graph_highstate
    """
    wish = _WISH._replace(queue=queue)
    return perform(__loaders__, kwargs, wish, "state.graph_highstate", lambda run: _as_graph(run, *run.compile_top()))
