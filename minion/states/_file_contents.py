"""The content that `file.managed` is given in the SLS file, in the pillar or in the grains."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any, Callable, List, Mapping, Union

from minion.states._file import Refused, texts_of

_NAMES = ("contents", "contents_pillar", "contents_grains")
_LOST = object()


def stated_contents(file: SimpleNamespace) -> List[str]:
    """Which of the arguments for content are given."""
    return [name for name in _NAMES if getattr(file, name) is not None]


def contents_of(file: SimpleNamespace, salt: Mapping[str, Callable[..., Any]], saltenv: str) -> Any:
    """The content: text, or bytes if it is none; rendered, if it is a template. None if a pillar key says null."""
    value = _looked_up(file, salt)
    if not file.allow_empty and not value:
        what = "'contents'"
        if file.contents_pillar or file.contents_grains:
            name = "contents_pillar" if file.contents_pillar else "contents_grains"
            what = f"{name} {getattr(file, name)}"
        raise Refused(
            f"{what} value would result in empty contents. Set allow_empty to True to allow the managed file to be "
            "empty."
        )
    if value is None:
        return None
    text = _joined(value, file)
    return _rendered(text, file, salt, saltenv) if file.template else text


def _looked_up(file: SimpleNamespace, salt: Mapping[str, Callable[..., Any]]) -> Any:
    if file.contents_pillar is not None:
        keys, kind, more = file.contents_pillar, "Pillar", {"unmask": True}
    elif file.contents_grains is not None:
        keys, kind, more = file.contents_grains, "Grain", {}
    else:
        return file.contents
    get = salt["pillar.get" if kind == "Pillar" else "grains.get"]
    values = []
    for key in keys if isinstance(keys, list) else [keys]:
        value = get(key, _LOST, delimiter=file.contents_delimiter, **more)
        if value is _LOST:
            raise Refused(f"{kind} {key} does not exist")
        values.append(value)
    return "\n".join(map(str, values)) if isinstance(keys, list) else values[0]


def _joined(value: Any, file: SimpleNamespace) -> Union[str, bytes]:
    """Lines, each with its end."""
    if isinstance(value, bytes):
        try:
            value = value.decode(file.encoding or "utf-8")
        except UnicodeDecodeError:
            if file.template:
                raise Refused(
                    "Contents specified by contents/contents_pillar/contents_grains appears to be binary data, and as "
                    "will not be able to be treated as a Jinja template."
                ) from None
            return bytes(value)
    parts = texts_of(value)
    if not parts:
        raise Refused(
            "Contents specified by contents/contents_pillar/contents_grains is not a string or list of strings, and "
            "is not binary data. SLS is likely malformed."
        )
    text = "".join(f"{line}\n" for part in parts for line in _lines(part))
    return text if file.contents_newline else text.rstrip("\n").rstrip("\r")


def _lines(text: str) -> List[str]:
    lines = re.split("\r\n|\r|\n", text)
    return lines if lines[-1] else lines[:-1]


def _rendered(text: Any, file: SimpleNamespace, salt: Mapping[str, Callable[..., Any]], saltenv: str) -> Any:
    result = salt["file.apply_template_on_contents"](
        text, template=file.template, context=file.context, defaults=file.defaults, saltenv=saltenv
    )
    if isinstance(result, dict):
        raise Refused(result.get("comment", "Error while applying template on contents"))
    return result
