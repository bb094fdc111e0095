"""The master as a minion of its own: execution functions and states in a runner's process, for orchestration."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from master.client import LocalClient, answer_of, operator_name
from master.errors import MasterError
from master.runner import RunnerClient, module_folders
from minion.arguments import bind, condense, signature
from minion.config import MinionSettings
from minion.errors import CommandExecutionError, MinionError
from minion.facts import collect_grains
from minion.loader import Loader
from minion.loaders import Loaders, build_loaders
from minion.loaders import module_folders as minion_folders
from minion.local import LocalMaster
from transports.errors import TransportError
from transports.messages import Return

_ORCHESTRATION = ("state.orchestrate", "state.orch", "state.sls")
_CMD_OPTIONS = ("ret_config", "ret_kwargs", "failhard")
Load = dict[str, Any]


def own_loaders(opts: dict[str, Any], user: str = "", with_pillar: bool = False) -> Loaders:
    """The loaders of a minion that is this host and its own master.

    Args:
        opts: the master's options.
        user: for whom things are done.
        with_pillar: compile its pillar; state runs compile their own.
    """
    own = {**MinionSettings().opts(), **opts, "file_client": "local", "__role": "master", "user": user or opts["user"]}
    own["module_dirs"] = [os.path.join(str(folder), "modules") for folder in opts.get("module_dirs") or ()]
    own["states_dirs"] = [os.path.join(str(folder), "states") for folder in opts.get("module_dirs") or ()]
    grains = collect_grains({**own, "grains": {}}, minion_folders("grains", own)[:-1])
    master = OwnMaster(own, grains, opts)
    own["grains"] = grains
    pillar = master.request("_pillar", grains=grains) if with_pillar else {}
    own["pillar"] = pillar
    return build_loaders(own, grains, pillar, master)


class OwnMaster(LocalMaster):
    """Answers what orchestration asks: what every host can answer itself, and what only a master can do.

    Args:
        opts: the options that modules see.
        grains: facts about the host.
        master_opts: the master's own options.
    """

    def __init__(self, opts: dict[str, Any], grains: dict[str, Any], master_opts: dict[str, Any]) -> None:
        super().__init__(opts, grains)
        self._master_opts_given = master_opts
        self._events: Any = None
        actions: dict[str, Callable[[Load], Any]] = {
            "__cmd": self._cmd,
            "__runner": self._runner,
            "__wheel": self._wheel,
            "__next_event": self._next_event,
            "__end_events": self._end_events,
            "_minion_event": self._fire,
        }
        self._answers.update({name: _explained(action) for name, action in actions.items()})

    def _client(self) -> LocalClient:
        return LocalClient(mopts=self._master_opts_given)

    def _cmd(self, load: Load) -> dict[str, Any]:
        """Minion -> `ret`, `retcode`, `jid`, ... or `failed`, of a function on minions."""
        client, timeout = self._client(), load.get("timeout")
        options = {name: load[name] for name in _CMD_OPTIONS if name in load}
        tgt, tgt_type, fun = load["tgt"], load["tgt_type"], load["fun"]
        if load.get("batch"):
            kwarg = load["kwarg"]
            parts = client.cmd_batch(tgt, fun, load["arg"], tgt_type, load["ret"], kwarg, load["batch"], **options)
            return {name: {"ret": value} for part in parts for name, value in part.items()}
        if load.get("subset"):
            tgt, tgt_type = client.choose(tgt, fun, tgt_type, int(load["subset"])), "list"
        found: dict[str, Any] = {}
        arg = condense(load["arg"], load["kwarg"])
        with client.start(tgt, fun, arg, tgt_type, load["ret"], timeout, **options) as following:
            for item in following:
                if isinstance(item, Return):
                    found[item.id] = answer_of(item)
                elif load.get("expect_minions"):
                    found[item.id] = {"failed": True}
        return found

    def _runner(self, load: Load) -> Any:
        fun, kwargs = load["fun"], dict(load["kwarg"])
        with RunnerClient(self._master_opts_given) as client:
            _add_environment(client.functions, fun, kwargs, load)
            if fun in _ORCHESTRATION and load.get("jid"):
                kwargs.setdefault("orchestration_jid", load["jid"])
            self._tell_arguments(load, {"type": "runner", "name": fun, "args": load["arg"], "kwargs": kwargs})
            run = client.run(fun, load["arg"], kwargs, user=load.get("user"))
        return run.to_wire() if load.get("full_return") else run.value

    def _wheel(self, load: Load) -> dict[str, Any]:
        fun, kwargs = load["fun"], dict(load["kwarg"])
        functions = Loader("wheel", module_folders(self._master_opts_given, "wheel"), self._dunders())
        _add_environment(functions, fun, kwargs, load)
        self._tell_arguments(load, {"type": "wheel", "name": fun, "args": kwargs})
        about = {"fun": f"wheel.{fun}", "user": load.get("user") or operator_name(), "jid": self._new_jid()}
        about["tag"] = f"salt/wheel/{about['jid']}"
        self._fire({"tag": f"{about['tag']}/new", "data": about})
        done = {**about, **_called(functions, fun, condense(load["arg"], kwargs))}
        self._fire({"tag": f"{about['tag']}/ret", "data": done})
        return done

    def _new_jid(self) -> str:
        with RunnerClient(self._master_opts_given) as client:
            return client.new_jid()

    def _dunders(self) -> dict[str, Any]:
        return {"__opts__": self._master_opts_given, "__context__": {}}

    def _tell_arguments(self, load: Load, data: dict[str, Any]) -> None:
        if load.get("jid"):
            self._fire({"tag": f"salt/run/{load['jid']}/args", "data": data})

    def _next_event(self, load: Load) -> dict[str, Any] | None:
        """The next event, None if there is none in time; listening begins with the first question."""
        if self._events is None:
            self._events = self._client().event
        event: dict[str, Any] | None = self._events.get_event(load["wait"], full=True)
        return event

    def _end_events(self, load: Load) -> None:
        """Listens no more."""
        if self._events is not None:
            self._events.destroy()
            self._events = None

    def _fire(self, load: Load) -> bool:
        return bool(self._client().control.ask("fire", tag=load["tag"], data=dict(load["data"]))["ok"])


def _called(functions: Loader, fun: str, arg: list[Any]) -> dict[str, Any]:
    """What came of a wheel function: `return` and `success`."""
    function = functions.get(fun)
    if function is None:
        return {"return": functions.why_missing(fun), "success": False}
    try:
        args, kwargs = bind(function, arg)
        return {"return": function(*args, **kwargs), "success": True}
    except (MasterError, MinionError, TypeError) as exc:
        return {"return": f"Exception occurred in wheel {fun}: {exc}", "success": False}


def _explained(action: Callable[[Load], Any]) -> Callable[[Load], Any]:
    """The action, with errors as modules know them."""

    def answer(load: Load) -> Any:
        try:
            return action(load)
        except (MasterError, TransportError) as exc:
            raise CommandExecutionError(str(exc)) from exc

    return answer


def _add_environment(functions: Loader, fun: str, kwargs: dict[str, Any], load: Load) -> None:
    """Runners and wheel functions that take an environment get that of the state."""
    function = functions.get(fun)
    if function is not None and load.get("saltenv") and "saltenv" in signature(function).args:
        kwargs.setdefault("saltenv", load["saltenv"])
