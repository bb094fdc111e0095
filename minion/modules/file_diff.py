"""How two files differ."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Optional, Tuple

from minion.errors import CommandExecutionError, MinionError
from minion.modules._file_diff import Comparison

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__pillar__: Dict[str, Any]
__virtualname__ = "file"


def get_diff(
    file1: str,
    file2: str,
    saltenv: str = "base",
    show_filenames: bool = True,
    show_changes: bool = True,
    template: bool = False,
    source_hash_file1: Optional[str] = None,
    source_hash_file2: Optional[str] = None,
    ignore_ordering: bool = False,
    ignore_whitespace: bool = False,
    ignore_comment_characters: Any = None,
) -> Any:
    """Returns the unified difference of two files; empty if they are the same.

    Args:
        file1, file2: paths, or URLs of any kind.
        saltenv: the environment of the master's files.
        show_filenames: name the files in the difference.
        show_changes: False only tells that they differ.
        template: with `obfuscate_templates` in the configuration, only tell that they differ.
        source_hash_file1, source_hash_file2: digests, by which files in the cache need not be fetched again.
        ignore_ordering, ignore_whitespace, ignore_comment_characters: if any is set, return whether they differ
            apart from that, and the difference.

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_diff /home/fred/.vimrc salt://users/fred/.vimrc
    """
    obfuscate = bool(template and (__opts__.get("obfuscate_templates") or __pillar__.get("obfuscate_templates")))
    comparison = Comparison(ignore_ordering, ignore_whitespace, ignore_comment_characters, show_changes, obfuscate)
    old, new = _local_copies([(file1, source_hash_file1), (file2, source_hash_file2)], saltenv)
    found = comparison.of_files(old, new, (old, new) if show_filenames else ("", ""))
    return (found.substantial, found.text) if comparison.ignoring else found.text


def _local_copies(files: List[Tuple[str, Optional[str]]], saltenv: str) -> List[str]:
    paths, errors = [], []
    for name, source_hash in files:
        if os.path.isabs(name):
            paths.append(name)
            continue
        try:
            path = __salt__["cp.cache_file"](name, saltenv, source_hash=source_hash)
        except MinionError as exc:
            errors.append(str(exc))
            continue
        if path:
            paths.append(path)
        else:
            errors.append(f"File {name} not found")
    if errors:
        raise CommandExecutionError("Failed to cache one or more files", info=errors)
    return paths
