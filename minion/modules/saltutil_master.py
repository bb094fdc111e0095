"""What a minion does with its keys, and, on the master's own host or in a pillar, with the master."""

from __future__ import annotations

import json
import logging
import os
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence

from minion.arguments import typed
from minion.errors import CommandExecutionError, MinionError

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__master__: Any
__virtualname__ = "saltutil"

log = logging.getLogger(__name__)


def _on_master() -> bool:
    """Whether this process is the master's, which compiles a pillar or orchestrates."""
    return bool(__opts__.get("__role") == "master")


def _words(arg: Sequence[Any], kwarg: Mapping[str, Any]) -> List[str]:
    """Arguments as words of a command line that come out as they are here."""
    words = [value if isinstance(value, str) and typed(value) == value else json.dumps(value) for value in arg]
    return words + [f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in kwarg.items()]


def _run(program: str, *words: str) -> Any:
    """What a program of the master on this host prints, as data."""
    command = [program, "-c", str(__opts__.get("conf_dir") or "/etc/salt"), "--out=json", *words]
    result = __salt__["cmd.run_all"](command, python_shell=False, ignore_retcode=True)
    try:
        return json.loads(result["stdout"]) if result["stdout"].strip() else {}
    except ValueError:
        raise CommandExecutionError(f"{program} failed: {result['stderr'] or result['stdout']}") from None


def runner(
    name: str,
    arg: Optional[Sequence[Any]] = None,
    kwarg: Optional[Mapping[str, Any]] = None,
    full_return: bool = False,
    saltenv: str = "base",
    jid: Optional[str] = None,
    **kwargs: Any,
) -> Any:
    """Runs a runner: in a pillar, or on a minion that runs on the master's host.

    Args:
        name: the runner's function.
        arg: its positional arguments.
        kwarg: its keyword arguments.
        full_return: give all that is known of the run, not its result alone.
        saltenv: the environment of runners that take one.
        jid: the job id to use.
        kwargs: further keyword arguments of the runner.

    CLI Example:

    .. code-block:: bash

        salt master_minion saltutil.runner jobs.list_jobs
        salt master_minion saltutil.runner test.arg arg="['baz']" kwarg="{'foo': 'bar'}"
    """
    given = {**(kwarg or {}), **{key: value for key, value in kwargs.items() if not key.startswith("__")}}
    if _on_master():
        asked = {"fun": name, "arg": list(arg or ()), "kwarg": given, "full_return": full_return}
        return __master__.request("__runner", **asked, **_circumstances(kwargs, saltenv, jid))
    result = _run("salt-run", name, *_words(arg or (), given))
    return {"return": result, "success": True, "fun": name} if full_return else result


def _circumstances(kwargs: Mapping[str, Any], saltenv: str, jid: Optional[str]) -> Dict[str, Any]:
    """In which environment, orchestration, and for whom something of the master is called; states tell."""
    return {
        "saltenv": kwargs.get("__env__", saltenv),
        "jid": kwargs.get("__orchestration_jid__", jid),
        "user": kwargs.get("__pub_user"),
    }


def wheel(name: str, *args: Any, **kwargs: Any) -> Any:
    """Runs a wheel function, which manages the master: in the master's own process only.

    Args:
        name: the function.
        args, kwargs: its arguments.

    CLI Example:

    .. code-block:: bash

        salt my-local-minion saltutil.wheel key.accept jerry
    """
    if not _on_master():
        raise CommandExecutionError("This command can only be executed on a minion that is located on the master.")
    given = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    return __master__.request("__wheel", fun=name, arg=list(args), kwarg=given, **_circumstances(kwargs, "base", None))


