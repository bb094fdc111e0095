"""Marked blocks in files, and texts that other states gather for them."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Mapping, Optional

from minion.states._file import Accumulator, Refused, accumulators, missing_file, paired_sources, rendered_sources
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__context__: Dict[str, Any]
__low__: Mapping[str, Any]
__env__: str
__instance_id__: str
__virtualname__ = "file"


def blockreplace(
    name: str,
    marker_start: str = "#-- start managed zone --",
    marker_end: str = "#-- end managed zone --",
    source: Optional[str] = None,
    source_hash: Any = None,
    template: str = "jinja",
    sources: Optional[List[str]] = None,
    source_hashes: Optional[List[Any]] = None,
    defaults: Optional[Dict[str, Any]] = None,
    context: Optional[Dict[str, Any]] = None,
    content: Any = "",
    append_if_not_found: bool = False,
    prepend_if_not_found: bool = False,
    backup: Any = ".bak",
    show_changes: bool = True,
    append_newline: Optional[bool] = None,
    insert_before_match: Optional[str] = None,
    insert_after_match: Optional[str] = None,
) -> Result:
    """Sees to it that two marked lines of a file have a certain text between them.

    Args:
        name: the file.
        marker_start: text of the line before the block.
        marker_end: text of the line behind the block.
        source: where more of the text comes from.
        source_hash: accepted, and of no effect.
        template: the engine that renders what comes from a source.
        sources, source_hashes: several of them.
        defaults, context: variables for the template; those in `context` win.
        content: the text; texts that `file.accumulated` has gathered for the file follow it.
        append_if_not_found: if there is no such block, put it at the end.
        prepend_if_not_found: if there is no such block, put it at the beginning.
        backup: keep the file as it was under this ending; False for not at all.
        show_changes: False only tells that the file has changed.
        append_newline: put a line break between the content and the end marker; if not given, only if it has none.
        insert_before_match: if there is no such block, put it before the first line that matches.
        insert_after_match: if there is no such block, put it behind the first line that matches.
    """
    name = os.path.expanduser(name)
    ret = begun(name)
    if not name:
        return failed(ret, "Must provide name to file.blockreplace")
    try:
        pairs = paired_sources(source, source_hash, sources, source_hashes)
    except Refused as exc:
        return failed(ret, str(exc))
    if not isinstance(content, (str, int, float)):
        return failed(ret, f"The content of a block is text, not {content!r}")
    complaint = missing_file(name)
    if complaint:
        return failed(ret, complaint)
    content = "\n".join([*([str(content)] if content != "" else []), *_accumulated_for(name)])
    texts, failure = rendered_sources(__salt__, pairs, __env__, template, defaults, context)
    if failure:
        return failure
    try:
        changes = __salt__["file.blockreplace"](
            name,
            marker_start,
            marker_end,
            content=content + "".join(texts),
            append_if_not_found=append_if_not_found,
            prepend_if_not_found=prepend_if_not_found,
            insert_before_match=insert_before_match,
            insert_after_match=insert_after_match,
            backup=backup,
            dry_run=__opts__["test"],
            show_changes=show_changes,
            append_newline=append_newline,
        )
    except Exception as exc:  # noqa: BLE001 - whatever keeps the block from being written is the state's failure
        return failed(ret, f"Encountered error managing block: {exc}. See the log for details.")
    if not changes:
        ret["comment"] = "No changes needed to be made"
    elif __opts__["test"]:
        predicted(ret, "Changes would be made", diff=changes)
    else:
        ret.update(comment="Changes were made", changes={"diff": changes})
    return ret


def _accumulated_for(name: str) -> List[str]:
    """The texts gathered for a file: those that this state takes; all of them, if it takes none by name."""
    gathered = accumulators(__context__, __instance_id__).get(name)
    if gathered is None:
        return []
    taken = [each for each, takers in gathered.takers.items() if __low__["__id__"] in takers]
    return [text for each in taken or gathered.texts for text in gathered.texts[each]]


def accumulated(name: str, filename: str, text: Any, **kwargs: Any) -> Result:
    """Gathers texts for a file that another state makes: the block of `file.blockreplace`, or the template of
    `file.managed`, which sees them as `accumulator[name]`. That state must be named by `require_in` or `watch_in`.

    Args:
        name: by this name a template finds the texts.
        filename: the file.
        text: the text, or a list of texts.
    """
    ret = begun(name)
    if not name:
        return failed(ret, "Must provide name to file.accumulated")
    if text is None:
        return failed(ret, "No text supplied for accumulator")
    takers = [*__low__.get("require_in", ()), *__low__.get("watch_in", ())]
    if not any(isinstance(taker, str) or "file" in taker for taker in takers):
        return failed(ret, f"Orphaned accumulator {name} in {__low__['__sls__']}:{__low__['__id__']}")
    gathered = accumulators(__context__, __instance_id__).setdefault(filename, Accumulator())
    known = gathered.takers.setdefault(name, [])
    for taker in takers:
        known.extend(taker.values() if isinstance(taker, Mapping) else [taker])
    texts = gathered.texts.setdefault(name, [])
    for each in [text] if isinstance(text, (str, Mapping)) else text:
        if each not in texts:
            texts.append(each)
            ret["comment"] = f"Accumulator {name} for file {filename} was charged by text"
    return ret
