"""`state`: applies what is given as data or text instead of by SLS files of the file roots."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from minion.modules._state import Wish, judged, perform
from minion.state.caller import Caller
from minion.state.results import COMPILER_ERROR, FAILURE, OK
from minion.state.run import StateRun
from minion.state.tags import tag_of

__context__: Dict[str, Any]
__loaders__: Any

__virtualname__ = "state"
__outputter__ = dict.fromkeys(("single", "template", "template_str"), "highstate")


def single(fun: str, name: str, test: Optional[bool] = None, queue: Any = None, **kwargs: Any) -> Any:
    """Applies one state function.

    Args:
        fun: `module.function`.
        name: what it is applied to.
        test: only say what would change.
        queue: wait for another state run instead of failing.
        kwargs: arguments of the function; `pillar` is merged over the pillar.

    CLI Example:

    .. code-block:: bash

        salt '*' state.single pkg.installed name=vim
    """
    module, _, function = fun.partition(".")
    if not function:
        __context__["retcode"] = COMPILER_ERROR
        return "Invalid function passed"
    low = {**kwargs, "state": module, "fun": function.split(".")[0], "__id__": name, "name": name}

    def work(run: StateRun) -> Tuple[Any, int]:
        caller = run.caller()
        errors = caller.verify(low)
        if errors:
            return errors, COMPILER_ERROR
        caller.initialise(low)
        return judged({tag_of(low): _finished(caller, low)})

    return perform(__loaders__, kwargs, Wish(test, queue, tree=False), "state.single", work)


def _finished(caller: Caller, low: Dict[str, Any]) -> Dict[str, Any]:
    """The result of a call, of one that runs in parallel too."""
    running = {tag_of(low): caller.call(low)}
    caller.parallel.wait(running)
    return running[tag_of(low)]


def low(data: Dict[str, Any], queue: Any = None, **kwargs: Any) -> Any:
    """Applies one low chunk.

    Args:
        data: the chunk: `state`, `fun`, `name`, `__id__` and arguments.
        queue: wait for another state run instead of failing.
        kwargs: as for `state.sls`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.low '{"state": "pkg", "fun": "installed", "name": "vi"}'
    """
    chunk = {"__id__": data.get("name"), **data}

    def work(run: StateRun) -> Tuple[Any, int]:
        caller = run.caller()
        errors = caller.verify(chunk)
        if errors:
            return errors, COMPILER_ERROR
        result = _finished(caller, chunk)
        return result, FAILURE if result["result"] is False else OK

    return perform(__loaders__, kwargs, Wish(queue=queue, tree=False), "state.low", work)


def high(data: Dict[str, Any], test: Optional[bool] = None, queue: Any = None, **kwargs: Any) -> Any:
    """Applies high data.

    Args:
        data: ID -> module -> function and arguments.
        test: only say what would change.
        queue: wait for another state run instead of failing.
        kwargs: as for `state.sls`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.high '{"vim": {"pkg": ["installed"]}}'
    """
    return perform(
        __loaders__,
        kwargs,
        Wish(test, queue, tree=False),
        "state.high",
        lambda run: judged(run.run_high(data), data if isinstance(data, dict) else None),
    )


def template(tem: str, queue: Any = None, **kwargs: Any) -> Any:
    """Applies an SLS file that lies on the minion.

    Args:
        tem: its path, with or without `.sls`.
        queue: wait for another state run instead of failing.
        kwargs: as for `state.sls`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.template '<Path to template on the minion>'
    """
    path = tem if tem.endswith(".sls") else f"{tem}.sls"

    def work(run: StateRun) -> Tuple[Any, int]:
        found, errors = run.compile_file(path, str(kwargs.get("saltenv") or "base"))
        return judged(errors or run.run_high(found), found)

    return perform(__loaders__, kwargs, Wish(queue=queue, raise_pillar_errors=True), "state.template", work)


def template_str(tem: str, queue: Any = None, **kwargs: Any) -> Any:
    """Applies an SLS file that is given as text.

    Args:
        tem: the text.
        queue: wait for another state run instead of failing.
        kwargs: as for `state.sls`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.template_str '<Template String>'
    """

    def work(run: StateRun) -> Tuple[Any, int]:
        found, errors = run.compile_text(tem)
        return judged(errors or (run.run_high(found) if found else found))

    return perform(__loaders__, kwargs, Wish(queue=queue, tree=False), "state.template_str", work)
