"""Archives, unpacked."""

from __future__ import annotations

import os
import shutil
import stat
from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Optional, Tuple

from minion.errors import CommandExecutionError
from minion.modules._file_common import redact
from minion.modules._file_signature import Signers, verify_signature
from minion.states._archive_arguments import Done, check_format, check_paths, find_source, keeps_source
from minion.states._archive_owner import enforce_owner
from minion.states._archive_sums import known_digest, remember_digest
from minion.states._archive_unpack import Failed, stripped_components, untar
from minion.states._file import Refused
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__states__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__env__: str


def extracted(
    name: str,
    source: Any,
    source_hash: Any = None,
    source_hash_name: Optional[str] = None,
    source_hash_update: bool = False,
    skip_files_list_verify: bool = False,
    skip_verify: bool = False,
    password: Optional[str] = None,
    options: Any = None,
    list_options: Optional[str] = None,
    force: bool = False,
    overwrite: bool = False,
    clean: bool = False,
    clean_parent: bool = False,
    user: Any = None,
    group: Any = None,
    if_missing: Optional[str] = None,
    trim_output: Any = False,
    use_cmd_unzip: Optional[bool] = None,
    extract_perms: bool = True,
    enforce_toplevel: bool = True,
    enforce_ownership_on: Optional[str] = None,
    archive_format: Optional[str] = None,
    use_etag: bool = False,
    signature: Any = None,
    source_hash_sig: Any = None,
    signed_by_any: Any = None,
    signed_by_all: Any = None,
    keyring: Optional[str] = None,
    gnupghome: Optional[str] = None,
    sig_backend: str = "gpg",
    **kwargs: Any,
) -> Result:
    """Sees to it that what is in an archive is in a folder too.

    Args:
        name: the folder.
        source: the archive: a URL or a path; of several in a list, the first that exists.
        source_hash, source_hash_name: its digest, see `file.managed`.
        source_hash_update: unpack it again if it is another one than before, even if all its files are there.
        skip_files_list_verify: do nothing if the digest is that of the archive that was there before.
        skip_verify: believe whatever a URL brings.
        password: of a ZIP archive.
        options: of tar(1) or unzip(1).
        list_options: a command that decompresses a tar archive to its stdout, if Python can't.
        force: remove what is in the way and of another kind.
        overwrite: unpack it in any case.
        clean: remove the folders and files at the top of the archive before.
        clean_parent: remove the whole folder before.
        user, group: to whom the files belong.
        if_missing: do nothing if there is such a path.
        trim_output: tell no more than that many of the files; True for 100.
        use_cmd_unzip: unpack a ZIP archive by unzip(1).
        extract_perms: files from a ZIP archive have the permissions that it tells.
        enforce_toplevel: refuse archives with more than one folder at the top.
        enforce_ownership_on: change the owner of this path only.
        archive_format: `tar`, `zip` or `rar`; if not given, the name of the archive tells.
        use_etag: ask an http server whether it has anything new, rather than to compare digests.
        signature: where the signature of the archive is; True if it is in the archive.
        source_hash_sig: where the signature of the file of digests is.
        signed_by_any, signed_by_all, keyring, gnupghome, sig_backend: whose keys must have signed, see `file.managed`.
        kwargs: `keep_source` or `keep`: False removes the archive from the minion's cache afterwards; others are passed
            on to the function that unpacks.
    """
    job = SimpleNamespace(**locals())
    ret = begun(name, result=False)
    job.kept = keeps_source(job, ret)
    try:
        check_paths(job, ret, __salt__)
        find_source(job, __salt__, __env__)
        check_format(job, ret)
        _check_known(job, ret)
        _fetch(job, ret)
        contents = _contents(job)
        needed, missing, updated = _is_needed(job, ret, contents)
        why = (
            ", due to source_hash update"
            if updated
            else ", due to absence of one or more files/dirs"
            if missing
            else ""
        )
        files = _extract(job, ret, contents, why) if needed else None
        trouble = enforce_owner(job, ret, contents, __states__, bool(__opts__["test"]))
    except Done as done:
        return done.ret
    except Failed as exc:
        return {**ret, "result": False, "changes": exc.outcome}
    except (Refused, CommandExecutionError) as exc:
        return failed(ret, str(exc))
    _conclude(job, ret, files, why, trouble)
    if not job.is_local and not job.kept:
        forgotten = __states__["file.not_cached"](job.url, saltenv=__env__)
        if not forgotten["result"]:
            ret.setdefault("warnings", []).append(forgotten["comment"])
    return ret


