"""Reads and edits INI files, without losing their comments."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from minion.modules import _ini

__virtualname__ = "ini"


def set_option(
    file_name: str,
    sections: Optional[Mapping[str, Any]] = None,
    separator: str = "=",
    encoding: Optional[str] = None,
    no_spaces: bool = False,
) -> Dict[str, Any]:
    """Sets options; returns those that changed, with their values before and after.

    Args:
        file_name: the file; it is made if it does not exist.
        sections: section -> option -> value; an option outside of sections stands among the sections.
        separator: what stands between option and value.
        encoding: how the file is encoded, if not in UTF-8.
        no_spaces: write no spaces around the separator, in the whole file.

    CLI Example:

    .. code-block:: bash

        salt '*' ini.set_option /path/to/ini '{section_foo: {key: value}}'
    """
    root = _ini.read(file_name, separator, encoding)
    changes = root.change(sections or {})
    _ini.write(file_name, root, encoding, no_spaces)
    return changes


def get_option(
    file_name: str, section: Optional[str], option: str, separator: str = "=", encoding: Optional[str] = None
) -> Optional[str]:
    """The value of an option; None if there is no such option.

    Args:
        file_name: the file.
        section: the section; empty for options outside of sections.
        option: the option.
        separator: what stands between option and value.
        encoding: how the file is encoded, if not in UTF-8.

    CLI Example:

    .. code-block:: bash

        salt '*' ini.get_option /path/to/ini section_name option_name
    """
    place: Any = _ini.read(file_name, separator, encoding)
    if section:
        place = place.get(section)
    value = place.get(option) if isinstance(place, _ini.Section) else None
    return _ini.plain(value) if isinstance(value, _ini.Section) else value  # type: ignore[return-value]


def remove_option(
    file_name: str, section: Optional[str], option: str, separator: str = "=", encoding: Optional[str] = None
) -> Optional[str]:
    """Removes an option; returns its value, None if there was no such option.

    Args:
        file_name: the file.
        section: the section; empty for options outside of sections.
        option: the option.
        separator: what stands between option and value.
        encoding: how the file is encoded, if not in UTF-8.

    CLI Example:

    .. code-block:: bash

        salt '*' ini.remove_option /path/to/ini section_name option_name
    """
    root = _ini.read(file_name, separator, encoding)
    inside = root.get(section) if section else None
    place = inside if isinstance(inside, _ini.Section) else root
    value = place.pop(option, None)
    if value is None:
        return None
    _ini.write(file_name, root, encoding)
    return _ini.plain(value) if isinstance(value, _ini.Section) else value  # type: ignore[return-value]


def get_section(file_name: str, section: str, separator: str = "=", encoding: Optional[str] = None) -> Dict[str, Any]:
    """The options of a section and their values; {} if there is no such section.

    CLI Example:

    .. code-block:: bash

        salt '*' ini.get_section /path/to/ini section_name
    """
    found = _ini.read(file_name, separator, encoding).get(section)
    return _ini.plain(found) if isinstance(found, _ini.Section) else {}


def remove_section(
    file_name: str, section: str, separator: str = "=", encoding: Optional[str] = None
) -> Optional[Dict[str, Any]]:
    """Removes a section; returns the options that it had, None if there was no such section.

    CLI Example:

    .. code-block:: bash

        salt '*' ini.remove_section /path/to/ini section_name
    """
    root = _ini.read(file_name, separator, encoding)
    found = root.get(section)
    if not isinstance(found, _ini.Section):
        return None
    del root[section]
    _ini.write(file_name, root, encoding)
    return _ini.plain(found)


def get_ini(file_name: str, separator: str = "=", encoding: Optional[str] = None) -> Dict[str, Any]:
    """The whole file: section -> option -> value.

    CLI Example:

    .. code-block:: bash

        salt '*' ini.get_ini /path/to/ini
    """
    return _ini.plain(_ini.read(file_name, separator, encoding))
