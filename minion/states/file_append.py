"""Text at the beginning or the end of files."""

from __future__ import annotations

import os
import re
from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Optional

from minion.modules._file_diff import is_text_file
from minion.states._file import (
    Refused,
    missing_file,
    paired_sources,
    rendered_sources,
    text_lines,
    texts_of,
    told_difference,
)
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__states__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__env__: str
__virtualname__ = "file"


def append(
    name: str,
    text: Any = None,
    makedirs: bool = False,
    source: Optional[str] = None,
    source_hash: Any = None,
    template: str = "jinja",
    sources: Optional[List[str]] = None,
    source_hashes: Optional[List[Any]] = None,
    defaults: Optional[Dict[str, Any]] = None,
    context: Optional[Dict[str, Any]] = None,
    ignore_whitespace: bool = True,
    show_changes: bool = True,
) -> Result:
    """Sees to it that a file has a text; if it is not there, it comes to the end.

    Args:
        name: the file; an empty one is made if there is none.
        text: the text, or a list of texts, of which each is looked for.
        makedirs: make the folders above it.
        source: where the text comes from, instead of `text`.
        source_hash: accepted, and of no effect.
        template: the engine that renders what comes from a source.
        sources, source_hashes: several of them.
        defaults, context: variables for the template; those in `context` win.
        ignore_whitespace: the text is there even if it has other white space between its words.
        show_changes: False only tells that the file has changed.
    """
    task = SimpleNamespace(**locals(), function="append")
    ret = begun(name)
    try:
        untouched = _prepare(task)
        if untouched:
            return untouched
    except Refused as exc:
        return failed(ret, str(exc))
    name, before = task.name, text_lines(task.name)
    added = [
        each
        for chunk in task.texts
        if not _has(name, _loosely(chunk) if ignore_whitespace else chunk)
        for each in chunk.splitlines()
    ]
    ret["comment"] = f"File {name} is in correct state"
    if not added:
        return ret
    if __opts__["test"]:
        after = before + added
        predicted(ret, f"File {name} is set to be updated")
    else:
        __salt__["file.append"](name, args=added)
        after = text_lines(name)
        ret["comment"] = f"Appended {len(added)} lines"
    ret["changes"]["diff"] = told_difference(name, before, after, show_changes, glue="\n")
    return ret


def prepend(
    name: str,
    text: Any = None,
    makedirs: bool = False,
    source: Optional[str] = None,
    source_hash: Any = None,
    template: str = "jinja",
    sources: Optional[List[str]] = None,
    source_hashes: Optional[List[Any]] = None,
    defaults: Optional[Dict[str, Any]] = None,
    context: Optional[Dict[str, Any]] = None,
    header: Optional[bool] = None,
    show_changes: bool = True,
) -> Result:
    """Sees to it that a file has a text; if it is not there, it comes to the beginning.

    Args:
        name: the file; an empty one is made if there is none.
        text: the text, or a list of texts, of which each is looked for.
        makedirs: make the folders above it.
        source: where the text comes from, instead of `text`.
        source_hash: accepted, and of no effect.
        template: the engine that renders what comes from a source.
        sources, source_hashes: several of them.
        defaults, context: variables for the template; those in `context` win.
        header: the text must stand at the very beginning.
        show_changes: False only tells that the file has changed.
    """
    task = SimpleNamespace(**locals(), function="prepend")
    ret = begun(os.path.expanduser(name))
    try:
        untouched = _prepare(task)
        if untouched:
            return untouched
    except Refused as exc:
        return failed(ret, str(exc))
    name, before = task.name, text_lines(task.name, keepends=True)
    added = [each for chunk in task.texts if header or not _has(name, _loosely(chunk)) for each in chunk.splitlines()]
    if header and [each.rstrip("\r\n") for each in before[: len(added)]] == added:
        added = []
    ret["comment"] = f"File {name} is in correct state"
    if not added:
        return ret
    if __opts__["test"]:
        after = [f"{each}\n" for each in added] + before
        predicted(ret, f"File {name} is set to be updated")
    else:
        __salt__["file.prepend"](name, *added)
        after = text_lines(name, keepends=True)
        ret["comment"] = f"Prepended {len(added)} lines"
    ret["changes"]["diff"] = told_difference(name, before, after, show_changes)
    return ret


def _prepare(task: SimpleNamespace) -> Result:
    """Makes the file if there is none, and brings the texts; a result, if there is no more to do."""
    if not task.name:
        raise Refused(f"Must provide name to file.{task.function}")
    task.name = os.path.expanduser(task.name)
    sources = paired_sources(task.source, task.source_hash, task.sources, task.source_hashes)
    complaint = missing_file(task.name)
    if complaint:
        touched: Result = __states__["file.touch"](task.name, makedirs=task.makedirs)
        if __opts__["test"]:
            return touched
        if missing_file(task.name):
            raise Refused(complaint)
    if os.path.getsize(task.name) and not is_text_file(task.name):
        raise Refused(f"{task.name} holds no text")
    if sources:
        texts, failure = rendered_sources(__salt__, sources, __env__, task.template, task.defaults, task.context)
        if failure:
            return failure
        task.texts = texts
    elif task.text is None:
        raise Refused(f"No text found to {task.function}. Nothing {task.function}ed")
    else:
        task.texts = texts_of(task.text)
    return {}


def _has(name: str, expression: str) -> bool:
    return bool(__salt__["file.search"](name, expression, multiline=True))


def _loosely(text: str) -> str:
    """A regular expression that matches a text with whatever white space between its words, or none."""
    # A phrase in double quotes is one word, if the text has quotes of both kinds.
    quoted = '"' in text and "'" in text and "'\\\"" not in text
    gap = r"(?:[\s]+)?"
    lines = [re.findall(r'"[^"]*"|\S+', each) if quoted else each.split() for each in text.splitlines()]
    words = "".join(gap + gap.join(map(re.escape, line)) + gap for line in lines)
    return f"(?m)^{words}$"