# the archive


def _check_known(job: SimpleNamespace, ret: Result) -> None:
    """Reads the digest that is wanted, and stops if it is that of the archive that was there before."""
    job.source_sum = {}
    if job.source_hash:
        job.source_sum = __salt__["file.get_source_sum"](
            source=job.url,
            source_hash=job.source_hash,
            source_hash_name=job.source_hash_name,
            saltenv=__env__,
            **_signing(job),
        )
    if not job.skip_files_list_verify:
        return
    cached = job.url if job.is_local else __salt__["cp.cache_dest"](job.url, saltenv=__env__)
    known = known_digest(__opts__, cached)
    if known and known["hsum"] == job.source_sum.get("hsum"):
        comment = (
            f"Archive {redact(job.url)} existing source sum is the same as the expected one and skip_files_list_verify "
            "argument was set to True. Extraction is not needed"
        )
        raise Done({**ret, "result": None if __opts__["test"] else True, "comment": comment})


def _signing(job: SimpleNamespace) -> Dict[str, Any]:
    names = ("source_hash_sig", "signed_by_any", "signed_by_all", "keyring", "gnupghome", "sig_backend")
    return {name: getattr(job, name) for name in names}


def _fetch(job: SimpleNamespace, ret: Result) -> None:
    """Brings the archive to the minion, and notes whether it is another one than before."""
    job.path = job.url
    if not job.is_local:
        shown = redact(job.url)
        if __opts__["test"]:
            would = "would be cached (if necessary) and checked to discover if extraction is needed"
            raise Done(predicted(ret, f"Archive {shown} {would}"))
        cached: Result = __states__["file.cached"](
            job.url,
            source_hash=job.source_hash,
            source_hash_name=job.source_hash_name,
            skip_verify=job.skip_verify,
            saltenv=__env__,
            use_etag=job.use_etag,
            **_signing(job),
        )
        if not cached["result"]:
            raise Done(cached)
        job.path = __salt__["cp.is_cached"](job.url, saltenv=__env__)
    if job.signature:
        signers = Signers(job.signed_by_any, job.signed_by_all, job.keyring, job.gnupghome, job.sig_backend)
        try:
            verify_signature(__salt__, job.path, job.signature, signers, __env__, True, __opts__["cachedir"])
        except CommandExecutionError as exc:
            raise Refused(f"Failed verifying the source file's signature: {exc}") from exc
    before = known_digest(__opts__, job.path)
    if job.source_hash and job.source_hash_update and not job.skip_verify:
        remember_digest(__opts__, job.path)
    job.is_another = bool(job.source_hash_update and before is not None and known_digest(__opts__, job.path) != before)


def _contents(job: SimpleNamespace) -> Dict[str, List[str]]:
    """What is in the archive."""
    if job.kind == "zip" and not job.password and _needs_password(job):
        raise Refused(
            f"Archive {redact(job.url)} is password-protected, but no password was specified. Please set the "
            "'password' argument."
        )
    try:
        contents: Dict[str, List[str]] = __salt__["archive.list"](
            job.path,
            archive_format=job.kind,
            options=job.list_options,
            strip_components=stripped_components(job.options) if job.kind == "tar" else None,
            verbose=True,
            use_etag=job.use_etag,
        )
    except CommandExecutionError as exc:
        raise Refused(str(exc) + _workarounds(job)) from exc
    tops = contents["top_level_dirs"], contents["top_level_files"]
    if job.enforce_toplevel and (len(tops[0]) > 1 or tops[1]):
        raise Refused(
            "Archive does not have a single top-level directory. To allow this archive to be extracted, set "
            f"'enforce_toplevel' to False. To avoid a '{job.kind}-bomb' it may also be advisable to set a top-level "
            f"directory by adding it to the 'name' value (for example, setting 'name' to "
            f"{os.path.join(job.name, 'some_dir')} instead of {job.name})."
        )
    return contents


