"""Finds and loads the functions of modules: execution modules, states, grains, renderers, returners, runners.

A module is a Python file. Its public functions become `NAME.FUNCTION`. The convention is the one that Salt's users
write their own modules in:

* `__virtual__()` says whether the module fits this host: True, False, `(False, why)`, or another name.
* `__virtualname__` is the name under which the module is known instead of its file name.
* `__func_alias__ = {"list_": "list"}` renames functions whose name Python reserves.
* `__load__ = [...]` limits what is public.
* dunders (`__salt__`, `__opts__`, `__grains__`, `__pillar__`, `__context__`, ...) are set as globals of the module.

Each loader executes its own copy of a module file, so two loaders in one process never share dunders. Nothing is
loaded before it is asked for.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.machinery
import importlib.util
import itertools
import logging
import os
import re
import sys
from types import FunctionType, ModuleType
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    MutableMapping,
    Optional,
    Sequence,
    Set,
    Tuple,
)

log = logging.getLogger(__name__)

Function = Callable[..., Any]

NAMES = "NAMES"
_VIRTUALNAME = re.compile(r"""^__virtualname__\s*(?::[^=]+)?=\s*["']([A-Za-z0-9_]+)["']""", re.M)
_instances = itertools.count()


class _Namespace:
    """`loader.test.ping`, as templates and older modules write it."""

    def __init__(self, loader: Loader, module: str) -> None:
        self._loader, self._module = loader, module

    def __getattr__(self, name: str) -> Function:
        try:
            return self._loader[f"{self._module}.{name}"]
        except KeyError as exc:
            raise AttributeError(str(exc)) from None


class _Candidate:
    """One module file, loaded at most once."""

    def __init__(self, name: str, path: str) -> None:
        self.name, self.path = name, path
        self.functions: Optional[Dict[str, Function]] = None
        self.provides = ""
        self.why_not = ""
        self.module: Optional[ModuleType] = None


class Loader(Mapping[str, Function]):
    """Maps `module.function` to the function.

    Args:
        kind: what is loaded (`modules`, `states`, `grains`, ...); appears in module names and messages.
        folders: where module files lie, the most important first.
        dunders: set as globals in each module. The mapping is shared, not copied: replace a value's *content* to
            change what loaded modules see, or call `inject` to change the object.
        disabled: module names that must not be loaded.
        only: if given, no other module is loaded.
        providers: virtual name -> file whose functions go before those of others, whatever its `__virtual__()` says.
    """

    def __init__(
        self,
        kind: str,
        folders: Sequence[str],
        dunders: Optional[MutableMapping[str, Any]] = None,
        *,
        disabled: Iterable[str] = (),
        only: Optional[Iterable[str]] = None,
        providers: Optional[Mapping[str, str]] = None,
    ) -> None:
        self.kind = kind
        self.folders = [os.fspath(folder) for folder in folders]
        self.dunders: MutableMapping[str, Any] = {} if dunders is None else dunders
        self._disabled = set(disabled)
        self._only = set(only) if only is not None else None
        self._providers = dict(providers or {})
        self._tag = f"saltern_{kind}_{next(_instances)}"
        self._found: Dict[str, Function] = {}
        self.refresh()

    def refresh(self) -> None:
        """Forgets what was loaded; the folders are looked at when somebody asks for something."""
        self._found.clear()
        self._looked: Optional[Dict[str, _Candidate]] = None
        self._index: Dict[str, List[_Candidate]] = {}
        self._all_loaded = False

    @property
    def _files(self) -> Dict[str, _Candidate]:
        """The module files by name."""
        if self._looked is None:
            self._looked = {}
            for folder in self.folders:
                self._look_at(folder, self._looked)
        return self._looked

    def _look_at(self, folder: str, files: Dict[str, _Candidate]) -> None:
        virtual_names = _noted_names(folder)
        for name, path in _module_files(folder):
            if name in files or name in self._disabled or not self._wanted(name):
                continue
            candidate = files[name] = _Candidate(name, path)
            known_as = _virtual_name(path) if virtual_names is None else virtual_names.get(name)
            self._index.setdefault(known_as or name, []).append(candidate)

    def _known_as(self, name: str) -> List[_Candidate]:
        """The files that may provide a module of this name."""
        return self._index.get(name, []) if self._files else []

    def _wanted(self, name: str) -> bool:
        return self._only is None or name in self._only

    def inject(self, name: str, value: Any) -> None:
        """Sets one dunder to another object, in modules already loaded too."""
        self.dunders[name] = value
        for candidate in (self._looked or {}).values():
            if candidate.module is not None:
                setattr(candidate.module, name, value)

    def __getitem__(self, key: str) -> Function:
        found = self._found.get(key)
        if found is not None:
            return found
        if not isinstance(key, str) or "." not in key:
            raise KeyError(f"The key '{key}' should contain a '.'")
        module, _, name = key.partition(".")
        function = self._search(module, name)
        if function is None and not self._all_loaded and not self._known_as(module):
            self.load_all()  # a __virtual__() may have returned a name that stands nowhere in its file
            function = self._search(module, name)
        if function is None:
            raise KeyError(key)
        self._found[key] = function
        return function

    @contextlib.contextmanager
    def providing(self, providers: Mapping[str, str]) -> Iterator[None]:
        """Lets other files provide some virtual names for a while."""
        before = self._providers
        self._providers, self._found = {**before, **providers}, {}
        try:
            yield
        finally:
            self._providers, self._found = before, {}

    def _provided(self, module: str) -> Dict[str, Function]:
        """The functions of the file, or the family of files, that was chosen to provide a module."""
        provider = self._providers.get(module)
        if not provider:
            return {}
        family = [file for file in self._known_as(module) if file.name.startswith(f"{provider}_")]
        functions: Dict[str, Function] = {}
        for candidate in [*filter(None, [self._files.get(provider)]), *family]:
            self._load(candidate)
            if candidate.module is not None:
                functions.update({**_public_functions(candidate.module), **functions})
        return functions

    def _search(self, module: str, name: str) -> Optional[Function]:
        provided = self._provided(module).get(name)
        if provided is not None:
            return provided
        for candidate in self._known_as(module):
            functions = self._load(candidate)
            if candidate.provides == module and name in functions:
                return functions[name]
        return None

    def __iter__(self) -> Iterator[str]:
        self.load_all()
        seen: Set[str] = set()
        for virtual, candidates in self._index.items():
            for candidate in candidates:
                if candidate.provides == virtual and virtual not in self._disabled:
                    seen.update(f"{virtual}.{name}" for name in self._load(candidate))
        for virtual in self._providers:
            seen.update(f"{virtual}.{name}" for name in self._provided(virtual))
        return iter(sorted(seen))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, key: object) -> bool:
        try:
            self[key]  # type: ignore[index]
        except KeyError:
            return False
        return True

    def __getattr__(self, name: str) -> _Namespace:
        if name.startswith("_"):
            raise AttributeError(name)
        return _Namespace(self, name)

    def __repr__(self) -> str:
        return f"<Loader {self.kind}: {len(self._files)} files, {len(self._found)} functions in use>"

    def has_module(self, name: str) -> bool:
        """Is there a module of that name which can be loaded on this host?"""
        for candidate in list(self._known_as(name)):
            self._load(candidate)
        return any(candidate.provides == name for candidate in self._known_as(name))

    def load_all(self) -> None:
        """Loads every module file that can be loaded."""
        for candidate in list(self._files.values()):
            self._load(candidate)
        self._all_loaded = True

    def look(self) -> None:
        """Looks at the folders ahead of need."""
        self._known_as("")

    def preload(self, modules: Iterable[str], below: str = "") -> None:
        """Loads some modules ahead of need, so that forked processes share them.

        Args:
            modules: the names they are known under.
            below: only files below this folder.
        """
        for module in modules:
            for candidate in self._known_as(module):
                if candidate.path.startswith(below):
                    self._load(candidate)

    def modules(self) -> Dict[str, ModuleType]:
        """Virtual name -> module object, of all that can be loaded."""
        self.load_all()
        return {
            candidate.provides: candidate.module
            for candidate in reversed(list(self._files.values()))
            if candidate.provides and candidate.module is not None
        }

    def why_missing(self, key: str) -> str:
        """The sentence that tells a user why a function can't be called."""
        module, _, _ = key.partition(".")
        reasons = []
        for candidate in self._known_as(module):
            self._load(candidate)
            if candidate.provides == module:
                return f"'{key}' is not available."
            reasons.append(candidate.why_not)
        if not reasons:
            return f"'{key}' is not available."
        reason = next(filter(None, reasons), "")
        return f"'{module}' __virtual__ returned False" + (f": {reason}" if reason else "")

    def _load(self, candidate: _Candidate) -> Dict[str, Function]:
        if candidate.functions is not None:
            return candidate.functions
        candidate.functions = {}
        try:
            candidate.module = module = self._execute(candidate)
            candidate.provides, candidate.why_not = self._virtual(candidate, module)
        except (Exception, SystemExit) as exc:  # noqa: BLE001 - a user's module may fail in any way
            speaks_for_itself = isinstance(exc, (ImportError, SyntaxError))
            candidate.why_not = str(exc) if speaks_for_itself else f"{type(exc).__name__}: {exc}"
            log.warning("%s module %s can't be loaded: %s", self.kind, candidate.path, candidate.why_not)
            return candidate.functions
        if not candidate.provides:
            log.debug("%s module %s does not fit this host: %s", self.kind, candidate.name, candidate.why_not)
            return candidate.functions
        candidate.functions.update(_public_functions(module))
        known = self._index.setdefault(candidate.provides, [])
        if candidate not in known:
            known.append(candidate)
        return candidate.functions

    def _execute(self, candidate: _Candidate) -> ModuleType:
        name = f"{self._tag}.{candidate.name}"
        package = os.path.basename(candidate.path) == "__init__.py"
        loader = importlib.machinery.SourceFileLoader(name, candidate.path)
        spec = importlib.util.spec_from_file_location(
            name,
            candidate.path,
            loader=loader,
            submodule_search_locations=[os.path.dirname(candidate.path)] if package else None,
        )
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        for dunder, value in self.dunders.items():
            setattr(module, dunder, value)
        sys.modules[name] = module  # dataclasses, pickling and relative imports look a module up by its name
        try:
            loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module

    def _virtual(self, candidate: _Candidate, module: ModuleType) -> Tuple[str, str]:
        """The name the module is known under on this host ("" if none), and why not."""
        name = getattr(module, "__virtualname__", candidate.name)
        check = getattr(module, "__virtual__", None)
        if check is None:
            return name, ""
        answer = check()
        why_not = ""
        if isinstance(answer, tuple):
            answer, why_not = answer[0], str(answer[1]) if len(answer) > 1 else ""
        if isinstance(answer, str) and answer:
            return answer, ""
        return (name, "") if answer else ("", why_not)


