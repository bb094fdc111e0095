"""Answers to the questions that Debian's packages ask when they are installed."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _tools

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "debconf"
__func_alias__ = {"set_": "set"}

_SELECTION = re.compile(r"([^#\s]\S*)[\t ]+(\S+)[\t ]+(\S+)(?:[\t ](.*))?")


def __virtual__() -> Any:
    if __grains__.get("os_family") != "Debian":
        return False, "debconf is Debian's"
    if _tools.which("debconf-get-selections") is None:
        return False, "debconf-utils is not installed"
    return True


def _parse(output: str) -> Dict[str, List[List[str]]]:
    """Package -> its questions, as [question, type, value]."""
    selections: Dict[str, List[List[str]]] = {}
    for line in output.splitlines():
        found = _SELECTION.fullmatch(line)
        if found:
            package, question, kind, value = found.groups()
            selections.setdefault(package, []).append([question, kind, value or ""])
    return selections


def get_selections(fetchempty: bool = True) -> Dict[str, List[List[str]]]:
    """Package -> its questions, as [question, type, answer].

    Args:
        fetchempty: those without an answer too.

    CLI Example:

    .. code-block:: bash

        salt '*' debconf.get_selections
    """
    found = _parse(_tools.output(__salt__, ["debconf-get-selections"], output_loglevel="quiet"))
    if fetchempty:
        return found
    answered = {package: [entry for entry in entries if entry[2]] for package, entries in found.items()}
    return {package: entries for package, entries in answered.items() if entries}


def show(name: str) -> Optional[List[List[str]]]:
    """The questions of one package, as [question, type, answer]; None if it has none.

    CLI Example:

    .. code-block:: bash

        salt '*' debconf.show <package name>
    """
    return get_selections().get(name)


def set_(package: str, question: str, type: str, value: Any, *extra: Any) -> bool:
    """Answers a question ahead.

    Args:
        package: name of the package.
        question: name of the question.
        type: its type (string, boolean, select, password, ...).
        value: the answer; further words of it may follow.

    CLI Example:

    .. code-block:: bash

        salt '*' debconf.set <package> <question> <type> <value> [<value> ...]
    """
    words = [str(word).lower() if isinstance(word, bool) else str(word) for word in (value, *extra)]
    line = " ".join([str(package), str(question), str(type), *words])
    if "\n" in line:
        raise SaltInvocationError(f"The answer to {question} of {package} can't span lines")
    done = _tools.result(  # on stdin, since answers can be passwords
        __salt__, ["debconf-set-selections"], stdin=line, stdin_raw_newlines=True, output_loglevel="quiet"
    )
    if done["retcode"] or "skipping line" in done["stderr"]:  # a line it skips is no failure to the program
        raise CommandExecutionError(f"debconf-set-selections refused question '{question}' of type '{type}'")
    return True


def set_template(path: str, template: str, context: Any, defaults: Any, saltenv: str = "base", **kwargs: Any) -> bool:
    """Answers the questions of a template.

    Args:
        path: the template, as salt://...
        template: its engine (jinja, ...).
        context: variables for the template.
        defaults: variables that `context` goes before.
        saltenv: the environment of the master's files.

    CLI Example:

    .. code-block:: bash

        salt '*' debconf.set_template salt://pathto/pkg.selections.jinja jinja None None
    """
    rendered = __salt__["cp.get_template"](
        path=path, dest=None, template=template, saltenv=saltenv, context=context, defaults=defaults, **kwargs
    )
    return bool(rendered) and set_file(rendered, saltenv)


def set_file(path: str, saltenv: str = "base", **kwargs: Any) -> bool:
    """Answers the questions of a file; False if it can't be found.

    Args:
        path: the file, as salt://...
        saltenv: the environment of the master's files.

    CLI Example:

    .. code-block:: bash

        salt '*' debconf.set_file salt://pathto/pkg.selections
    """
    cached = __salt__["cp.cache_file"](path, saltenv)
    if not cached:
        return False
    _tools.output(__salt__, ["debconf-set-selections", "--", cached])
    return True