def _needs_password(job: SimpleNamespace) -> bool:
    try:
        return bool(__salt__["archive.is_encrypted"](job.path, saltenv=__env__, use_etag=job.use_etag))
    except CommandExecutionError:
        return False  # no ZIP archive; listing it will say so


def _workarounds(job: SimpleNamespace) -> str:
    errors = [] if job.if_missing else ["'if_missing' must be set"]
    if not job.enforce_ownership_on and (job.user or job.group):
        errors.append("Ownership cannot be managed without setting 'enforce_ownership_on'.")
    if not errors:
        return ""
    intro = "The following workarounds must be used for this state to proceed"
    if job.kind == "tar":
        intro = (
            "If the source archive is a tar archive compressed using a compression type not natively supported by the "
            "tar command, then setting the 'list_options' argument may allow the contents to be listed. Otherwise, if "
            "Salt is unable to determine the files/directories in the archive, the following workaround(s) would need "
            "to be used for this state to proceed"
        )
    listed = "".join(f"\n- {error}" for error in errors)
    return f"\n\n{intro} (assuming the source file is a valid {job.kind} archive):\n{listed}"


# whether it must be unpacked


def _is_needed(job: SimpleNamespace, ret: Result, contents: Dict[str, List[str]]) -> Tuple[bool, bool, bool]:
    """Whether the archive must be unpacked; because files are missing; because it is another one than before."""
    missing, wrong = _compare(job.name, contents)
    needed = bool(job.overwrite or missing)
    if wrong:
        needed = _clear_wrong(job, ret, wrong) or needed
    updated = not needed and job.is_another
    return needed or updated, missing, updated


def _compare(name: str, contents: Dict[str, List[str]]) -> Tuple[bool, List[str]]:
    """Whether anything is missing, and what is there but of another kind."""
    is_kind: Dict[str, Callable[[int], bool]] = {
        "dirs": stat.S_ISDIR,
        "files": lambda mode: not stat.S_ISLNK(mode) and not stat.S_ISDIR(mode),
        "links": stat.S_ISLNK,
    }
    missing, wrong = False, []
    for kind, check in is_kind.items():
        for path in contents[kind]:
            try:
                if not check(os.lstat(os.path.join(name, path).rstrip("/")).st_mode):
                    wrong.append(path)
            except FileNotFoundError:
                missing = True
            except NotADirectoryError:
                pass  # what is in the way is of another kind itself
    return missing, wrong


def _clear_wrong(job: SimpleNamespace, ret: Result, wrong: List[str]) -> bool:
    """Removes what is in the way, if it may; whether the archive must be unpacked then."""
    listed = "\n\n" + "\n".join(f"- {path}" for path in wrong)
    comment = (
        f"The below paths (relative to {job.name}) exist, but are the incorrect type (file instead of directory, "
        "symlink instead of file, etc.)."
    )
    if __opts__["test"] and job.clean:
        cleared = "the destination paths would be cleared and the archive would be extracted."
        raise Done(predicted(ret, f"{comment} Since the 'clean' option is enabled, {cleared}{listed}"))
    if __opts__["test"] and job.clean_parent:
        removed = (
            "the destination parent directory would be removed first and then re-created and the archive would be "
            "extracted"
        )
        raise Done(predicted(ret, f"{comment} Since the 'clean_parent' option is enabled, {removed}"))
    if job.clean or job.clean_parent:
        return True
    if not job.force:
        raise Refused(
            f"{comment} To proceed with extraction, set 'force' to True. Note that this will remove these paths before "
            f"extracting.{listed}"
        )
    if not __opts__["test"]:
        _remove(ret, [os.path.join(job.name, path) for path in wrong], "could not be removed")
    return True


