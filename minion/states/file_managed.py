"""Files whose content comes from the master or from the SLS file."""

from __future__ import annotations

import logging
import os
import shlex
import tempfile
import urllib.parse
from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Optional, Union

from minion.errors import CommandExecutionError
from minion.modules._file_common import SCRATCH_PREFIX
from minion.states._file import Refused, accumulators, octal_mode, owner_given, unknown_owner
from minion.states._file_contents import contents_of, stated_contents
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__context__: Dict[str, Any]
__env__: str
__instance_id__: str
__virtualname__ = "file"

log = logging.getLogger(__name__)

_TEST_NOTE = "\nNote: No changes made, actual changes may\nbe different due to other states."
_SIGNED = ("signed_by_any", "signed_by_all", "keyring", "gnupghome", "sig_backend")
_IGNORED = ("ignore_ordering", "ignore_whitespace", "ignore_comment_characters")


def managed(
    name: str,
    source: Any = None,
    source_hash: Any = "",
    source_hash_name: Optional[str] = None,
    keep_source: bool = True,
    user: Any = None,
    group: Any = None,
    mode: Any = None,
    attrs: Any = None,
    template: Optional[str] = None,
    makedirs: bool = False,
    dir_mode: Any = None,
    context: Any = None,
    replace: bool = True,
    defaults: Any = None,
    backup: Any = "",
    show_changes: bool = True,
    create: bool = True,
    contents: Any = None,
    tmp_dir: Optional[str] = None,
    tmp_ext: str = "",
    contents_pillar: Any = None,
    contents_grains: Any = None,
    contents_newline: bool = True,
    contents_delimiter: str = ":",
    encoding: Optional[str] = None,
    encoding_errors: str = "strict",
    allow_empty: bool = True,
    follow_symlinks: bool = True,
    check_cmd: Any = None,
    skip_verify: bool = False,
    selinux: Any = None,
    win_owner: Any = None,
    win_perms: Any = None,
    win_deny_perms: Any = None,
    win_inheritance: bool = True,
    win_perms_reset: bool = False,
    verify_ssl: bool = True,
    use_etag: bool = False,
    signature: Any = None,
    source_hash_sig: Any = None,
    signed_by_any: Any = None,
    signed_by_all: Any = None,
    keyring: Optional[str] = None,
    gnupghome: Optional[str] = None,
    ignore_ordering: bool = False,
    ignore_whitespace: bool = False,
    ignore_comment_characters: Any = None,
    new_file_diff: bool = False,
    sig_backend: str = "gpg",
    **kwargs: Any,
) -> Result:
    """Sees to it that a file has a certain content, owner and mode.

    Args:
        name: the file.
        source: where the content comes from: a `salt://`, `http://`, `https://`, `ftp://` or `file://` URL, or an
            absolute path; of several in a list, the first that exists.
        source_hash: a digest, `<type>=<digest>`, or where a file of digests is; needed for what comes from elsewhere.
        source_hash_name: the name to look for in a file of digests.
        keep_source: False removes the copy in the minion's cache afterwards.
        user, group: to whom the file belongs.
        mode: permissions; `keep` for those that the source has.
        attrs: attributes, as chattr(1) names them.
        template: the engine that renders the content: `jinja`, `mako` or `py`.
        makedirs: make the folders above it.
        dir_mode: the permissions of new folders; if not given, `mode` with the right to enter them.
        context, defaults: variables for the template; those in `context` win.
        replace: False leaves the content of a file that exists.
        backup: `minion` keeps the file as it was.
        show_changes: False only tells that the content has changed.
        create: False does nothing if there is no such file.
        contents: the content, instead of a source: text, or a list of lines.
        contents_pillar: the pillar key of the content, or a list of them.
        contents_grains: the grain that holds the content, or a list of them.
        contents_newline: False leaves the last line without an end.
        contents_delimiter: separates the parts of those keys.
        encoding, encoding_errors: how to encode `contents`, if not in UTF-8.
        allow_empty: False refuses empty contents.
        follow_symlinks: change what a link leads to, rather than to put a file in the place of the link.
        check_cmd: a command that must accept the new content before it is put in place; it gets a path as its last
            argument.
        tmp_dir, tmp_ext: folder of that path, and its ending.
        skip_verify: believe whatever a URL brings.
        selinux: a mapping of `seuser`, `serole`, `setype`, `serange`.
        verify_ssl: False accepts any certificate of an https server.
        use_etag: ask an http server whether it has anything new, rather than to compare digests.
        signature: where the signature of the content is; True if it is in the content.
        source_hash_sig: where the signature of the file of digests is; True if it is in that file.
        signed_by_any, signed_by_all: whose keys must have signed.
        keyring, gnupghome, sig_backend: where the keys are, and which module verifies.
        ignore_ordering, ignore_whitespace, ignore_comment_characters: changes that are no more than that are made,
            but trigger no other state.
        new_file_diff: tell the content of a new file.
        win_owner, win_perms, win_deny_perms, win_inheritance, win_perms_reset: of no effect but on Windows.
        kwargs: the template sees them.
    """
    file = SimpleNamespace(**locals())
    file.name = os.path.expanduser(name)
    file.test = bool(__opts__["test"])
    kwargs.pop("env", None)
    ret = begun(file.name)
    if "file_mode" in kwargs:
        ret["warnings"] = [
            "The 'file_mode' argument will be ignored.  Please use 'mode' instead to set file permissions."
        ]
    try:
        _prepare(file)
        if not create and not os.path.isfile(file.name):
            ret["comment"] = f"File {file.name} is not present and is not set for creation"
            return ret
        _refuse_wrong_target(file)
        if file.replace and _has_digest_already(file):
            file.replace = False
        if not file.replace and os.path.exists(file.name):
            return _with_permissions_only(file, ret)
        file.context = _with_accumulated(file)
        return _predict(file, ret) if file.test else _put_in_place(file, ret)
    except Refused as exc:
        return failed(ret, str(exc))


