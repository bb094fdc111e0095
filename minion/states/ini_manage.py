"""Options and sections of INI files."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional

from minion.errors import CommandExecutionError
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__virtualname__ = "ini"

_UNCHANGED, _CHANGED = "No anomaly detected", "Changes take effect"


def options_present(
    name: str,
    sections: Optional[Mapping[str, Any]] = None,
    separator: str = "=",
    strict: bool = False,
    encoding: Optional[str] = None,
    no_spaces: bool = False,
) -> Result:
    """Sees to it that options have certain values in an INI file.

    Args:
        name: the file; it is made if there is none.
        sections: section -> option -> value; an option outside of sections stands among the sections.
        separator: what stands between option and value.
        strict: remove all other sections, and all other options of these sections.
        encoding: how the file is encoded, if not in UTF-8.
        no_spaces: write no spaces around the separator, in the whole file.
    """
    ret = begun(name)
    wanted = sections or {}
    place = {"file_name": name, "separator": separator, "encoding": encoding}
    try:
        present = __salt__["ini.get_ini"](**place)
        surplus = _surplus(present, wanted) if strict else {}
        if __opts__["test"]:
            return _predict_options(ret, present, wanted, surplus)
        changes: Dict[str, Any] = {}
        for section, keys in surplus.items():
            changes[section] = _remove(place, present, section, keys)
        _merge(changes, __salt__["ini.set_option"](sections=wanted, no_spaces=no_spaces, **place))
    except CommandExecutionError as exc:
        return failed(ret, str(exc))
    return _concluded(ret, {key: body for key, body in changes.items() if body})


def _surplus(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> Dict[str, Optional[List[str]]]:
    """What is not wanted: section -> options; None for a whole section, or for an option outside of sections."""
    surplus: Dict[str, Optional[List[str]]] = {}
    for key, value in present.items():
        if isinstance(value, dict) and isinstance(wanted.get(key), Mapping):
            surplus[key] = [option for option in value if option not in wanted[key]]
        elif key not in wanted or isinstance(value, dict):
            surplus[key] = None
    return surplus


def _remove(place: Dict[str, Any], present: Mapping[str, Any], section: str, keys: Optional[List[str]]) -> Any:
    before = present[section]
    if keys is not None:
        for key in keys:
            __salt__["ini.remove_option"](section=section, option=key, **place)
        return {key: {"before": before[key], "after": None} for key in keys}
    if isinstance(before, dict):
        __salt__["ini.remove_section"](section=section, **place)
    else:
        __salt__["ini.remove_option"](section=None, option=section, **place)
    return {"before": before, "after": None}


def _merge(changes: Dict[str, Any], more: Dict[str, Any]) -> None:
    for key, body in more.items():
        changes[key] = {**changes[key], **body} if key in changes else body


def _predict_options(
    ret: Result, present: Mapping[str, Any], wanted: Mapping[str, Any], surplus: Mapping[str, Optional[List[str]]]
) -> Result:
    lines = [_told("", key, present.get(key), value) for key, value in wanted.items() if not isinstance(value, Mapping)]
    for key, options in surplus.items():
        if options is None:
            lines.append(f"Removed {'section' if isinstance(present[key], dict) else 'key'} {key}.\n")
    for section, body in wanted.items():
        if not isinstance(body, Mapping):
            continue
        where = f" in section {section}" if section else ""
        before = present.get(section)
        known = before if isinstance(before, dict) else {}
        lines += [f"Deleted key {key}{where}.\n" for key in surplus.get(section) or ()]
        lines += [_told(where, key, known.get(key), value) for key, value in body.items()]
    changed = any(not line.startswith("Unchanged") for line in lines)
    ret.update(comment="".join(lines), result=None if changed else True)
    return ret


def _told(where: str, key: str, before: Any, after: Any) -> str:
    same = before is not None and str(before) == str(after)
    return f"{'Unchanged' if same else 'Changed'} key {key}{where}.\n"


def _concluded(ret: Result, changes: Dict[str, Any]) -> Result:
    ret.update(changes=changes, comment=_CHANGED if changes else _UNCHANGED)
    return ret


def _predicted(ret: Result, lines: List[str], changed: bool) -> Result:
    ret.update(comment="".join(lines) or "No changes detected.", result=None if changed else True)
    return ret


def options_absent(
    name: str, sections: Optional[Mapping[str, Any]] = None, separator: str = "=", encoding: Optional[str] = None
) -> Result:
    """Sees to it that options are not in an INI file.

    Args:
        name: the file.
        sections: section -> list of options; an option outside of sections stands among the sections, with any value.
        separator: what stands between option and value.
        encoding: how the file is encoded, if not in UTF-8.
    """
    ret = begun(name)
    place = {"file_name": name, "separator": separator, "encoding": encoding}
    lines: List[str] = []
    changes: Dict[str, Any] = {}
    try:
        present = __salt__["ini.get_ini"](**place)
        for section, keys in _unwanted(sections or {}, present).items():
            inside = present if keys is None else present.get(section)
            where = f" in section {section}" if keys is not None and section else ""
            for key in [section] if keys is None else keys:
                if not isinstance(inside, dict) or key not in inside:
                    lines.append(f"Key {key}{where} does not exist.\n")
                    continue
                lines.append(f"Deleted key {key}{where}.\n")
                if keys is None:
                    changes[section] = inside[key]
                else:
                    changes.setdefault(section, {})[key] = inside[key]
                if not __opts__["test"]:
                    __salt__["ini.remove_option"](section=None if keys is None else section, option=key, **place)
    except CommandExecutionError as exc:
        return failed(ret, str(exc))
    return _predicted(ret, lines, bool(changes)) if __opts__["test"] else _concluded(ret, changes)


def _unwanted(sections: Any, present: Mapping[str, Any]) -> Dict[str, Optional[List[str]]]:
    """Section -> its options that are to go; None for an option outside of sections."""
    if not isinstance(sections, Mapping):
        raise CommandExecutionError(f"sections must be a mapping of sections to lists of options, not {sections!r}")
    found: Dict[str, Optional[List[str]]] = {}
    for section, keys in sections.items():
        if isinstance(keys, (list, Mapping)):
            found[section] = list(keys)
        elif not isinstance(present.get(section), dict):
            found[section] = None
        elif isinstance(keys, str):
            found[section] = [keys]
        else:
            raise CommandExecutionError(f"The options of section {section} must be a list, not {keys!r}")
    return found


def sections_present(name: str, sections: Any = None, separator: str = "=", encoding: Optional[str] = None) -> Result:
    """Sees to it that sections are in an INI file; new ones are empty.

    Args:
        name: the file; it is made if there is none.
        sections: names of the sections.
        separator: what stands between option and value.
        encoding: how the file is encoded, if not in UTF-8.
    """
    ret = begun(name)
    place = {"file_name": name, "separator": separator, "encoding": encoding}
    try:
        present = __salt__["ini.get_ini"](**place)
        missing = [section for section in sections or () if section not in present]
        if __opts__["test"]:
            lines = [
                f"Created new section {section}.\n" if section in missing else f"Section unchanged {section}.\n"
                for section in sections or ()
            ]
            return _predicted(ret, lines, bool(missing))
        changes = __salt__["ini.set_option"](sections={section: {} for section in missing}, **place) if missing else {}
    except CommandExecutionError as exc:
        return failed(ret, str(exc))
    return _concluded(ret, changes)


def sections_absent(name: str, sections: Any = None, separator: str = "=", encoding: Optional[str] = None) -> Result:
    """Sees to it that sections are not in an INI file.

    Args:
        name: the file.
        sections: names of the sections.
        separator: what stands between option and value.
        encoding: how the file is encoded, if not in UTF-8.
    """
    ret = begun(name)
    place = {"file_name": name, "separator": separator, "encoding": encoding}
    lines: List[str] = []
    changes: Dict[str, Any] = {}
    try:
        present = __salt__["ini.get_ini"](**place)
        for section in sections or ():
            if not isinstance(present.get(section), dict):
                lines.append(f"Section {section} does not exist.\n")
                continue
            lines.append(f"Deleted section {section}.\n")
            changes[section] = present[section]
            if not __opts__["test"]:
                __salt__["ini.remove_section"](section=section, **place)
    except CommandExecutionError as exc:
        return failed(ret, str(exc))
    return _predicted(ret, lines, bool(changes)) if __opts__["test"] else _concluded(ret, changes)