def _remove(ret: Result, paths: List[str], complaint: str) -> None:
    errors = []
    for path in paths:
        plain = path.rstrip("/")
        try:
            shutil.rmtree(plain) if os.path.isdir(plain) and not os.path.islink(plain) else os.remove(plain)
            ret["changes"].setdefault("removed", []).append(path)
        except FileNotFoundError:
            continue
        except OSError as exc:
            errors.append(f"\n- {exc}")
    if errors:
        raise Refused(f"One or more paths {complaint}. The following errors were observed:\n{''.join(errors)}")


# unpacking


def _extract(job: SimpleNamespace, ret: Result, contents: Dict[str, List[str]], why: str) -> Any:
    """Unpacks the archive and returns what was unpacked."""
    if job.is_local and job.source_hash and not job.skip_verify:
        hsum = job.source_sum["hsum"]
        if not __salt__["file.check_hash"](job.url, hsum):
            raise Refused(f"{redact(job.url)} does not match the desired source_hash {hsum}")
    if __opts__["test"]:
        cleaned = ", after cleaning destination path(s)" if job.clean else ""
        raise Done(predicted(ret, f"Archive {redact(job.url)} would be extracted to {job.name}{cleaned}{why}"))
    if job.clean_parent and os.path.isdir(job.name):
        __salt__["file.remove"](job.name.rstrip("/"))
        ret["changes"]["removed"] = f"Directory {job.name} was removed prior to the extraction"
    if job.clean:
        tops = contents["top_level_dirs"] + contents["top_level_files"]
        _remove(ret, [os.path.join(job.name, path) for path in tops], "could not be cleaned")
    job.made = not os.path.isdir(job.name)
    if job.made:
        __states__["file.directory"](job.name, user=job.user, makedirs=True)
    try:
        return _unpacked(job)
    except (Refused, CommandExecutionError):
        if job.made and os.path.isdir(job.name) and not os.listdir(job.name):
            os.rmdir(job.name)
        raise


def _unpacked(job: SimpleNamespace) -> Any:
    if job.kind == "tar":
        return untar(__salt__, job.path, job.name, job.options, job.trim)
    trim = job.trim or False
    if job.kind == "rar":
        return __salt__["archive.unrar"](job.path, job.name, trim_output=trim, **job.kwargs)
    if job.use_cmd_unzip:
        how = {"options": job.options, "trim_output": trim, "password": job.password}
        return __salt__["archive.cmd_unzip"](job.path, job.name, **how, **job.kwargs)
    how = {"trim_output": trim, "password": job.password, "extract_perms": job.extract_perms}
    return __salt__["archive.unzip"](job.path, job.name, **how, **job.kwargs)


def _conclude(job: SimpleNamespace, ret: Result, files: Any, why: str, trouble: str) -> None:
    ret["result"] = True
    if files is None:
        ret["comment"] = "All files in archive are already present"
        if __opts__["test"] and ret["changes"].get("updated ownership"):
            ret["result"] = None
            ret["comment"] += ". Ownership would be updated on one or more files/directories."
    elif files:
        if job.made:
            ret["changes"]["directories_created"] = [job.name]
        ret["changes"]["extracted_files"] = files
        ret["comment"] = f"{redact(job.url)} extracted to {job.name}{why}"
        if job.trim:
            ret["comment"] += f". Output was trimmed to {job.trim} number of lines"
    else:
        failed(ret, f"No files were extracted from {redact(job.url)}")
    if trouble:
        failed(ret, ret["comment"] + trouble)
