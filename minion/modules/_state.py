"""What the functions of `state` share: options of a run, its lock, its pillar's errors, the verdict on its results."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple, Union

from minion.data import is_true
from minion.errors import CommandExecutionError
from minion.loaders import Loaders
from minion.state.locking import Conflict, StateLock
from minion.state.results import COMPILER_ERROR, PILLAR_FAILURE, retcode
from minion.state.run import StateRun
from minion.state.session import Session
from minion.state.tags import High

Keywords = Dict[str, Any]
_PILLAR_FAILED = "Pillar failed to render with the following messages:"


Work = Callable[[StateRun], Tuple[Any, int]]


class Refused(Exception):
    """A run that did not begin; `args[0]` is what the function returns."""


class Wish(NamedTuple):
    """How a run is asked for.

    Attributes:
        test: only predict.
        queue: wait for another run.
        state_events: tell the master of each state.
        base: it is about named SLS files, which are in `base` unless something else is said.
        tree: it reads the state tree.
        raise_pillar_errors: errors in the pillar are an error of the function, not its result.
    """

    test: Optional[bool] = None
    queue: Any = None
    state_events: Optional[bool] = None
    base: bool = False
    tree: bool = True
    raise_pillar_errors: bool = False


@contextlib.contextmanager
def state_run(loaders: Loaders, keywords: Keywords, wish: Wish, fun: str) -> Iterator[StateRun]:
    """A run that has its lock, its options and its pillar.

    Args:
        loaders: of the process.
        keywords: of the function; those of the job (`__pub_jid`, ...) are among them.
        wish: how the run is asked for.
        fun: the function, for those who wait.

    Raises:
        Refused: another run is going on, or the pillar has errors.
        CommandExecutionError: the options contradict each other.
    """
    own, context = loaders.dunders["__opts__"], loaders.dunders["__context__"]
    opts = run_options(own, keywords, wish)
    opts["test"] = _test_value(loaders, wish.test, keywords)
    jid = keywords.get("__pub_jid") or own.get("jid")
    with locked(loaders, keywords, wish.queue, fun), _files_of(loaders, opts, keywords):
        session = Session(
            loaders,
            opts,
            keywords.get("pillar"),
            keywords.get("pillar_enc"),
            str(jid) if jid else None,
            bool(keywords.get("mock")),
            own.get("__cli") == "salt-call" and opts.get("pillarenv") == own.get("pillarenv"),
        )
        with session.active():
            _refuse_bad_pillar(session, keywords, context, wish.raise_pillar_errors)
            yield StateRun(session, wish.tree)


@contextlib.contextmanager
def locked(loaders: Loaders, keywords: Keywords, queue: Any, fun: str) -> Iterator[None]:
    """No other state run goes on meanwhile, unless `concurrent` allows it."""
    opts = loaders.dunders["__opts__"]
    if keywords.get("concurrent"):
        yield
        return
    wanted = opts.get("state_queue", False) if queue is None else queue
    jid = str(keywords.get("__pub_jid") or opts.get("jid") or _new_jid())
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(StateLock(opts["cachedir"]).held(keywords.get("__pub_fun") or fun, jid, wanted))
        except Conflict as conflict:
            loaders.dunders["__context__"]["retcode"] = COMPILER_ERROR
            raise Refused(conflict.args[0]) from None
        yield


@contextlib.contextmanager
def _files_of(loaders: Loaders, opts: Dict[str, Any], keywords: Keywords) -> Iterator[None]:
    """A host that is its own master serves the roots that `localconfig` names."""
    from minion.local import LocalMaster

    if not keywords.get("localconfig") or not isinstance(loaders.dunders["__master__"], LocalMaster):
        yield
        return
    master = LocalMaster(opts, loaders.dunders["__grains__"])
    with loaders.files.asking(master), loaders.replaced(master=master):
        yield


def _new_jid() -> str:
    import datetime

    return datetime.datetime.now().strftime("%Y%m%d%H%M%S%f")


def run_options(own: Mapping[str, Any], keywords: Keywords, wish: Wish) -> Dict[str, Any]:
    """The options of a run: the minion's, changed by keywords."""
    opts = dict(own)
    if keywords.get("localconfig"):
        from minion.settings import read_files

        opts.update(read_files(keywords["localconfig"], "minion.d/*.conf"))
    saltenv = keywords.get("saltenv")
    if saltenv is not None:
        if opts.get("lock_saltenv") and saltenv != opts.get("saltenv"):
            raise CommandExecutionError("lock_saltenv is enabled, saltenv cannot be changed")
        opts["saltenv"] = str(saltenv)
    if "pillarenv" in keywords:
        opts["pillarenv"] = None if keywords["pillarenv"] is None else str(keywords["pillarenv"])
    elif saltenv is not None and opts.get("pillarenv_from_saltenv"):
        opts["pillarenv"] = str(saltenv)
    if wish.base and opts.get("saltenv") is None:
        opts["saltenv"] = "base"
    if wish.state_events is not None:
        opts["state_events"] = wish.state_events
    return opts


