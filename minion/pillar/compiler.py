"""Compiles the pillar of a minion: top files, SLS files and their includes, external pillars, merged."""

from __future__ import annotations

import contextlib
import copy
import fnmatch
import logging
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from minion import inputs
from minion.data import repack_dictlist
from minion.errors import MinionError, SaltRenderError
from minion.files.direct import DirectClient
from minion.files.roots import Roots, expand
from minion.loaders import Loaders
from minion.matchers import MinionView
from minion.merging import merge
from minion.pillar.external import ExtPillars
from minion.pillar.request import Pillar, PillarRequest
from minion.rendering import Template
from minion.top import Entry, confirms, read_entry

log = logging.getLogger(__name__)

_STEADY_RENDERERS = ("gpg", "jinja", "json", "msgpack", "text", "toml", "yaml", "yamlex")

Top = Dict[str, Dict[str, Entry]]  # environment -> target -> entry


class PillarCompiler:
    """Compiles pillars of any minion with one set of loaders.

    Args:
        opts: options of the master, or of the minion with `--local`.
        loaders: functions and renderers for the templates; while a pillar is compiled their `__grains__`, `__pillar__`
            and `__opts__` are those of its minion.
        trusted: makes the loaders of external pillars, if they may do more than templates may.
    """

    def __init__(self, opts: Dict[str, Any], loaders: Loaders, trusted: Optional[Callable[[], Loaders]] = None) -> None:
        self._opts, self._loaders = opts, loaders
        self._ext = ExtPillars(opts, loaders, trusted)
        self._files: Dict[str, Roots] = {}

    def compile(self, request: PillarRequest) -> Pillar:
        """The pillar; what went wrong is in its key `_errors`."""
        with self._begin(request) as compilation:
            return compilation.run()

    def top(self, request: PillarRequest) -> Dict[str, Any]:
        """The merged top files: environment -> target -> SLS names; what went wrong is in its key `_errors`."""
        with self._begin(request) as compilation:
            return compilation.top()

    @contextlib.contextmanager
    def _begin(self, request: PillarRequest) -> Iterator[_Compilation]:
        opts = _options_for(self._opts, request)
        pillar: Pillar = {}
        names = {"opts": opts, "grains": request.grains, "pillar": pillar}
        with self._loaders.replaced(**names):
            yield _Compilation(opts, request, self._loaders, self._ext, self._roots(opts["pillar_roots"]), pillar)

    def _roots(self, pillar_roots: Mapping[str, Any]) -> Roots:
        """The files of these folders; what was last learned of them is kept."""
        expanded = {saltenv: expand(folders) for saltenv, folders in pillar_roots.items()}
        name = repr(expanded)
        if name not in self._files:
            self._files = {name: Roots(expanded)}
        return self._files[name]


def _options_for(opts: Mapping[str, Any], request: PillarRequest) -> Dict[str, Any]:
    """The options that templates see, for this minion and these environments."""
    result = {**opts, "file_client": "local", "grains": request.grains, "id": request.minion_id}
    result["minion_id"] = request.minion_id
    result["saltenv"] = request.saltenv if request.saltenv is not None else opts.get("saltenv")
    result["pillarenv"] = request.pillarenv if request.pillarenv is not None else opts.get("pillarenv")
    roots = dict(opts.get("pillar_roots") or {})
    if "__env__" in roots:
        folders = roots.pop("__env__")
        env = result["pillarenv"] or result["saltenv"] or "base"
        folders = [folders] if isinstance(folders, str) else folders
        roots.setdefault(env, [folder.replace("__env__", env) for folder in folders])
    result["pillar_roots"] = roots
    return result


