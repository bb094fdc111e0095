"""How a key, certificate, request or list in a file comes to be as it should."""

from __future__ import annotations

import base64
import os
from typing import Any, Callable, Dict, Mapping, MutableMapping, NamedTuple, Tuple

from minion import atomic
from minion.errors import CommandExecutionError
from minion.modules._file_common import back_up, backup_mode
from minion.states._result import Result, begun, failed

_OF_FILES = (
    *("user", "group", "mode", "attrs", "makedirs", "dir_mode", "backup", "create", "follow_symlinks", "check_cmd"),
    *("tmp_dir", "tmp_ext", "selinux", "file_encoding", "encoding_errors", "win_owner", "win_perms"),
    *("win_deny_perms", "win_inheritance", "win_perms_reset"),
)
_TEXT = ("pem", "pkcs7_pem")
IGNORED = {"text", "version", "serial_bits", "cipher", "verbose"}  # arguments of older releases


class Found(NamedTuple):
    """What became of looking at a file that exists."""

    changes: Dict[str, Any]  # what has to change
    known: bool = True  # it is such a thing
    replace: bool = False  # it has to be written anew, though nothing can be said of its content


class Host(NamedTuple):
    """The host, as states see it."""

    states: Mapping[str, Callable[..., Any]]
    opts: MutableMapping[str, Any]
    low: Mapping[str, Any]


class Thing(NamedTuple):
    """What is managed."""

    name: str
    noun: str
    encoding: str
    file: Dict[str, Any]  # arguments of file.managed
    inspect: Callable[[str], Found]
    make: Callable[[Dict[str, Any]], str]  # its content (base64 if it is binary), given what has to change


def usable(loaded: bool, opts: Mapping[str, Any]) -> Any:
    """What `__virtual__` of the states says."""
    if not loaded:
        return False, "Could not load cryptography"
    if not (opts.get("features") or {}).get("x509_v2", True):
        return False, "x509_v2 modules were explicitly disabled in `features:x509_v2`"
    return True


def split(kwargs: Mapping[str, Any]) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """The arguments of file.managed, and the rest."""
    file = {"show_changes": False, **{key: kwargs[key] for key in _OF_FILES if key in kwargs}}
    if "file_encoding" in file:
        file["encoding"] = file.pop("file_encoding")
    rest = {key: value for key, value in kwargs.items() if key not in _OF_FILES and not key.startswith("__")}
    return file, rest


def managed(host: Host, thing: Thing) -> Result:
    """Sees to it that a thing is in its file as it should be."""
    ret = begun(thing.name)
    ret["comment"] = f"The {thing.noun} is in the correct state"
    try:
        return _converge(host, thing, ret)
    except CommandExecutionError as exc:
        return failed(begun(thing.name), str(exc))


def _converge(host: Host, thing: Thing, ret: Result) -> Result:
    tried = _file(host, thing, ret, test=True)
    if tried["result"] is False:
        return failed(ret, "Problem while testing file.managed changes, see its output")
    if "is not present and is not set for creation" in tried["comment"]:
        return ret
    path, found = _look(host, thing)
    if not found.changes and not tried["changes"]:
        return ret
    ret["changes"] = found.changes
    verb = "recreate" if found.known and found.changes else "create"
    if host.opts["test"]:
        if found.changes:
            ret.update(result=None, comment=f"The {thing.noun} would have been {verb}d")
        return ret
    del ret["sub_state_run"]
    if found.changes:
        content = thing.make(found.changes)
        ret["comment"] = f"The {thing.noun} has been {verb}d"
    text = bool(found.changes) and thing.encoding in _TEXT
    placed = _file(host, thing, ret, replace=text, contents=content if text else None)
    if placed["result"] is False:
        ret["changes"] = {}
        return failed(ret, f"Could not {'update' if found.known else 'create'} file, see file.managed output")
    if found.changes and not text:
        if backup_mode(thing.file.get("backup"), host.opts) in ("minion", "both"):
            back_up(path, host.opts)
        atomic.write(path, base64.b64decode(content))
    return ret


def _look(host: Host, thing: Thing) -> Tuple[str, Found]:
    """Where it lies, and what has to change."""
    path, relinked = os.path.realpath(thing.name), False
    if os.path.islink(thing.name) and not thing.file.get("follow_symlinks", True):
        path, relinked = thing.name, True
        if not host.opts["test"]:
            os.unlink(thing.name)
    if relinked or not os.path.isfile(path):
        found = Found({"created": thing.name}, known=False)
    else:
        found = thing.inspect(path)
    if relinked or found.replace:
        found.changes["replaced"] = thing.name
    return path, found


def _file(
    host: Host, thing: Thing, ret: Result, test: bool = False, replace: bool = False, contents: Any = None
) -> Result:
    """Runs file.managed, which is shown as a state of its own; in test mode, only to see what it would do."""
    before = host.opts["test"]
    host.opts["test"] = before or test
    try:
        result: Result = host.states["file.managed"](thing.name, replace=replace, contents=contents, **thing.file)
    finally:
        host.opts["test"] = before
    low = {"name": thing.name, "state": "file", "__id__": host.low["__id__"], "fun": "managed"}
    ret["sub_state_run"] = [{**result, "low": low}]
    return result