def _test_value(loaders: Loaders, test: Optional[bool], keywords: Keywords) -> Any:
    """Only predict? What the caller says counts, then grains and pillar, then the options."""
    if test is not None:
        return bool(test)
    if any(str(key).lower() == "test" and is_true(value) for key, value in keywords.items()):
        return True
    for source in ("__grains__", "__pillar__"):
        if "test" in loaders.dunders[source]:
            return loaders.dunders[source]["test"] is True or loaders.dunders["__opts__"].get("test")
    return loaders.dunders["__opts__"].get("test")


def _refuse_bad_pillar(session: Session, keywords: Keywords, context: Dict[str, Any], raising: bool) -> None:
    errors = session.pillar.get("_errors")
    if not errors or keywords.get("force"):
        return
    context["retcode"] = PILLAR_FAILURE
    if raising:
        raise CommandExecutionError("Pillar failed to render", info=errors)
    raise Refused([_PILLAR_FAILED, *errors])


def perform(loaders: Loaders, keywords: Keywords, wish: Wish, fun: str, work: Work) -> Any:
    """Does something in a run; what comes of it, after the job's return code is noted.

    Args:
        loaders, keywords, wish, fun: see `state_run`.
        work: gets the run; the value and the return code.
    """
    try:
        with state_run(loaders, keywords, wish, fun) as run:
            value, code = work(run)
    except Refused as refused:
        return refused.args[0]
    loaders.dunders["__context__"]["retcode"] = code
    return value


def judged(results: Any, high: Optional[High] = None) -> Tuple[Any, int]:
    """Results and the return code that they amount to."""
    return results, retcode(results, high)


def split_list(value: Any) -> List[Any]:
    """A list, or text with commas, as a list."""
    return list(value) if isinstance(value, list) else [part.strip() for part in str(value).split(",")]


def keep_high(cachedir: str, name: str, high: High) -> None:
    """Keeps high data for a later run with `cache=True`."""
    import msgpack

    from minion import atomic

    try:
        os.makedirs(cachedir, exist_ok=True)
        atomic.write(_kept_path(cachedir, name), msgpack.packb(high), 0o600)
    except (TypeError, ValueError, OSError):
        return  # data of Python files need not be plain; the run does not depend on the copy


def kept_high(cachedir: str, name: str) -> Optional[High]:
    """High data of an earlier run."""
    import msgpack

    try:
        with open(_kept_path(cachedir, name), "rb") as source:
            kept: Optional[High] = msgpack.unpackb(source.read(), strict_map_key=False)
            return kept
    except (OSError, ValueError):
        return None


def _kept_path(cachedir: str, name: str) -> str:
    return os.path.join(cachedir, f"{os.path.basename(name)}.cache.p")


def disabled_reasons(names: List[str], patterns: Any) -> List[str]:
    """Why SLS files may not run: `state.disable` named them."""
    reasons = []
    for name in names:
        for pattern in patterns if isinstance(patterns, list) else []:
            if ".*" in pattern:
                if name.startswith(pattern.split(".")[0] + "."):
                    reasons.append(
                        f'The state file "{name}" is currently disabled by "{pattern}", '
                        f"to re-enable, run state.enable {pattern}."
                    )
            elif pattern == name:
                reasons.append(f'The state file "{name}" is currently disabled, to re-enable, run state.enable {name}.')
    return reasons


def only_notable(results: Union[Dict[str, Any], List[Any]]) -> Any:
    """The results of states that failed or changed something."""
    if not isinstance(results, dict):
        return results
    return {tag: result for tag, result in results.items() if not result["result"] or result["changes"]}
