"""Patches."""

from __future__ import annotations

import os
import shlex
import shutil
from types import SimpleNamespace
from typing import Any, Callable, Dict, Iterator, List, Optional

from minion.errors import CommandExecutionError
from minion.files import urls
from minion.modules._file_common import redact, remove_scratch, scratch_file
from minion.states._file import Refused
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__states__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__env__: str
__virtualname__ = "file"

_OURS = ("-N", "--forward", "-r", "--reject-file", "-o", "--output")


def patch(
    name: str,
    source: Any = None,
    source_hash: Any = None,
    source_hash_name: Optional[str] = None,
    skip_verify: bool = False,
    template: Optional[str] = None,
    context: Any = None,
    defaults: Any = None,
    options: Any = "",
    reject_file: Optional[str] = None,
    strip: Optional[int] = None,
    saltenv: Optional[str] = None,
    **kwargs: Any,
) -> Result:
    """Sees to it that a patch is applied to a file or folder.

    Args:
        name: the file or folder.
        source, source_hash, source_hash_name, skip_verify: where the patch comes from, see `file.managed`.
        template, context, defaults: the engine that renders the patch, and variables for it.
        options: further options of patch(1).
        reject_file: where to keep what could not be applied.
        strip: how many folders to take from the paths in the patch; for folders.
        saltenv: environment of a `salt://` patch.
    """
    task = SimpleNamespace(**locals())
    task.name = os.path.expanduser(name)
    ret = begun(name)
    if "hash" in kwargs or "dry_run_first" in kwargs:
        old = [each for each in ("hash", "dry_run_first") if each in kwargs]
        ret["warnings"] = [f"The '{each}' argument is no longer used and has been ignored." for each in old]
    task.patch_file, task.output, task.rejects = scratch = [scratch_file() for _ in range(3)]
    try:
        _refuse_wrong_paths(task)
        task.options = list(_options(task))
        url = _url(task, ret)
        fetched = _fetched(task, url)
        if not fetched["result"] and not __opts__["test"]:
            return {**fetched, "name": name}
        return _apply(task, ret)
    except Refused as exc:
        return failed(ret, str(exc))
    finally:
        for path in scratch:
            remove_scratch(path, __opts__)


def _refuse_wrong_paths(task: SimpleNamespace) -> None:
    if not shutil.which("patch"):
        raise Refused("patch executable not found on minion")
    if not task.name:
        raise Refused("A file/directory to be patched is required")
    if not os.path.isabs(task.name):
        raise Refused(f"{task.name} is not an absolute path")
    if not os.path.exists(task.name):
        raise Refused(f"{task.name} does not exist")
    rejects = task.reject_file
    if rejects is not None and not os.path.isabs(os.path.dirname(rejects)):
        raise Refused(f"'{rejects}' is not an absolute path")
    if rejects is not None and not os.path.isdir(os.path.dirname(rejects)):
        raise Refused(f"Parent directory for reject_file '{rejects}' either does not exist, or is not a directory")


def _options(task: SimpleNamespace) -> Iterator[str]:
    """The options of patch, without the one that goes into `strip`."""
    words = shlex.split(task.options) if isinstance(task.options, str) else list(map(str, task.options))
    refused = [ours for word in words for ours in _OURS if word.startswith(ours)]
    if refused:
        raise Refused(f"The following CLI options are not allowed: {', '.join(refused)}")
    while words:
        word = words.pop(0)
        if word.startswith("-p"):
            task.strip = _number(word[2:], "-p")
        elif word.startswith("--strip"):
            task.strip = _number(word.rpartition("=")[2] if "=" in word else words.pop(0) if words else "", "-strip")
        else:
            yield word


def _number(text: str, option: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Refused(
            f"Invalid format for '{option}' CLI option. Consider using the 'strip' option for this state."
        ) from None


def _url(task: SimpleNamespace, ret: Result) -> str:
    try:
        url: str = __salt__["file.source_list"](task.source, task.source_hash, __env__)[0]
    except CommandExecutionError as exc:
        raise Refused(str(exc)) from exc
    if task.saltenv is None or not str(url).startswith(urls.SCHEME):
        return url
    plain, own_env = urls.split_env(url)
    if own_env and own_env != task.saltenv:
        ret.setdefault("warnings", []).append(
            "Ignoring 'saltenv' option in favor of saltenv included in the source URL."
        )
        return url
    return f"{plain}?saltenv={task.saltenv}"


def _fetched(task: SimpleNamespace, url: str) -> Result:
    """Brings the patch, in test mode too: whether it can be applied must be tried."""
    before = __opts__["test"]
    __opts__["test"] = False
    try:
        result: Result = __states__["file.managed"](
            task.patch_file,
            source=url,
            source_hash=task.source_hash or "",
            source_hash_name=task.source_hash_name,
            skip_verify=task.skip_verify,
            template=task.template,
            context=task.context,
            defaults=task.defaults,
        )
        return result
    except Exception as exc:
        raise Refused(f"Failed to cache patch file {redact(url)}: {exc}") from exc
    finally:
        __opts__["test"] = before


def _apply(task: SimpleNamespace, ret: Result) -> Result:
    rejects = task.reject_file or task.rejects
    strip = [f"-p{task.strip}"] if task.strip is not None and os.path.isdir(task.name) else []
    tried = _patch(task, task.patch_file, ["-N", "-r", rejects, "-o", task.output, *strip])
    if tried["retcode"]:
        if not os.path.exists(rejects) or not os.path.getsize(rejects) or (tried["retcode"] == 2 and tried["stderr"]):
            raise Refused(tried["stderr"])
        if _patch(task, rejects, ["-R", "-f"], dry_run=True)["retcode"] == 0:
            ret["comment"] = "Patch was already applied"
            return ret
        raise Refused(_unclean(task, tried))
    if __opts__["test"]:
        return predicted(ret, "The patch would be applied", **tried)
    ret["changes"] = _patch(task, task.patch_file, strip)
    if ret["changes"]["retcode"]:
        return failed(ret, "Failed to apply patch")
    ret["comment"] = "Patch successfully applied"
    return ret


def _patch(task: SimpleNamespace, patch_file: str, more: List[str], dry_run: bool = False) -> Result:
    outcome: Result = __salt__["file.patch"](task.name, patch_file, options=task.options + more, dry_run=dry_run)
    return outcome


def _unclean(task: SimpleNamespace, tried: Result) -> str:
    from minion.output import nested
    from minion.output.settings import Settings

    comment = "Patch would not apply cleanly, no changes made. Results of dry-run are below."
    if task.reject_file is None:
        comment += " Run state again using the reject_file option to save rejects to a persistent file."
    return f"{comment}\n\n{nested.output(tried, Settings(nested_indent=14))}"
