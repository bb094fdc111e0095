"""What `sys` tells about a loader's functions: their names, their documentation, their arguments."""

from __future__ import annotations

import fnmatch
import re
from typing import Any, Callable, Dict, Iterable, List, Mapping, Set

from minion.arguments import signature

Functions = Mapping[str, Callable[..., Any]]

_RST = (
    (re.compile(r" *.. code-block:: \S+\n{1,2}"), ""),
    (re.compile(r"\.\. note::"), "Note:"),
    (re.compile(r"\.\. warning::"), "Warning:"),
    (re.compile(r"\.\. versionadded::"), "New in version"),
    (re.compile(r"\.\. versionchanged::"), "Changed in version"),
)
_KINDS = ("boolean", "integer", "number", "string")


def plain_text(docs: Dict[str, Any]) -> Dict[str, Any]:
    """Documentation without the marks that only a typesetter needs."""
    for name, text in docs.items():
        for mark, replacement in _RST:
            text = mark.sub(replacement, text) if text else text
        docs[name] = text
    return docs


def documented(functions: Functions, wanted: Iterable[str]) -> List[str]:
    """The functions whose documentation is wanted: by a glob, a whole name, or the name of a module."""
    names: List[str] = []
    for pattern in wanted:
        if "*" in pattern:
            names += fnmatch.filter(functions, pattern)
        elif pattern.count(".") == 1 and pattern in functions:
            names.append(pattern)  # without loading everything
        else:
            prefix = pattern if pattern.endswith(".") or not pattern else f"{pattern}."
            names += [name for name in functions if name == pattern or name.startswith(prefix)]
    return names


def docs(functions: Functions, wanted: Iterable[str]) -> Dict[str, Any]:
    """Function -> documentation; of all functions if none is named."""
    names = documented(functions, wanted) if wanted else list(functions)
    return plain_text({name: functions[name].__doc__ for name in names})


def function_names(functions: Functions, wanted: Iterable[str]) -> List[str]:
    """Sorted names of functions, of all or of those that fit a glob, a whole name or a module."""
    if not wanted:
        return sorted(functions)
    names: Set[str] = set()
    for pattern in wanted:
        if "*" in pattern or "." in pattern:
            names.update(fnmatch.filter(functions, pattern))
        else:
            names.update(name for name in functions if name.startswith(f"{pattern}."))
    return sorted(names)


def module_names(functions: Functions, wanted: Iterable[str]) -> List[str]:
    """Sorted names of modules, of all or of those that fit a glob (over functions' names) or a name."""
    known = {name.partition(".")[0] for name in functions}
    if not wanted:
        return sorted(known)
    names: Set[str] = set()
    for pattern in wanted:
        if "*" in pattern:
            names.update(name.partition(".")[0] for name in fnmatch.filter(functions, pattern))
        elif pattern in known:
            names.add(pattern)
    return sorted(names)


def argspecs(functions: Functions, pattern: str) -> Dict[str, Dict[str, Any]]:
    """What the functions take; of all if the pattern is empty."""
    specs = {}
    for name in function_names(functions, [pattern] if pattern else []):
        args, varargs, keywords, defaults = signature(functions[name])
        specs[name] = {
            "args": args or None,
            "defaults": tuple(defaults.values()) or None,
            "varargs": True if varargs else None,
            "kwargs": True if keywords else None,
        }
    return specs


def schema(name: str, function: Callable[..., Any]) -> Dict[str, Any]:
    """A JSON schema of what a function takes."""
    takes = signature(function)
    properties = {}
    for arg in takes.args:
        default = {"default": takes.defaults[arg]} if takes.defaults.get(arg) is not None else {}
        properties[arg] = {"oneOf": [{"type": kind, "title": arg, "description": arg, **default} for kind in _KINDS]}
    return {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "title": name,
        "description": name,
        "type": "object",
        "properties": properties,
        "x-ordering": list(properties),
        "additionalProperties": False,
    }
