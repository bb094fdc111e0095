"""Call execution functions of this host's minion from Python, as salt-call does.

    from minion.client import Caller

    caller = Caller()
    caller.cmd("test.arg", "Foo", bar="Baz")
    caller.cmd("state.apply", "nginx", test=True)

Files and pillar come from the master or, with `file_client: local`, from this host.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from minion import caller, config
from minion.arguments import parse_args
from minion.config import MinionSettings
from minion.loader import Loader
from minion.settings import build


class Caller:
    """Calls functions in this process.

    Args:
        c_path: the minion's configuration file.
        mopts: its options, if they are known already; then no file is read.

    Attributes:
        opts: the options as functions see them.
        functions: all functions by `module.function`.
        sminion: this object, for scripts that say `caller.sminion.functions`.

    Raises:
        ConfigError: the configuration is wrong.
        MasterUnreachable: no master answers.
    """

    def __init__(self, c_path: str = "/etc/salt/minion", mopts: Optional[Mapping[str, Any]] = None) -> None:
        settings = config.load(c_path) if mopts is None else build(MinionSettings, mopts, "mopts")
        self.opts: Dict[str, Any] = caller.options_of(settings)
        self._pipe: Any = None
        if caller.is_local(self.opts):
            from minion.local import LocalMaster

            grains = _grains(self.opts)
            made = caller.Caller(self.opts, grains, LocalMaster(self.opts, grains))
        else:
            from minion.daemon.companion import connect

            self._pipe = connect(settings, self.opts)
            made = caller.Caller(self.opts, _grains(self.opts), self._pipe)
        self.functions: Loader = made.runtime.loaders.modules

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.destroy()

    @property
    def sminion(self) -> Caller:
        """What holds `functions` and `opts`."""
        return self

    def cmd(self, fun: str, *args: Any, **kwargs: Any) -> Any:
        """Calls a function and returns its result; what it raises is raised.

        Raises:
            KeyError: there is no such function.
        """
        return self.functions[fun](*args, **kwargs)

    def function(self, fun: str, *args: Any, **kwargs: Any) -> Any:
        """Like `cmd`, but texts are read as on a command line: `"a=1"` is a keyword argument, `"1"` a number."""
        positional, keywords = parse_args(args)
        return self.functions[fun](*positional, **{**keywords, **kwargs})

    def destroy(self) -> None:
        """Ends the connection to the master; twice is fine."""
        if self._pipe is not None:
            self._pipe.close()
        self._pipe = None


def _grains(opts: Dict[str, Any]) -> Dict[str, Any]:
    from minion.facts import collect_grains
    from minion.loaders import module_folders

    return collect_grains(opts, module_folders("grains", opts)[:-1])
