"""Rendering a template with one of the template engines, whatever it is for: SLS files, pillar, managed files."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
from types import ModuleType
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Union

from minion import masking
from minion.errors import SaltRenderError, format_traceback

log = logging.getLogger(__name__)


class LoadedMod:
    """`salt.test`, as templates write it: the functions of one module as attributes."""

    __module__ = "salt.loader.lazy"  # error messages name the class; users know it by this name

    def __init__(self, functions: Mapping[str, Callable[..., Any]], module: str) -> None:
        self._functions, self._module = functions, module

    def __getattr__(self, name: str) -> Callable[..., Any]:
        try:
            return self._functions[f"{self._module}.{name}"]
        except KeyError:
            raise AttributeError(name) from None


class AliasedLoader(Mapping[str, Callable[..., Any]]):
    """`salt` in templates: `salt["test.ping"]` and `salt.test.ping`, and nothing else of the loader."""

    __module__ = "salt.utils.templates"

    def __init__(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        self._functions = functions

    def __getitem__(self, name: str) -> Callable[..., Any]:
        return self._functions[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        has_module = getattr(self._functions, "has_module", None)
        if has_module(name) if has_module else any(key.startswith(f"{name}.") for key in self._functions):
            return LoadedMod(self._functions, name)
        raise AttributeError(name)

    def __contains__(self, name: object) -> bool:
        return name in self._functions

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)


def sls_variables(path: Optional[str], sls: str) -> Dict[str, str]:
    """The variables that say where a template lies.

    Args:
        path: of the template in the file system.
        sls: the dotted name of the SLS file, or the path of another template relative to the file roots.
    """
    slspath = sls.replace(".", "/").rstrip("/")
    variables: Dict[str, str] = {}
    if path:
        template = _relative_name(path, sls, slspath)
        if template is None:
            return {"tplpath": path, "tplfile": sls, "tpldir": os.path.dirname(sls) or "."}
        slspath = os.path.dirname(template)
        variables = {
            "tplpath": path,
            "tplfile": template,
            "tpldir": slspath or ".",
            "tpldot": slspath.replace("/", "."),
        }
    separators = {"slspath": "/", "slsdotpath": ".", "slscolonpath": ":", "sls_path": "_"}
    variables.update((name, slspath.replace("/", separator)) for name, separator in separators.items())
    return variables


def _relative_name(path: str, sls: str, slspath: str) -> Optional[str]:
    if not sls:
        return os.path.basename(path)
    for name in (f"{slspath}.sls", f"{slspath}/init.sls"):
        if path.endswith(name):
            return name
    return None


def render_template(
    engine: str,
    text: str,
    variables: Mapping[str, Any],
    *,
    context: Optional[Mapping[str, Any]] = None,
    path: Optional[str] = None,
    files: Any = None,
) -> str:
    """Renders the text of a template.

    Args:
        engine: the template engine: jinja, mako or py.
        text: the template.
        variables: what the template sees: `salt`, `grains`, `pillar`, `opts`, `saltenv`, ...
        context: further variables, which win over the former.
        path: the template's own path, if it has one.
        files: the file client that brings imported templates.

    Raises:
        SaltRenderError: what is wrong, where.
    """
    if engine == "py":
        return _run_python(text, {**variables, "context": dict(context or {})}, path)
    names: Dict[str, Any] = {**variables, **(context or {})}
    if "salt" in variables:
        names["salt"] = AliasedLoader(variables["salt"])
    if "sls" in names:
        for name, value in sls_variables(path, names["sls"]).items():
            names.setdefault(name, value)
    with masking.in_clear():
        if engine == "jinja":
            from minion.jinja import render

            return render(text, names, path, files)
        if engine == "mako":
            return _render_mako(text, names, path)
    raise SaltRenderError(f"Specified template format {engine} is not supported")


def render_file(
    engine: str,
    path: str,
    variables: Mapping[str, Any],
    *,
    context: Optional[Mapping[str, Any]] = None,
    files: Any = None,
) -> Union[str, bytes]:
    """Renders a file; one that holds no text is given back as it is."""
    with open(path, "rb") as source:
        data = source.read()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return data
    # the path is where a Python template is executed from; for others it would mean an SLS file
    return render_template(
        engine,
        text.replace("\r\n", "\n"),
        variables,
        context=context,
        path=path if engine == "py" else None,
        files=files,
    )


def engine_is_known(engine: str) -> bool:
    """Can templates of this kind be rendered on this host?"""
    return engine in ("jinja", "py") or (engine == "mako" and importlib.util.find_spec("mako") is not None)


def execute_python(text: str, variables: Mapping[str, Any], path: Optional[str] = None) -> ModuleType:
    """Executes a Python file of the operator's, with names set as its globals."""
    name = os.path.basename(path).split(".")[0] if path else "template"
    module = ModuleType(name)
    module.__file__ = path
    vars(module).update(variables)
    exec(compile(text, path or f"<{name}>", "exec"), vars(module))  # noqa: S102 - it is the operator's own code
    return module


def _run_python(text: str, variables: Dict[str, Any], path: Optional[str]) -> str:
    """The result of `run()` in a Python file; it sees the variables plain and as dunders."""
    dunders = {f"__{name}__": variables[name] for name in ("salt", "grains", "pillar", "opts") if name in variables}
    dunders["__env__"] = variables.get("saltenv")
    try:
        module = execute_python(text, {**dunders, **variables}, path)
        return str(module.run())
    except Exception:  # noqa: BLE001 - the operator's code may raise anything
        raise SaltRenderError(format_traceback()) from None


def _render_mako(text: str, names: Dict[str, Any], path: Optional[str]) -> str:
    try:
        template: Any = importlib.import_module("mako.template")
        exceptions: Any = importlib.import_module("mako.exceptions")
    except ImportError:
        raise SaltRenderError("The template engine mako is not installed") from None
    uri = names["sls"].replace(".", "/") if "sls" in names else None
    try:
        rendered: str = template.Template(text, strict_undefined=True, uri=uri).render(**names)
        return rendered
    except Exception:  # noqa: BLE001 - functions called by the template may raise anything
        raise SaltRenderError(exceptions.text_error_template().render()) from None
