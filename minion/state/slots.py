"""Slots: arguments that are computed when the state runs, written `__slot__:salt:module.function(arguments)`.

Behind the call, `.key.key` picks a part of the result, and `~ text` appends to it.
"""

from __future__ import annotations

import logging
import shlex
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple

from minion.data import traverse

log = logging.getLogger(__name__)

Functions = Mapping[str, Callable[..., Any]]
Call = Tuple[str, List[str], Dict[str, str]]

_SLOT = "__slot__:"
_CLOSING = {"[": "]", "{": "}", "(": ")"}


def fill_slots(args: List[Any], keywords: Dict[str, Any], functions: Functions) -> None:
    """Replaces slots among the arguments, and in the lists and mappings that they hold, by their values."""
    for index, value in enumerate(args):
        args[index] = _filled(value, functions)
    for key, value in keywords.items():
        keywords[key] = _filled(value, functions)


def _filled(value: Any, functions: Functions, depth: int = 0) -> Any:
    if isinstance(value, str):
        return _evaluate(value, functions) if value.startswith(_SLOT) else value
    if isinstance(value, dict) and depth < 2:
        _fill_items(value, value.items(), functions, 2)
    elif isinstance(value, list) and depth < 1:
        _fill_items(value, enumerate(value), functions, depth + 1)
    return value


def _fill_items(container: Any, items: Iterable[Tuple[Any, Any]], functions: Functions, depth: int) -> None:
    for key, value in list(items):
        filled = _filled(value, functions, depth)
        if filled is not value:
            container[key] = filled


def _evaluate(slot: str, functions: Functions) -> Any:
    parts = slot.split(":", 2)
    if len(parts) != 3 or parts[1] != "salt":
        log.warning('Malformed slot: %s; it should start with "__slot__:salt:"', slot)
        return slot
    call = parse_call(parts[2])
    if call is None or call[0] not in functions:
        log.warning("Malformed slot: %s; write module.function(arg, keyword=value)", slot)
        return slot
    name, args, keywords = call
    value = functions[name](*args, **keywords)
    text, _, appended = parts[2].partition("~")
    path = text[text.rindex(")") + 1 :] if ")" in text else ""
    if "." in path:
        value = traverse(value, path.split(".", 1)[1].strip(), None, ".")
    if "~" not in parts[2]:
        return value
    if not isinstance(value, str):
        log.error("Ignoring slot append, slot result is not a string")
        return value
    return value + _unquoted(appended.strip())


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'" else text


def parse_call(text: str) -> Optional[Call]:
    """Name, arguments and keywords of `module.function(a, "b, c", key=[d, e])`; None if it is no call.

    All values are text.
    """
    lexer = shlex.shlex(text, posix=True)
    lexer.escapedquotes = "\"'"
    try:
        tokens = list(lexer)
    except ValueError:
        return None
    if "(" not in tokens[1:]:
        return None
    start = tokens.index("(")
    arguments = _split_arguments(tokens[start + 1 :])
    if arguments is None:
        return None
    return "".join(tokens[:start]), arguments[0], arguments[1]


def _split_arguments(words: Iterable[str]) -> Optional[Tuple[List[str], Dict[str, str]]]:
    args: List[str] = []
    keywords: Dict[str, str] = {}
    word: List[str] = []
    open_brackets: List[str] = []
    key = ""
    for part in words:
        if not open_brackets and part in (",", ")"):
            if key:
                keywords[key] = "".join(word)
            elif word:
                args.append("".join(word))
            if part == ")":
                return args, keywords
            key, word = "", []
            continue
        if not open_brackets and part == "=":
            key, word = "".join(word), []
            continue
        if part in _CLOSING:
            open_brackets.append(_CLOSING[part])
        elif part in _CLOSING.values() and (not open_brackets or part != open_brackets.pop()):
            return None
        word.append(part)
    return None