# what is asked for


def _prepare(file: SimpleNamespace) -> None:
    """Reads the arguments: brings mode, contents and SELinux context into their form."""
    if not file.name:
        raise Refused("Destination file name is required")
    labels = file.selinux or {}
    file.labels = {part: labels.get(part) for part in ("seuser", "serole", "setype", "serange")}
    file.keep_mode = str(file.mode).lower() == "keep"
    file.mode = None if file.keep_mode else octal_mode(file.mode)
    file.signing = {key: getattr(file, key) for key in _SIGNED}
    file.ignoring = {key: getattr(file, key) for key in _IGNORED}
    if file.source and not isinstance(file.source, (str, list, dict)):
        raise Refused(f"The source must be a URL, a path or a list of them, not {file.source!r}")
    given = stated_contents(file)
    if file.source and given:
        raise Refused("'source' cannot be used in combination with 'contents', 'contents_pillar', or 'contents_grains'")
    if file.keep_mode and given:
        raise Refused(
            "Mode preservation cannot be used in combination with 'contents', 'contents_pillar', or 'contents_grains'"
        )
    if len(given) > 1:
        raise Refused("Only one of 'contents', 'contents_pillar', and 'contents_grains' is permitted")
    if (file.signature or file.source_hash_sig) and f"{file.sig_backend}.verify" not in __salt__:
        raise Refused(f"Cannot verify signatures because the {file.sig_backend} module was not loaded")
    if not file.source and not given:
        file.replace = False
    if given:
        file.contents = contents_of(file, __salt__, __env__)
    file.user = owner_given(file.user, file.kwargs)


def _refuse_wrong_target(file: SimpleNamespace) -> None:
    complaint = unknown_owner(__salt__, file.test, file.user, file.group)
    if complaint:
        raise Refused(complaint)
    if not os.path.isabs(file.name):
        raise Refused(f"Specified file {file.name} is not an absolute path")
    if os.path.isdir(file.name):
        raise Refused(f"Specified target {file.name} is a directory")
    if file.context is not None and not isinstance(file.context, dict):
        raise Refused("Context must be formed as a dict")
    if file.defaults and not isinstance(file.defaults, dict):
        raise Refused("Defaults must be formed as a dict")


