"""The top files of the state tree: which SLS files this minion gets, from which environment."""

from __future__ import annotations

import fnmatch
import logging
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from minion.errors import SaltRenderError
from minion.matchers import KINDS, View
from minion.rendering import Template
from minion.state.sls import Available, Files
from minion.top import confirms

log = logging.getLogger(__name__)

Top = Dict[str, Dict[str, Any]]  # environment -> target -> what stands below it
Tops = Dict[str, List[Any]]  # environment -> its top file, and those that it includes
Matches = Dict[str, List[str]]


class TopFiles:
    """Reads top files and finds what is meant for this minion.

    Args:
        opts: options of the run: `saltenv`, `state_top`, `top_file_merging_strategy`, ...
        template: renders.
        files: where the files come from.
        available: the SLS files that there are.
        view: what is known of the minion.
    """

    def __init__(
        self, opts: Mapping[str, Any], template: Template, files: Files, available: Available, view: View
    ) -> None:
        self._opts, self._template, self._files = opts, template, files
        self._available, self._view = available, view

    def read(self, context: Any = None) -> Top:
        """The top data of all environments, merged.

        Raises:
            SaltRenderError: they can't be merged.
        """
        try:
            tops = self._read_all(context)
        except SaltRenderError as exc:
            log.error("Unable to render top file: %s", exc)
            return {}
        strategy = self._opts.get("top_file_merging_strategy") or "merge"
        merge = {"merge": _merge, "same": self._merge_same, "merge_all": _merge_all}.get(strategy)
        if merge is None:
            log.warning("Invalid top_file_merging_strategy '%s', falling back to 'merge'", strategy)
            merge = _merge
        try:
            return merge(tops)
        except (AttributeError, TypeError):
            raise SaltRenderError("Unable to render top file. No targets found.") from None

    def _read_all(self, context: Any) -> Tops:
        strategy, saltenv = self._opts.get("top_file_merging_strategy"), self._opts.get("saltenv")
        if strategy == "same" and not saltenv and not self._opts.get("default_top"):
            raise SaltRenderError(
                "top_file_merging_strategy set to 'same', but no default_top configuration option was set"
            )
        only = saltenv or self._opts.get("state_top_saltenv")
        tops: Tops = {}
        for env in [str(only)] if only else self._envs():
            path = self._files.cache_file(self._opts["state_top"], env)
            tops[env] = [self._template.render(path, env, context=context) if path else {}]
        for env, found in tops.items():
            found.extend(self._included(found[0], env, context))
        return tops

    def _envs(self) -> List[str]:
        """All environments, in the order that the options ask for."""
        known = self._files.envs()
        order = list(dict.fromkeys(self._opts.get("env_order") or ()))
        if order:
            return [env for env in order if env in known] if known else order
        return list(dict.fromkeys(["base", *(self._opts.get("file_roots") or ()), *known]))

    def _included(self, top: Any, saltenv: str, context: Any) -> List[Any]:
        found, done = [], set()
        for pattern in top.pop("include", ()) if isinstance(top, dict) else ():
            for sls in fnmatch.filter(self._available[saltenv], pattern):
                if sls not in done:
                    done.add(sls)
                    path = self._files.get_state(sls, saltenv).get("dest", "")
                    included = self._template.render(path, saltenv, context=context)
                    included.pop("include", None)
                    found.append(included)
        return found

    def _merge_same(self, tops: Tops) -> Top:
        """Each environment is described by its own top file, or by that of `default_top`."""
        default = self._opts.get("default_top") or "base"
        top: Top = {}
        for env, found in tops.items():
            if any(found):
                for targets in _sections(found, env):
                    top.setdefault(env, {}).update(_targets(targets))
                continue
            for targets in _sections(tops.get(default) or [], env):
                top.setdefault(env, {}).update(_targets(targets))
        return top

    # who gets what

    def matches(self, top: Top) -> Matches:
        """Environment -> SLS files of this minion, in order."""
        matches: Matches = {}
        for saltenv, targets in top.items():
            if not self._opts.get("saltenv") or saltenv == self._opts["saltenv"]:
                for target, data in targets.items():
                    self._match(saltenv, target, data, matches)
        for saltenv, assigned in self._assigned_by_master().items():
            own = matches.get(saltenv, [])
            first, second = (assigned, own) if self._opts.get("master_tops_first") else (own, assigned)
            matches[saltenv] = [*first, *(sls for sls in second if sls not in first)]
        return matches

    def _match(self, saltenv: str, target: str, data: Any, matches: Matches) -> None:
        items = [data] if isinstance(data, str) else data
        if not confirms(target, items, self._view, self._opts.get("nodegroups") or {}):
            return
        matches.setdefault(saltenv, [])
        for item in items:
            if isinstance(item, str):
                matches[saltenv].append(item)
            elif isinstance(item, dict):
                for inner_target, inner_data in (item.get("subfilter") or {}).items():
                    self._match(saltenv, inner_target, inner_data, matches)
                for env, sls in item.items():
                    if env in self._available and isinstance(sls, str):
                        matches.setdefault(env, []).append(sls)

    def _assigned_by_master(self) -> Matches:
        assigned: Matches = self._files.master_tops()
        return assigned


