"""From the text of an SLS file to data, through the pipe of renderers that its first line names."""

from __future__ import annotations

import io
import logging
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

log = logging.getLogger(__name__)

Renderer = Callable[..., Any]
Pipe = List[Tuple[Renderer, str]]

_STRING = ":string:"


class Renderers(Mapping[str, Renderer]):
    """Renderers by name: `renderers["yaml"]` is the function `render` of the module `yaml`."""

    def __init__(self, functions: Mapping[str, Renderer]) -> None:
        self._functions = functions

    def __getitem__(self, name: str) -> Renderer:
        return self._functions[f"{name}.render"]

    def __iter__(self) -> Iterator[str]:
        return (name.partition(".")[0] for name in self._functions if name.endswith(".render"))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def compile_template(
    template: str,
    renderers: Mapping[str, Renderer],
    default: str,
    blacklist: Optional[Iterable[str]] = None,
    whitelist: Optional[Iterable[str]] = None,
    saltenv: str = "base",
    sls: str = "",
    input_data: str = "",
    context: Optional[Dict[str, Any]] = None,
    **options: Any,
) -> Any:
    """Renders a file, or text, to data.

    Args:
        template: path of the file, or ":string:".
        renderers: by name.
        default: the pipe if the first line names none.
        blacklist: renderers that may not be used.
        whitelist: if given, no other renderer may be used.
        saltenv: environment of the file.
        sls: dotted name of the file.
        input_data: the text, if `template` is ":string:".
        context: variables for templates.
        options: passed on to each renderer.

    Returns:
        What the last renderer makes of it; `{}` for an empty file.
    """
    text = input_data if template == _STRING else _read(template)
    if not text.strip():
        log.debug("Template is empty: %s", template)
        return {}
    result: Any = io.StringIO(text)
    pipe = render_pipe(text.split("\n", 1)[0], renderers, default, blacklist, whitelist)
    for render, arguments in pipe:
        if hasattr(result, "seek"):
            result.seek(0)
        extra: Dict[str, Any] = {"renderers": renderers, "tmplpath": template, **options}
        if context:
            extra["context"] = context
        if arguments:
            extra["argline"] = arguments
        result = render(result, saltenv, sls, **extra)
    if not pipe:
        return {}
    return _with_newlines_of(text, result)


def _read(path: str) -> str:
    with open(path, encoding="utf-8", newline="") as source:
        return source.read()


def _with_newlines_of(text: str, result: Any) -> Any:
    """A file with Windows' line ends keeps them, if it is rendered to text."""
    if "\r\n" not in text:
        return result
    content = result.read() if hasattr(result, "read") else result
    if not isinstance(content, str):
        return content
    if "\r\n" not in content:
        content = content.replace("\n", "\r\n")
    return io.StringIO(content) if hasattr(result, "read") else content


def render_pipe(
    first_line: str,
    renderers: Mapping[str, Renderer],
    default: str,
    blacklist: Optional[Iterable[str]] = None,
    whitelist: Optional[Iterable[str]] = None,
) -> Pipe:
    """The renderers, each with its arguments, that a shebang like `#!jinja|yaml` asks for."""
    named = first_line.startswith("#!") and not first_line.startswith("#!/")
    description = first_line.strip()[2:] if named else default
    if "|" not in description and "_" in description.strip():
        data_format, _, engine = description.strip().partition("_")
        if engine in ("jinja", "mako"):
            description = f"{engine}|{data_format}"  # as it was written before there were pipes
    pipe: Pipe = []
    for part in description.split("|"):
        name, _, arguments = part.strip().partition(" ")
        if (whitelist and name not in whitelist) or (blacklist and name in blacklist):
            log.warning('The renderer "%s" is disallowed by configuration and will be skipped.', name)
            continue
        if name not in renderers:
            log.error('The renderer "%s" is not available', description)
            return []
        pipe.append((renderers[name], arguments.strip()))
    return pipe


class Template:
    """How files are rendered: with which renderers, and which options."""

    def __init__(self, opts: Mapping[str, Any], renderers: Mapping[str, Renderer]) -> None:
        self._opts, self._renderers = opts, renderers

    def render(self, path: str, saltenv: str, sls: str = "", **variables: Any) -> Any:
        """The data of a file."""
        return compile_template(
            path,
            self._renderers,
            self._opts["renderer"],
            self._opts.get("renderer_blacklist"),
            self._opts.get("renderer_whitelist"),
            saltenv,
            sls,
            **variables,
        )