def _has_digest_already(file: SimpleNamespace) -> bool:
    """Whether a file that comes from elsewhere is there already, so that nothing need be fetched."""
    if file.contents is not None or file.template or file.skip_verify or not os.path.exists(file.name):
        return False
    try:
        source, source_hash = __salt__["file.source_list"](file.source, file.source_hash, __env__)
        is_remote = (
            source and urllib.parse.urlparse(source).scheme not in ("salt", "file") and not os.path.isabs(source)
        )
        if not source_hash or not is_remote:
            return False
        expected = __salt__["file.get_source_sum"](
            file.name,
            source,
            source_hash,
            file.source_hash_name,
            __env__,
            verify_ssl=file.verify_ssl,
            source_hash_sig=file.source_hash_sig,
            **file.signing,
        )
        return bool(expected["hsum"] == __salt__["file.get_hash"](file.name, expected["hash_type"]))
    except (CommandExecutionError, OSError) as exc:
        log.error("Failed checking existing file's hash against specified source_hash: %s", exc)
        return False


def _with_permissions_only(file: SimpleNamespace, ret: Result) -> Result:
    ret, before = __salt__["file.check_perms"](
        file.name, ret, file.user, file.group, file.mode, file.attrs, file.follow_symlinks, **file.labels
    )
    if file.test:
        if file.mode and before.get("lmode", file.mode) != file.mode:
            ret["comment"] = (
                f"File {file.name} will be updated with permissions {file.mode} from its current state of "
                f"{before['lmode']}"
            )
        else:
            ret["comment"] = f"File {file.name} not updated"
    elif not ret["changes"] and ret["result"]:
        ret["comment"] = f"File {file.name} exists with proper permissions. No changes made."
    return ret


def _with_accumulated(file: SimpleNamespace) -> Dict[str, Any]:
    """The template's variables, with what `file.accumulated` has gathered for this file."""
    gathered = accumulators(__context__, __instance_id__).get(file.name)
    context = file.context or {}
    return {**context, "accumulator": gathered.texts} if gathered else context


# test mode


def _predict(file: SimpleNamespace, ret: Result) -> Result:
    try:
        changes = __salt__["file.check_managed_changes"](
            file.name,
            file.source,
            file.source_hash,
            file.source_hash_name,
            file.user,
            file.group,
            file.mode,
            file.attrs,
            file.template,
            file.context,
            file.defaults,
            __env__,
            file.contents,
            file.skip_verify,
            file.keep_mode,
            verify_ssl=file.verify_ssl,
            follow_symlinks=file.follow_symlinks,
            source_hash_sig=file.source_hash_sig,
            new_file_diff=file.new_file_diff,
            **file.labels,
            **file.signing,
            **file.ignoring,
            **file.kwargs,
        )
    except CommandExecutionError as exc:
        raise Refused(f"Unable to manage file: {exc}") from exc
    substantial = True
    if isinstance(changes, tuple) and isinstance(changes[1], dict):
        substantial, changes = changes
    if isinstance(changes, tuple):
        return failed(ret, changes[1])
    ret["changes"] = changes
    if not changes:
        ret["comment"] = f"The file {file.name} is in the correct state"
        return ret
    ret.update(result=None, comment=f"The file {file.name} is set to be changed{_TEST_NOTE}")
    if "diff" in changes and not file.show_changes:
        changes["diff"] = "<show_changes=False>"
    if not substantial:
        ret["skip_req"] = True
    return ret


# for real


def _put_in_place(file: SimpleNamespace, ret: Result) -> Result:
    try:
        file.source, file.source_hash = __salt__["file.source_list"](file.source, file.source_hash, __env__)
        sfn, source_sum, complaint = __salt__["file.get_managed"](
            file.name,
            file.template,
            file.source,
            file.source_hash,
            file.source_hash_name,
            file.user,
            file.group,
            file.mode,
            file.attrs,
            __env__,
            file.context,
            file.defaults,
            file.skip_verify,
            verify_ssl=file.verify_ssl,
            use_etag=file.use_etag,
            source_hash_sig=file.source_hash_sig,
            **file.signing,
            **file.kwargs,
        )
    except Exception as exc:
        raise Refused(f"Unable to manage file: {exc}") from exc
    file.source_sum, checked = source_sum, None
    try:
        if file.check_cmd and not (complaint and file.contents is None):
            checked = _checked_copy(file, sfn)
        if complaint and file.contents is None:
            raise Refused(f"Unable to manage file: {complaint}")
        return _manage(file, file.name, checked or sfn, ret, file.backup, file.attrs)
    except _Unacceptable as exc:
        return {**ret, **exc.verdict}
    except Refused:
        raise
    except Exception as exc:
        raise Refused(f"Unable to manage file: {exc}") from exc
    finally:
        if checked:
            _remove(checked)
        if not file.keep_source:
            _forget_source(file, sfn)