def _module_files(folder: str) -> List[Tuple[str, str]]:
    """(name, path) of the module files of a folder, sorted by name; a missing folder has none."""
    found: List[Tuple[str, str]] = []
    try:
        entries = sorted(os.listdir(folder))
    except OSError:
        return []
    for entry in entries:
        if entry.startswith((".", "_")):
            continue
        path = os.path.join(folder, entry)
        if entry.endswith(".py"):
            found.append((entry[:-3], path))
        elif os.path.isfile(os.path.join(path, "__init__.py")):
            found.append((entry, os.path.join(path, "__init__.py")))
    return found


def _virtual_name(path: str) -> str:
    """The name that a file gives itself, without executing it; "" if it does not say."""
    try:
        with open(path, encoding="utf-8", errors="replace") as source:
            found = _VIRTUALNAME.search(source.read())
    except OSError:
        return ""
    return found.group(1) if found else ""


def note_names(folder: str) -> str:
    """The text of `NAMES` for a folder whose files don't change any more, which saves reading all of them."""
    lines = [f"{name} {_virtual_name(path)}\n" for name, path in _module_files(folder) if _virtual_name(path)]
    return "".join(lines)


def _noted_names(folder: str) -> Optional[Dict[str, str]]:
    try:
        with open(os.path.join(folder, NAMES), encoding="utf-8") as file:
            return dict(line.split() for line in file)
    except OSError:
        return None


def _public_functions(module: ModuleType) -> Dict[str, Function]:
    aliases = getattr(module, "__func_alias__", {})
    functions: Dict[str, Function] = {}
    for name in getattr(module, "__load__", dir(module)):
        value = getattr(module, name, None)
        if name.startswith("_") or not isinstance(value, (FunctionType, functools.partial)):
            continue
        if isinstance(value, FunctionType) and value.__module__ != module.__name__:
            continue  # imported, not defined here
        functions[aliases.get(name, name)] = value
    return functions