def cmd(
    tgt: Any,
    fun: str,
    arg: Sequence[Any] = (),
    timeout: Optional[float] = None,
    tgt_type: str = "glob",
    ret: str = "",
    kwarg: Optional[Mapping[str, Any]] = None,
    ssh: bool = False,
    **kwargs: Any,
) -> Dict[str, Any]:
    """Runs a function on minions, if this minion runs on the master's host: minion -> `{"ret": result}`.

    Args:
        tgt: the minions.
        fun: the function.
        arg: its positional arguments.
        timeout: seconds to wait for each minion.
        tgt_type: how to read `tgt`.
        ret: a returner to run on the minions.
        kwarg: its keyword arguments.
        ssh: over SSH, to the hosts of the roster.
        kwargs: `batch` and `subset`; on the master `expect_minions`, which tells of minions that did not answer.

    CLI Example:

    .. code-block:: bash

        salt master_minion saltutil.cmd '*' test.ping
    """
    if _on_master() and not ssh:
        call = {"tgt": tgt, "fun": fun, "arg": list(arg), "timeout": timeout, "tgt_type": tgt_type, "ret": ret}
        answers: Dict[str, Any] = __master__.request("__cmd", **call, kwarg=dict(kwarg or {}), **kwargs)
        return answers
    return {
        minion: found
        for part in cmd_iter(tgt, fun, arg, timeout, tgt_type, ret, kwarg, ssh, **kwargs)
        for minion, found in part.items()
    }


_TARGET_OPTIONS = {
    "pcre": "-E", "list": "-L", "grain": "-G", "grain_pcre": "-P", "nodegroup": "-N", "pillar": "-I",
    "pillar_pcre": "-J", "ipcidr": "-S", "compound": "-C",
}  # fmt: skip


def cmd_iter(
    tgt: Any,
    fun: str,
    arg: Sequence[Any] = (),
    timeout: Optional[float] = None,
    tgt_type: str = "glob",
    ret: str = "",
    kwarg: Optional[Mapping[str, Any]] = None,
    ssh: bool = False,
    **kwargs: Any,
) -> Iterator[Dict[str, Any]]:
    """Like `saltutil.cmd`, one minion after the other.

    CLI Example:

    .. code-block:: bash

        salt master_minion saltutil.cmd_iter '*' test.ping
    """
    options = [_TARGET_OPTIONS[tgt_type]] if tgt_type in _TARGET_OPTIONS else []
    options += ["-t", str(timeout)] if timeout else []
    options += ["--return", ret] if ret else []
    options += [word for name in ("batch", "subset") if kwargs.get(name) for word in (f"--{name}", str(kwargs[name]))]
    target = ",".join(tgt) if isinstance(tgt, (list, tuple)) else str(tgt)
    found = _run("salt-ssh" if ssh else "salt", "--static", *options, "--", target, fun, *_words(arg, kwarg or {}))
    for minion, value in found.items():
        yield {minion: {"ret": value}}


def mmodule(saltenv: str, fun: str, *args: Any, **kwargs: Any) -> Any:
    """Calls a function with the user's modules of an environment, in a pillar of which they are not synced.

    Args:
        saltenv: the environment, whose `_modules` are used.
        fun: the function.
        args, kwargs: its arguments.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.mmodule base test.ping
    """
    from minion.loaders import build_loaders

    folders = [os.path.join(str(root), "_modules") for root in (__opts__.get("file_roots") or {}).get(saltenv, ())]
    opts = {**__opts__, "module_dirs": [*folders, *(__opts__.get("module_dirs") or ())]}
    loaders = build_loaders(opts, opts["grains"], opts["pillar"], __master__)
    if fun not in loaders.modules:
        raise CommandExecutionError(loaders.modules.why_missing(fun))
    return loaders.modules[fun](*args, **kwargs)


# ---------------------------------------------------------------------- keys


def revoke_auth(preserve_minion_cache: bool = False) -> bool:
    """Asks the master to delete this minion's key; a master may not allow it (`allow_minion_key_revoke`).

    Args:
        preserve_minion_cache: let the master keep what it knows of this minion.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.revoke_auth
    """
    try:
        return __master__.request("revoke_auth", preserve_minion_cache=preserve_minion_cache) is True
    except MinionError as exc:
        log.error("The key could not be revoked: %s", exc)
        return False


def regen_keys() -> None:
    """Removes this minion's keys and the remembered key of its master; new ones are made when the minion starts again.

    The master must accept the new key, after the old one was deleted there.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.regen_keys
    """
    folder = str(__opts__["pki_dir"])
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            os.unlink(path)