def _manage(
    file: SimpleNamespace, target: str, sfn: str, ret: Result, backup: Any = "", attrs: Optional[str] = None
) -> Result:
    done: Result = __salt__["file.manage_file"](
        target,
        sfn,
        ret,
        file.source,
        file.source_sum,
        file.user,
        file.group,
        file.mode,
        attrs,
        __env__,
        backup,
        file.makedirs,
        file.template,
        file.show_changes,
        file.contents,
        file.dir_mode,
        file.follow_symlinks,
        file.skip_verify,
        file.keep_mode,
        encoding=file.encoding,
        encoding_errors=file.encoding_errors,
        verify_ssl=file.verify_ssl,
        use_etag=file.use_etag,
        signature=file.signature,
        new_file_diff=file.new_file_diff,
        **file.labels,
        **file.signing,
        **file.ignoring,
        **file.kwargs,
    )
    return done


class _Unacceptable(Exception):
    """`check_cmd` does not accept the new content."""

    def __init__(self, verdict: Result) -> None:
        super().__init__(verdict["comment"])
        self.verdict = verdict


def _checked_copy(file: SimpleNamespace, sfn: str) -> Optional[str]:
    """The path of a file with the new content that `check_cmd` accepts; None if there is nothing new."""
    handle, copy = tempfile.mkstemp(prefix=SCRATCH_PREFIX, suffix=file.tmp_ext, dir=file.tmp_dir)
    os.close(handle)
    try:
        if os.path.isfile(file.name):
            __salt__["file.copy"](file.name, copy)
        if not _manage(file, copy, sfn, begun(copy))["changes"]:
            _remove(copy)
            return None
        shell = {"shell": __grains__["shell"]} if "shell" in __grains__ else {}
        verdict = mod_run_check_cmd(file.check_cmd, copy, **shell)
    except Exception as exc:
        _remove(copy)
        raise Refused(f"Unable to check_cmd file: {exc}") from exc
    if isinstance(verdict, dict):
        _remove(copy)
        raise _Unacceptable(verdict)
    return copy


def _forget_source(file: SimpleNamespace, sfn: str) -> None:
    """Removes the source from the minion's cache; never a file of the user's."""
    if not sfn and file.source and urllib.parse.urlparse(file.source).scheme == "salt":
        sfn = __salt__["cp.is_cached"](file.source, __env__)
    if sfn and os.path.realpath(sfn).startswith(os.path.join(os.path.realpath(__opts__["cachedir"]), "")):
        _remove(sfn)


def _remove(path: str) -> None:
    if os.path.lexists(path):
        os.remove(path)


def mod_run_check_cmd(cmd: Union[str, List[str]], filename: str, **check_cmd_opts: Any) -> Any:
    """Runs the `check_cmd` of a file state: True if it accepts the file, else what goes into the result.

    Args:
        cmd: the command, or several that all must succeed.
        filename: the file with the new content, which the command gets as its last argument.
        check_cmd_opts: options of `cmd.run_all`.
    """
    for command in [cmd] if isinstance(cmd, str) else cmd:
        outcome = __salt__["cmd.run_all"](f"{command} {shlex.quote(filename)}", python_shell=False, **check_cmd_opts)
        if outcome["retcode"]:
            said = [outcome[stream] for stream in ("stdout", "stderr") if outcome.get(stream)]
            comment = "\n".join(["check_cmd execution failed", *said])
            return {"comment": comment, "skip_watch": True, "result": False}
    return True
