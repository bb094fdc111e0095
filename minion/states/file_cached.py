"""Copies of files in the minion's cache."""

from __future__ import annotations

import os
import urllib.parse
from typing import Any, Callable, Dict, Optional

from minion.errors import CommandExecutionError, MinionError
from minion.modules._file_common import REMOTE_SCHEMES, redact
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__virtualname__ = "file"


def cached(
    name: str,
    source_hash: Any = "",
    source_hash_name: Optional[str] = None,
    skip_verify: bool = False,
    saltenv: str = "base",
    use_etag: bool = False,
    source_hash_sig: Any = None,
    signed_by_any: Any = None,
    signed_by_all: Any = None,
    keyring: Optional[str] = None,
    gnupghome: Optional[str] = None,
    sig_backend: str = "gpg",
) -> Result:
    """Sees to it that the minion's cache has a copy of a file.

    Args:
        name: URL of the file; of a path on the minion, only its digest is checked.
        source_hash: a digest, `<type>=<digest>`, or where a file of digests is; needed for what comes from elsewhere.
        source_hash_name: the name to look for in a file of digests.
        skip_verify: believe whatever a URL brings.
        saltenv: environment of a `salt://` file.
        use_etag: ask an http server whether it has anything new, rather than to compare digests.
        source_hash_sig: where the signature of the file of digests is; True if it is in that file.
        signed_by_any, signed_by_all: whose keys must have signed it.
        keyring, gnupghome, sig_backend: where the keys are, and which module verifies.
    """
    ret = begun(name)
    parts = urllib.parse.urlparse(name)
    if parts.scheme in REMOTE_SCHEMES and not (skip_verify or source_hash or use_etag):
        return failed(
            ret,
            f"Unable to verify upstream hash of source file {redact(name)}, please set source_hash or set skip_verify "
            "or use_etag to True",
        )
    expected: Dict[str, str] = {}
    if source_hash:
        try:
            expected = __salt__["file.get_source_sum"](
                source=name,
                source_hash=source_hash,
                source_hash_name=source_hash_name,
                saltenv=saltenv,
                source_hash_sig=source_hash_sig,
                signed_by_any=signed_by_any,
                signed_by_all=signed_by_all,
                keyring=keyring,
                gnupghome=gnupghome,
                sig_backend=sig_backend,
            )
        except CommandExecutionError as exc:
            return failed(ret, str(exc))
    if __opts__["test"]:
        return predicted(ret, _prediction(name, saltenv, expected))
    wanted = {} if skip_verify else expected
    if parts.scheme in ("", "file"):
        return _check_local(ret, os.path.realpath(os.path.expanduser(parts.path)), wanted)
    return _fetch(ret, saltenv, expected, wanted, use_etag)


def _hash_type(expected: Dict[str, str]) -> str:
    return str(expected.get("hash_type", __opts__["hash_type"]))


def _prediction(name: str, saltenv: str, expected: Dict[str, str]) -> str:
    copy = __salt__["cp.is_cached"](name, saltenv=saltenv)
    if not copy:
        return f"File will be cached: {name}"
    if not expected:
        return f"No hash found. File will be cached: {name}"
    if __salt__["file.get_hash"](copy, _hash_type(expected)) == expected["hsum"]:
        return f"File already cached: {name}"
    return f"Hashes don't match.\nFile will be cached: {name}"


def _check_local(ret: Result, path: str, wanted: Dict[str, str]) -> Result:
    if not os.path.exists(path):
        return failed(ret, f"File {path} is not present on the minion")
    if not wanted:
        ret["comment"] = f"File {path} is present on the minion"
        return ret
    actual = __salt__["file.get_hash"](path, _hash_type(wanted))
    if actual != wanted["hsum"]:
        return failed(
            ret,
            f"File {path} is present on the minion, but the hash ({actual}) does not match the specified hash "
            f"({wanted['hsum']})",
        )
    ret["comment"] = f"File {path} is present on the minion and has hash {actual}"
    return ret


def _fetch(ret: Result, saltenv: str, expected: Dict[str, str], wanted: Dict[str, str], use_etag: bool) -> Result:
    name, kind = ret["name"], _hash_type(expected)
    copy = __salt__["cp.is_cached"](name, saltenv=saltenv)
    before = __salt__["file.get_hash"](copy, kind) if copy else None
    try:
        copy = __salt__["cp.cache_file"](name, saltenv=saltenv, source_hash=expected.get("hsum"), use_etag=use_etag)
    except (MinionError, OSError) as exc:
        return failed(ret, redact(str(exc)))
    if not copy:
        return failed(ret, f"Failed to cache {redact(name)}, check minion log for more information")
    after = __salt__["file.get_hash"](copy, kind)
    if before != after:
        ret["changes"]["hash"] = {"old": before, "new": after}
    if not wanted:
        ret["comment"] = f"File is cached to {copy}"
    elif after == wanted["hsum"]:
        ret["comment"] = f"File is already cached to {copy} with hash {after}"
    else:
        failed(
            ret,
            f"File is cached to {copy}, but the hash ({after}) does not match the specified hash ({wanted['hsum']})",
        )
    return ret


def not_cached(name: str, saltenv: str = "base") -> Result:
    """Sees to it that the minion's cache has no copy of a file.

    Args:
        name: URL of the file; paths on the minion are left alone.
        saltenv: environment of a `salt://` file.
    """
    ret = begun(name)
    parts = urllib.parse.urlparse(name)
    if parts.scheme in ("", "file"):
        path = os.path.realpath(os.path.expanduser(parts.path))
        ret["comment"] = f"File {path} is a local path, no action taken"
        return ret
    copy = __salt__["cp.is_cached"](name, saltenv=saltenv)
    if not copy:
        ret["comment"] = f"{name} is not cached"
        return ret
    if __opts__["test"]:
        return predicted(ret, f"{copy} is set for deletion", deleted=True)
    try:
        os.remove(copy)
    except OSError as exc:
        return failed(ret, f"Failed to delete {copy}: {exc}")
    ret.update(comment=f"{copy} was deleted", changes={"deleted": True})
    return ret
