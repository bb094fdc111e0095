"""Keys of minions, as wheel functions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from master.keys import Change, KeyStore, State

__opts__: dict[str, Any]
__func_alias__ = {"list_": "list"}

_GROUPS = {
    "acc": State.ACCEPTED, "pre": State.PENDING, "un": State.PENDING, "rej": State.REJECTED, "den": State.DENIED,
}  # fmt: skip


def list_all() -> dict[str, list[str]]:
    """The ids of all keys, by what became of them, and the names of the master's own key files (`local`)."""
    found = {str(state): _store().ids(state) for state in State}
    return {**found, "local": sorted(filter(_is_key_file, os.listdir(_store().folder)))}


def _is_key_file(name: str) -> bool:
    path = os.path.join(_store().folder, name)
    return name.endswith((".pem", ".pub")) and os.path.isfile(path) and not os.path.islink(path)


def list_(match: str) -> dict[str, list[str]]:
    """The ids of the keys of one kind.

    Args:
        match: acc, pre (or un), rej, den or all.
    """
    if match.startswith("all"):
        return list_all()
    state = next((state for prefix, state in _GROUPS.items() if match.startswith(prefix)), None)
    return {} if state is None else {str(state): _store().ids(state)}


def name_match(match: str) -> dict[str, list[str]]:
    """The ids that a glob matches, by what became of them.

    Args:
        match: the glob, or several with commas between.
    """
    return {str(state): names for state, names in _store().match(match).items()}


glob_match = name_match


def accept(match: str, include_rejected: bool = False, include_denied: bool = False) -> dict[str, list[str]]:
    """Accepts pending keys.

    Args:
        match: a glob of ids.
        include_rejected, include_denied: accept such keys, too.
    """
    states = _with(State.PENDING, {State.REJECTED: include_rejected, State.DENIED: include_denied})
    return _change(match, states, lambda store, name, state: store.move(name, state, State.ACCEPTED))


def reject(match: str, include_accepted: bool = False, include_denied: bool = False) -> dict[str, list[str]]:
    """Rejects pending keys.

    Args:
        match: a glob of ids.
        include_accepted, include_denied: reject such keys, too.
    """
    states = _with(State.PENDING, {State.ACCEPTED: include_accepted, State.DENIED: include_denied})
    return _change(match, states, lambda store, name, state: store.move(name, state, State.REJECTED))


def delete(match: str) -> dict[str, list[str]]:
    """Deletes keys.

    Args:
        match: a glob of ids.
    """
    return _change(match, list(State), lambda store, name, state: store.delete(name, [state]))


def key_str(match: str) -> dict[str, dict[str, Any]]:
    """The texts of keys.

    Args:
        match: a glob of ids.
    """
    store = _store()
    return {
        str(state): {name: _one_or_all(store.text(name, state)) for name in names}
        for state, names in store.match(match).items()
    }


def finger(match: str, hash_type: str | None = None) -> dict[str, dict[str, Any]]:
    """The fingerprints of keys.

    Args:
        match: a glob of ids.
        hash_type: by default the option of this name.
    """
    store, algorithm = _store(), str(hash_type or __opts__["hash_type"])
    return {
        str(state): {name: _one_or_all(store.fingerprint(name, state, algorithm)) for name in names}
        for state, names in store.match(match).items()
    }


def _store() -> KeyStore:
    return KeyStore(str(__opts__["pki_dir"]))


def _one_or_all(values: list[str]) -> Any:
    return values[0] if len(values) == 1 else values


def _with(state: State, further: dict[State, bool]) -> list[State]:
    return [state, *(other for other, wanted in further.items() if wanted)]


def _change(
    match: str, states: Iterable[State], act: Callable[[KeyStore, str, State], list[Change]]
) -> dict[str, list[str]]:
    """Does something to keys and tells the master; all that the glob matches afterwards."""
    from master.cli._announce import announce
    from master.config import load

    store = _store()
    found = store.match(match, states)
    changes = [change for state, names in found.items() for name in names for change in act(store, name, state)]
    if changes:
        announce(load(str(__opts__["conf_file"])), changes, False)
    return name_match(match)