def _sections(tops: List[Any], saltenv: str) -> Iterator[Any]:
    """What top files say of one environment."""
    return (top[saltenv] for top in tops if saltenv in top)


def _targets(targets: Any) -> Dict[str, Any]:
    if not isinstance(targets, dict):
        raise TypeError
    return targets


def _merge(tops: Tops) -> Top:
    """The top file of `base` says it all; those of other environments count for an environment that it leaves out."""
    top: Top = {}
    for found in tops.get("base", ()):
        for saltenv, targets in found.items():
            top.setdefault(saltenv, {}).update(_targets(targets))
    described = set(top)
    for env, all_found in tops.items():
        if env != "base" and env not in described:
            for targets in _sections(all_found, env):
                top.setdefault(env, {}).update(_targets(targets))
    return top


def _merge_all(tops: Tops) -> Top:
    """All top files count; what they say of one target is joined."""
    top: Top = {}
    for found in (one for all_found in tops.values() for one in all_found):
        for saltenv, targets in found.items():
            section = top.setdefault(saltenv, {})
            for target, items in _targets(targets).items():
                section[target] = _joined(section[target], items) if target in section else items
    return top


def _joined(first: Any, second: Any) -> List[Any]:
    (first_match, first_sls), (second_match, second_sls) = _split(first), _split(second)
    match = second_match or first_match
    joined: List[Any] = [*([] if match is None else [match]), *first_sls]
    joined.extend(sls for sls in second_sls if sls not in joined)
    return joined


def _split(items: Any) -> Tuple[Any, List[str]]:
    matchers = [item for item in items if isinstance(item, dict)]
    return (matchers[-1] if matchers else None), [item for item in items if isinstance(item, str)]


def verify(top: Any) -> List[str]:
    """What is wrong with top data."""
    if not isinstance(top, dict):
        return ["Top data was not formed as a dict"]
    errors: List[str] = []
    for saltenv, targets in top.items():
        if not isinstance(saltenv, str):
            errors.append(f"Environment {saltenv} in top file is not formed as a string")
        if saltenv == "":
            errors.append("Empty saltenv statement in top file")
        if not isinstance(targets, dict):
            errors.append(f"The top file matches for saltenv {saltenv} are not formatted as a dict")
            continue
        for target, items in targets.items():
            errors.extend(_verify_target(saltenv, target, items))
    return errors


def _verify_target(saltenv: str, target: str, items: Any) -> Iterator[str]:
    if not isinstance(items, list):
        yield (
            f"Malformed topfile: state declarations for matcher {target!r} in saltenv {saltenv!r} are not formed as a "
            f"list (got {type(items).__name__})"
        )
        return
    for item in items:
        if isinstance(item, dict):
            for value in item.values():
                if not value:
                    yield f"Improperly formatted top file matcher in saltenv {item}: {value} file"
            if item.get("match", "glob") not in (*KINDS, "range"):
                yield (
                    f"Unknown match '{item['match']}' of {target!r} in saltenv {saltenv!r} of the top file; "
                    f"choose from {', '.join(KINDS)}"
                )
        elif not isinstance(item, str):
            yield f"{item!r} below {target!r} in saltenv {saltenv!r} of the top file is not the name of an SLS file"
        elif item == "":
            yield f"Environment {saltenv} contains an empty sls index"