class _Compilation:
    """One pillar on its way. `pillar` is the object that templates and matchers see grow."""

    def __init__(
        self,
        opts: Dict[str, Any],
        request: PillarRequest,
        loaders: Loaders,
        ext: ExtPillars,
        roots: Roots,
        pillar: Pillar,
    ) -> None:
        self._opts, self._request, self._loaders, self._ext = opts, request, loaders, ext
        self._pillar = pillar
        self._files = DirectClient(roots)
        self._renderers = inputs.WatchedFunctions(loaders.renderers, _STEADY_RENDERERS)
        self._template = Template(opts, self._renderers)
        self._errors: List[str] = []
        self._ignored: Dict[str, List[str]] = {}
        self._available: Dict[str, List[str]] = {}

    def run(self) -> Pillar:
        for saltenv in self._opts["pillar_roots"]:
            self._files.file_list(saltenv)  # the pillar depends on what files there are, found or not
        top, top_errors = self._top()
        if not self._request.with_ext:
            self._grow(self._from_sls(top))
        elif self._opts.get("ext_pillar_first"):
            self._grow(self._from_ext(dict(self._request.override)))
            self._grow(self._merge(self._pillar, self._from_sls(top)))
        else:
            self._grow(self._from_sls(top))
            self._grow(self._from_ext(self._pillar))
        self._errors.extend(top_errors)
        if self._opts.get("pillar_opts"):
            self._pillar["master"] = {key: value for key, value in self._opts.items() if key != "pillar"}
        if self._errors:
            for error in self._errors:
                log.critical("Pillar render error: %s", error)
            self._pillar["_errors"] = self._errors
        if self._request.override:
            self._grow(self._merge(self._pillar, self._request.override))
        self._decrypt()
        return self._pillar

    def top(self) -> Dict[str, Any]:
        found, errors = self._top()
        shown: Dict[str, Any] = {
            saltenv: {target: entry.data for target, entry in targets.items()} for saltenv, targets in found.items()
        }
        return {**shown, "_errors": errors} if errors else shown

    def _grow(self, pillar: Pillar) -> None:
        self._pillar.update(pillar)

    def _merge(self, first: Any, second: Any) -> Any:
        strategy = self._opts.get("pillar_source_merging_strategy") or "smart"
        lists = bool(self._opts.get("pillar_merge_lists"))
        return merge(first, second, strategy, self._opts.get("renderer") or "yaml", lists)

    def _render(self, path: str, saltenv: str, sls: str = "", **variables: Any) -> Any:
        return self._template.render(path, saltenv, sls, fileclient=self._files, **variables)

    # top files

    def _envs(self) -> List[str]:
        known = ["base", *(env for env in self._opts["pillar_roots"] if env != "base")]
        wanted = self._opts["pillarenv"]
        if wanted:
            return [wanted] if wanted in known else []
        if self._opts.get("pillar_source_merging_strategy") == "none":
            only = self._request.saltenv or "base"
            return [only] if only in known else []
        return known

    def _top(self) -> Tuple[Top, List[str]]:
        errors: List[str] = []
        tops: List[Any] = []
        try:
            name = "salt://" + self._opts.get("state_top", "top.sls").replace("salt://", "").lstrip("/")
            for saltenv in self._envs():
                path = self._files.cache_file(name, saltenv)
                if path:
                    tops.append(self._render(path, saltenv))
                    tops.extend(self._included_tops(tops[-1], saltenv, errors))
        except Exception as exc:
            errors.append(f"Rendering Primary Top file failed, render error:\n{exc}")
            log.debug("Pillar rendering failed for minion %s", self._request.minion_id, exc_info=True)
        try:
            return self._merged_top(tops), errors
        except (AttributeError, TypeError):
            return {}, [*errors, "Error encountered while rendering pillar top file."]

    def _included_tops(self, top: Any, saltenv: str, errors: List[str]) -> List[Any]:
        found: List[Any] = []
        waiting = list(top.get("include", []))
        done = set()
        while waiting:
            sls = waiting.pop(0)
            if sls in done:
                continue
            done.add(sls)
            path = self._files.get_state(sls, saltenv).get("dest")
            try:
                included = self._render(path, saltenv) if path else {}
            except Exception as exc:  # noqa: BLE001
                errors.append(f"Rendering Top file {sls} failed, render error:\n{exc}")
                continue
            waiting.extend(included.get("include", []))
            found.append(included)
        return found

    def _merged_top(self, tops: Iterable[Any]) -> Top:
        """Later top files win over earlier ones, target by target."""
        merged: Top = {}
        for top in tops:
            for saltenv, targets in top.items():
                if saltenv == "include":
                    continue
                for target, items in targets.items():
                    entry = merged.setdefault(saltenv, {})[target] = read_entry(items)
                    if entry.ignore_missing:
                        self._ignored.setdefault(saltenv, []).extend(entry.sls)
        return {env: dict(sorted(targets.items(), key=lambda item: item[1].order)) for env, targets in merged.items()}

    def _matches(self, top: Top) -> Dict[str, List[str]]:
        view = MinionView(self._request.minion_id, self._request.grains, self._pillar)
        matches: Dict[str, List[str]] = {}
        for saltenv, targets in top.items():
            if self._opts["pillarenv"] and saltenv != self._opts["pillarenv"]:
                continue
            for target, entry in targets.items():
                if confirms(target, entry.matchers, view, self._opts.get("nodegroups") or {}):
                    names = matches.setdefault(saltenv, [])
                    names.extend(sls for sls in entry.sls if sls not in names)
        order = [env for env in self._opts.get("env_order") or [] if env in matches]
        return {env: matches[env] for env in [*order, *(env for env in matches if env not in order)]}

    # SLS files

    def _from_sls(self, top: Top) -> Pillar:
        pillar: Pillar = copy.copy(dict(self._request.override))
        for saltenv, wanted in self._matches(top).items():
            mods: Dict[str, Any] = {}
            for name in wanted:
                for sls in self._matching_sls(name, saltenv):
                    data = self._sls(sls, saltenv, mods, {})
                    if isinstance(data, dict):
                        pillar = self._merge(pillar, data)
        return pillar

    def _matching_sls(self, name: str, saltenv: str) -> List[str]:
        """SLS files of the environment that a name, which may be a glob, means; the name itself if there are none."""
        if saltenv not in self._opts["pillar_roots"] and saltenv != "base":
            self._errors.append(f"No matching pillar environment for environment '{saltenv}' found")
            return [name]
        if saltenv not in self._available:
            self._available[saltenv] = self._files.list_states(saltenv)
        return fnmatch.filter(self._available[saltenv], name) or [name]

    def _sls(self, sls: str, saltenv: str, mods: Dict[str, Any], defaults: Mapping[str, Any]) -> Any:
        """The data of one SLS file and its includes; None if there is none."""
        found = self._files.get_state(sls, saltenv)
        if not found:
            self._report_missing(sls, saltenv)
            return None
        try:
            data = self._render(found["dest"], saltenv, sls, **defaults)
        except Exception as exc:  # noqa: BLE001 - a template may fail in any way
            log.critical("Rendering SLS '%s' failed, render error:\n%s", sls, exc)
            hidden = f"Rendering SLS '{sls}' failed. Please see master log for details."
            shown = f"Rendering SLS '{sls}' failed, render error:\n{exc}"
            self._errors.append(hidden if self._opts.get("pillar_safe_render_error", True) else shown)
            data = None
        mods[sls] = data
        if not data:
            return data
        if not isinstance(data, dict):
            self._errors.append(f"SLS '{sls}' does not render to a dictionary")
            return None
        return self._with_includes(data, sls, saltenv, mods, found["source"]) if "include" in data else data

    def _report_missing(self, sls: str, saltenv: str) -> None:
        if sls in self._ignored.get(saltenv, []):
            log.debug("Skipping ignored and missing SLS '%s' in environment '%s'", sls, saltenv)
        elif self._opts["pillar_roots"].get(saltenv):
            self._errors.append(f"Specified SLS '{sls}' in environment '{saltenv}' is not available on the salt master")
        else:
            log.debug("SLS '%s' was not found: environment '%s' is not in pillar_roots", sls, saltenv)

    def _with_includes(self, data: Pillar, sls: str, saltenv: str, mods: Dict[str, Any], source: str) -> Pillar:
        """The data merged with what it includes; its own values win unless the options say otherwise."""
        if not isinstance(data["include"], list):
            self._errors.append(f"Include Declaration in SLS '{sls}' is not formed as a list")
            return data
        includes = [include for entry in data.pop("include") for include in self._read_include(entry, sls)]
        package = (sls if source.endswith("/init.sls") else sls.rpartition(".")[0]).split(".")
        parts = [part for include in includes for part in self._included(*include, package, saltenv, mods)]
        if self._opts.get("pillar_includes_override_sls"):
            parts.insert(0, data)
        else:
            parts.append(data)
        result = parts[0]
        for part in parts[1:]:
            result = self._merge(result, part)
        return dict(result) if not isinstance(result, dict) else result

    def _read_include(self, entry: Any, sls: str) -> Iterator[Tuple[str, Mapping[str, Any]]]:
        """An SLS file with the `key` and `defaults` that it is included with."""
        for name, settings in entry.items() if isinstance(entry, dict) else [(entry, None)]:
            if isinstance(name, (str, int, float)) and isinstance(settings or {}, dict):
                yield str(name).replace("/", "."), settings or {}
            else:
                self._errors.append(
                    f"An entry of the Include Declaration in SLS '{sls}' is neither the name of an SLS file, nor that "
                    "name with a mapping of `key` and `defaults`"
                )

    def _included(
        self, name: str, settings: Mapping[str, Any], package: List[str], saltenv: str, mods: Dict[str, Any]
    ) -> List[Any]:
        if name.startswith("."):
            relative = name.lstrip(".")
            kept = len(package) - (len(name) - len(relative) - 1)  # each further dot leads one folder up
            name = ".".join([*(part for part in package[: max(kept, 0)] if part), relative])
        parts = []
        for sls in self._matching_sls(name, saltenv):
            part = mods[sls] if sls in mods else self._sls(sls, saltenv, mods, settings.get("defaults") or {})
            if part:
                for key in reversed(str(settings["key"]).split(":") if settings.get("key") else []):
                    part = {key: part}
                parts.append(part)
        return parts

    # external pillars

    def _from_ext(self, pillar: Pillar) -> Pillar:
        if not self._ext.wanted(self._opts, self._request.ext):
            return pillar
        if self._request.override:
            pillar = self._merge(pillar, self._request.override)
        return self._ext.add_to(pillar, self._opts, self._request, self._merge, self._errors)

    # decryption

    def _decrypt(self) -> None:
        wanted = self._opts.get("decrypt_pillar")
        if not wanted:
            return
        delimiter = self._opts.get("decrypt_pillar_delimiter") or ":"
        default = self._opts.get("decrypt_pillar_default") or "gpg"
        for key, renderer in (wanted if isinstance(wanted, dict) else repack_dictlist(wanted)).items():
            try:
                self._decrypt_key(key.split(delimiter), renderer or default)
            except MinionError as exc:
                self._pillar.setdefault("_errors", []).append(f"Failed to decrypt pillar key '{key}': {exc}")

    def _decrypt_key(self, path: List[str], renderer: str) -> None:
        allowed = self._opts.get("decrypt_pillar_renderers") or ["gpg"]
        if renderer not in allowed:
            raise SaltRenderError(f"'{renderer}' is not a valid decryption renderer. Valid choices are: {allowed}")
        parent: Any = self._pillar
        for part in path[:-1]:
            parent = parent.get(part) if isinstance(parent, dict) else None
        if isinstance(parent, dict) and path[-1] in parent:
            parent[path[-1]] = self._renderers[renderer](parent[path[-1]], translate_newlines=True)
