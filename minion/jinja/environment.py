"""The Jinja environment of one template, and rendering in it."""

from __future__ import annotations

import json
import logging
import os
from collections import OrderedDict
from types import CodeType
from typing import Any, Dict, List, Mapping, Optional, Tuple

import jinja2
import jinja2.defaults
import jinja2.exceptions
import jinja2.sandbox

from minion.errors import CommandExecutionError
from minion.jinja import errors
from minion.jinja.filters import FILTERS
from minion.jinja.globals import GLOBALS
from minion.jinja.loader import FileClientLoader, FileSource
from minion.jinja.serializers import SERIALIZING_FILTERS, SerializerExtension, printable
from minion.jinja.tests import TESTS

log = logging.getLogger(__name__)

_EXTENSIONS: List[Any] = ["jinja2.ext.do", "jinja2.ext.loopcontrols", SerializerExtension]
_HEADER = "#jinja2:"


# Code of templates compiled by this process: what differs between two renderings of one text is only the context.
_codes: OrderedDict[Tuple[Any, ...], CodeType] = OrderedDict()
_MAX_CODES = 256


class SaltEnvironment(jinja2.sandbox.SandboxedEnvironment):
    """Made anew for each rendering: modules of imported templates must not outlive it."""

    def __init__(self, loader: Optional[jinja2.BaseLoader], options: Mapping[str, Any], strict: bool = True) -> None:
        super().__init__(
            loader=loader,
            undefined=jinja2.StrictUndefined if strict else jinja2.Undefined,
            extensions=_EXTENSIONS,
            finalize=printable,
            **dict(options),
        )
        self._options_key = json.dumps(options, sort_keys=True)
        self.filters.update(FILTERS)
        self.filters.update(SERIALIZING_FILTERS)
        self.tests.update(TESTS)
        self.globals.update(GLOBALS)

    def compile(
        self, source: Any, name: Any = None, filename: Any = None, raw: bool = False, defer_init: bool = False
    ) -> Any:
        """Compiles each text once per process."""
        key = (source, name, filename, raw, defer_init, self._options_key)
        code = _codes.get(key) if isinstance(source, str) else None
        if code is None:
            compile_anew: Any = super().compile
            code = compile_anew(source, name, filename, raw, defer_init)
        if isinstance(source, str):
            _codes[key] = code
            _codes.move_to_end(key)
            if len(_codes) > _MAX_CODES:
                _codes.popitem(last=False)
        return code

    def join_path(self, template: str, parent: str) -> str:
        """`./x` and `../x` mean the folder of the template that says so."""
        if template.split("/", 1)[0] not in (".", ".."):
            return template
        path = os.path.normpath(os.path.join(os.path.dirname(parent), template))
        if path.split("/", 1)[0] == "..":
            log.warning("Discarded template path %r: attempts to ascend outside of salt://", template)
            raise jinja2.TemplateNotFound(template)
        return path

    def get_template(self, name: Any, parent: Optional[str] = None, globals: Any = None) -> jinja2.Template:
        """An imported template knows where it lies, by `tplfile`, `tpldir` and `tpldot`."""
        if isinstance(name, jinja2.Template):
            return name
        path = self.join_path(name, parent) if parent is not None else name
        folder = os.path.dirname(path)
        place = {"tplfile": name, "tpldir": folder or ".", "tpldot": folder.replace("/", ".")}
        return self._load_template(path, self.make_globals({**place, **(globals or {})}))


def render(
    text: str,
    context: Dict[str, Any],
    path: Optional[str] = None,
    files: Optional[FileSource] = None,
) -> str:
    """Renders a template.

    Args:
        text: the template.
        context: its variables; `opts` and `saltenv` are needed.
        path: where the template lies in the file system, if it is outside the file roots.
        files: where imported templates come from.

    Raises:
        SaltRenderError: with the line, and the lines around it.
    """
    options, text = _environment_options(context, text)
    environment = SaltEnvironment(
        _loader(context.get("saltenv"), path, files), options, strict=not context["opts"].get("allow_undefined")
    )
    environment.globals.update(context)
    name = context.get("tplfile") if context.get("sls") else None
    try:
        output = _template(environment, text, name).render(context)
    except jinja2.UndefinedError as exc:
        # which SLS file it is about is said in front of all this
        errors.fail("Jinja variable " + str(exc).replace(f" in {name!r})", ")"), text)
    except (jinja2.TemplateRuntimeError, jinja2.TemplateSyntaxError, jinja2.exceptions.SecurityError) as exc:
        errors.fail(f"Jinja syntax error: {exc}", text)
    except CommandExecutionError as exc:
        errors.fail(f"Problem running salt function in Jinja template: {exc}", text)
    except Exception as exc:  # noqa: BLE001 - a function called by the template may raise anything
        errors.fail(f"Jinja error: {exc}", text, with_trace=True)
    return output + _last_newline(text)


def _template(environment: SaltEnvironment, text: str, name: Optional[str]) -> jinja2.Template:
    code = environment.compile(text, name)
    return jinja2.Template.from_code(environment, code, environment.make_globals(None))


def _loader(saltenv: Optional[str], path: Optional[str], files: Optional[FileSource]) -> Optional[jinja2.BaseLoader]:
    if saltenv and files is not None:
        return FileClientLoader(files, saltenv)
    if path and not saltenv:
        return jinja2.FileSystemLoader(os.path.dirname(path))
    return None


def _last_newline(text: str) -> str:
    """Jinja drops the last newline of a template."""
    return "\n" if text.endswith("\n") else ""


def _environment_options(context: Mapping[str, Any], text: str) -> Tuple[Dict[str, Any], str]:
    """Jinja's settings from `jinja_env`, or `jinja_sls_env` for SLS files, and from the template's first line."""
    opts = context["opts"]
    source = "jinja_sls_env" if context.get("sls") else "jinja_env"
    chosen = dict(opts.get(source) or {})
    for old_name, name in (("jinja_trim_blocks", "trim_blocks"), ("jinja_lstrip_blocks", "lstrip_blocks")):
        if opts.get(old_name):
            chosen[name] = True
    header, text = _split_header(text)
    options = {}
    for key, value in {**chosen, **header}.items():
        if hasattr(jinja2.defaults, key.upper()):
            options[key.lower()] = value
        else:
            log.warning("Jinja2 environment %s is not recognized", key)
    return options, text


def _split_header(text: str) -> Tuple[Dict[str, Any], str]:
    """Takes the line `#jinja2: {"trim_blocks": true}` off the top; it may follow a renderer's shebang."""
    if _HEADER not in text:
        return {}, text
    lines = text.splitlines(keepends=True)
    index = 1 if lines[0].startswith("#!") and not lines[0].startswith("#!/") else 0
    if index >= len(lines) or not lines[index].startswith(_HEADER):
        return {}, text
    payload = lines[index][len(_HEADER) :].strip()
    if not payload:
        return {}, text
    try:
        header = json.loads(payload)
    except ValueError:
        header = None
    if not isinstance(header, dict):
        log.warning("Ignoring malformed '#jinja2:' header in template: %s", lines[index].rstrip())
        return {}, text
    del lines[index]
    return header, "".join(lines)
