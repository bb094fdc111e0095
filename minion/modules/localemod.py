"""The system's locale, and which locales there are."""

from __future__ import annotations

import logging
import os
import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from minion import atomic
from minion.errors import CommandExecutionError
from minion.modules import _systemd, _tools

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "locale"

log = logging.getLogger(__name__)

_DEBIANS = "/etc/default/locale"
_OTHERS = "/etc/locale.conf"
_WANTED = "/etc/locale.gen"
_SUPPORTED = "/usr/share/i18n/SUPPORTED"
_SOURCES = "/usr/share/i18n/locales"
_NAME = re.compile(r"([A-Za-z]+)(?:_([A-Za-z]+))?(?:\.([\w-]+))?(?:@(\w+))?(?:\s+([\w-]+))?")


class Locale(NamedTuple):
    """The parts of a locale's name, as in en_US.UTF-8@euro UTF-8."""

    language: str
    territory: str
    codeset: str
    modifier: str
    charmap: str


def list_avail() -> List[str]:
    """The locales that can be used, as the system spells them.

    CLI Example:

    .. code-block:: bash

        salt '*' locale.list_avail
    """
    return _tools.lines(__salt__, ["locale", "-a"])


def get_locale() -> str:
    """The system's locale (LANG).

    CLI Example:

    .. code-block:: bash

        salt '*' locale.get_locale
    """
    for line in _lines(_settings()):
        name, _, value = line.partition("=")
        if name.strip() == "LANG":
            return value.strip().strip("\"'")
    if _systemd.booted() and _tools.which("localectl"):  # it knows the default that was compiled in
        found = re.search(r"\bLANG=(\S+)", _tools.output(__salt__, ["localectl", "--no-pager", "status"]))
        return found.group(1) if found else ""
    return ""


def set_locale(locale: str) -> bool:
    """Sets the system's locale (LANG); what else is set stays.

    CLI Example:

    .. code-block:: bash

        salt '*' locale.set_locale 'en_US.UTF-8'
    """
    if not _parse(locale):
        raise CommandExecutionError(f"'{locale}' is not the name of a locale")
    others = [line for line in _lines(_settings()) if not re.match(r"\s*LANG=", line)]
    atomic.write(_settings(), "".join(f"{line}\n" for line in [f"LANG={locale}", *others]))
    return True


def _settings() -> str:
    return _DEBIANS if __grains__.get("os_family") == "Debian" else _OTHERS


def _lines(path: str) -> List[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def avail(locale: str) -> bool:
    """Whether a locale can be used, however its encoding is spelled.

    CLI Example:

    .. code-block:: bash

        salt '*' locale.avail 'en_US.UTF-8'
    """
    wanted = _normal(locale)
    return wanted is not None and any(_normal(known) == wanted for known in list_avail())


def gen_locale(locale: str, **kwargs: Any) -> Any:
    """Makes a locale usable. False if the system has no source for it.

    Args:
        locale: its name, as en_US.UTF-8; a different charmap may follow after a blank.
        verbose: return all that the program said.

    CLI Example:

    .. code-block:: bash

        salt '*' locale.gen_locale en_US.UTF-8
        salt '*' locale.gen_locale 'en_IE.UTF-8 UTF-8'
    """
    parts = _parse(locale)
    if parts is None:
        log.error("'%s' is not the name of a locale", locale)
        return False
    if os.path.exists(_WANTED) and _tools.which("locale-gen"):
        line = _supported(locale)
        if line is None:
            log.error("The provided locale '%s' is not found in %s", locale, _SUPPORTED)
            return False
        _want(line)
        keep = ["--keep-existing"] if __grains__.get("os") == "Debian" else []
        command = ["locale-gen", *keep]
    else:
        source = f"{parts.language}_{parts.territory}"
        if not os.path.exists(os.path.join(_SOURCES, source)):
            log.error("The provided locale '%s' is not found in %s", locale, _SOURCES)
            return False
        charmap = parts.charmap or parts.codeset or "UTF-8"
        command = ["localedef", "--force", "-i", source, "-f", charmap, locale.split()[0]]
    done = _tools.result(__salt__, command)
    return done if kwargs.get("verbose") else done["retcode"] == 0


def _supported(locale: str) -> Optional[str]:
    """The line (name, charmap) of a locale that the system can make."""
    for line in _lines(_SUPPORTED):
        if line.strip() == locale.strip() or line.split()[:1] == [locale.strip()]:
            return line.strip()
    return None


def _want(line: str) -> None:
    """Puts a locale among those that locale-gen makes."""
    lines = _lines(_WANTED)
    if line in (known.strip() for known in lines):
        return
    commented = next((i for i, known in enumerate(lines) if known.lstrip("# \t").rstrip() == line), None)
    if commented is None:
        lines.append(line)
    else:
        lines[commented] = line
    atomic.write(_WANTED, "".join(f"{kept}\n" for kept in lines))


def _parse(locale: str) -> Optional[Locale]:
    found = _NAME.fullmatch(str(locale).strip())
    return Locale(*(part or "" for part in found.groups())) if found else None


def _normal(locale: str) -> Optional[str]:
    """A spelling that all spellings of one locale share."""
    parts = _parse(locale)
    if parts is None:
        return None
    codeset = parts.codeset.lower().replace("-", "")
    return f"{parts.language.lower()}_{parts.territory.upper()}.{codeset}@{parts.modifier.lower()}"
