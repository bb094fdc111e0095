"""Puts managed files in place."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Optional

from minion.modules._file_common import current_umask, encoded, enterable, remove_scratch
from minion.modules._file_diff import Comparison
from minion.modules._file_place import Origin, Placement, Refused
from minion.modules._file_signature import Signers

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__pillar__: Dict[str, Any]
__virtualname__ = "file"


def manage_file(
    name: str,
    sfn: Optional[str],
    ret: Optional[Dict[str, Any]],
    source: Optional[str],
    source_sum: Optional[Dict[str, str]],
    user: Any,
    group: Any,
    mode: Any,
    attrs: Any,
    saltenv: str,
    backup: Any,
    makedirs: bool = False,
    template: Optional[str] = None,
    show_changes: bool = True,
    contents: Any = None,
    dir_mode: Any = None,
    follow_symlinks: bool = True,
    skip_verify: bool = False,
    keep_mode: bool = False,
    encoding: Optional[str] = None,
    encoding_errors: str = "strict",
    seuser: Optional[str] = None,
    serole: Optional[str] = None,
    setype: Optional[str] = None,
    serange: Optional[str] = None,
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
) -> Dict[str, Any]:
    """Puts a file in place, as `file.managed` wants it, and returns the result of the state.

    Args:
        name: the file.
        sfn: the file that holds what it shall hold, as `file.get_managed` returns it; fetched if empty.
        ret: the result of a state, to be extended; if empty, a new one is made.
        source: where the content comes from.
        source_sum: the digest of the content, as `file.get_managed` returns it.
        user, group, mode, attrs: what the file shall have.
        saltenv: the environment of the master's files.
        backup: `minion` keeps the file as it was.
        makedirs: make the folders above it.
        template: of no effect here.
        show_changes: False only tells that the content has changed.
        contents: the content, if there is no source.
        dir_mode: the permissions of new folders; if not given, `mode` with the right to enter them.
        follow_symlinks: change what a link leads to, rather than to put a file in the place of the link.
        skip_verify: believe whatever a URL brings.
        keep_mode: the file shall have the permissions of its source.
        encoding, encoding_errors: how to encode `contents`, if not in UTF-8.
        seuser, serole, setype, serange: parts of the SELinux context.
        verify_ssl: False accepts any certificate of an https server.
        use_etag: ask an http server whether it has anything new, rather than to compare digests.
        signature: where the signature of the content is; True if it is in the content.
        source_hash_sig: of no effect here.
        signed_by_any, signed_by_all, keyring, gnupghome, sig_backend: see `file.get_source_sum`.
        ignore_ordering, ignore_whitespace, ignore_comment_characters: if any is set and nothing else has changed,
            `skip_req` in the result keeps other states from being triggered.
        new_file_diff: tell the content of a new file.

    CLI Example:

    .. code-block:: bash

        salt '*' file.manage_file /etc/httpd/conf.d/httpd.conf '' '{}' salt://http/httpd.conf \\
        '{hash_type: 'md5', 'hsum': <md5sum>}' root root '755' '' base ''
    """
    name = os.path.expanduser(name)
    ret = ret or {"name": name, "changes": {}, "comment": "", "result": True}
    origin = None
    if source:
        signers = Signers(signed_by_any, signed_by_all, keyring, gnupghome, sig_backend)
        where = (source, sfn or "", source_sum or {}, saltenv, verify_ssl, skip_verify, use_etag, signature)
        origin = Origin(__salt__, __opts__, *where, signers)
        if keep_mode and origin.scheme in ("salt", "file", ""):
            mode = __salt__["cp.stat_file"](source, saltenv=saltenv, octal=True) or mode
    raw = None if contents is None else encoded(contents, encoding, encoding_errors)
    obfuscate = bool(__opts__.get("obfuscate_templates") or __pillar__.get("obfuscate_templates"))
    comparison = Comparison(ignore_ordering, ignore_whitespace, ignore_comment_characters, show_changes, obfuscate)
    placement = Placement(name, origin, raw, comparison, ret["changes"], __opts__)
    labels = {"seuser": seuser, "serole": serole, "setype": setype, "serange": serange}
    try:
        if os.path.isfile(name) or (os.path.islink(name) and not follow_symlinks):
            placement.update(follow_symlinks, backup)
            __salt__["file.check_perms"](name, ret, user, group, mode, attrs, follow_symlinks, **labels)
            return _concluded(ret, name, placement)
        if __opts__.get("test"):
            ret.update(changes={"newfile": name}, comment=f"File {name} not updated", result=None)
            return ret
        folder_mode = enterable(mode) if dir_mode is None else dir_mode
        if raw is None and origin is None:
            ret["comment"] = "Empty file"
        placement.create(
            bool(mode),
            new_file_diff,
            (lambda: __salt__["file.makedirs"](name, user=user, group=group, mode=folder_mode)) if makedirs else None,
        )
        mode = oct(0o666 & ~current_umask()) if mode is None else mode
        __salt__["file.check_perms"](os.path.realpath(name), ret, user, group, mode, attrs, **labels)
        ret["comment"] = ret["comment"] or f"File {name} updated"
    except Refused as exc:
        ret.update(result=False, comment=str(exc))
    finally:
        remove_scratch(sfn, __opts__)
    return ret


def _concluded(ret: Dict[str, Any], name: str, placement: Placement) -> Dict[str, Any]:
    """The result for a file that existed before."""
    if ret["changes"]:
        ret["comment"] = f"File {name} updated"
        if placement.comparison.ignoring and not placement.substantial:
            ret["skip_req"] = True
    elif ret["result"]:
        ret["comment"] = f"File {name} is in the correct state"
    return ret
