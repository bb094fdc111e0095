"""States that listen: at the end of a run, their `mod_watch` is called if what they listen to has changed."""

from __future__ import annotations

from typing import Any, Iterable, Iterator, List, Tuple

from minion.state.tags import REQUISITE_KEYWORDS, Chunks, Low, Running, tag_of

Name = Tuple[str, str]  # module, and ID or name


def listeners(chunks: Chunks, results: Running) -> Tuple[Chunks, Running]:
    """The `mod_watch` chunks to call, and failures for listening to what does not exist."""
    watching: Chunks = []
    errors: Running = {}
    unique = {(chunk["state"], chunk["__id__"], chunk["name"]): chunk for chunk in chunks}
    for listener, source in _listening(chunks):
        sources = _meant(unique.values(), *source)
        if not sources:
            errors.update(_unknown(*source))
        for chunk in sources:
            if not results.get(tag_of(chunk), {}).get("changes"):
                continue
            targets = _meant(unique.values(), *listener)
            if not targets:
                errors.update(_unknown(*listener))
            watching.extend(_as_listener(target) for target in targets)
    return watching, errors


def _listening(chunks: Chunks) -> Iterator[Tuple[Name, Name]]:
    """(who listens, to what) of all `listen` and `listen_in`."""
    for chunk in chunks:
        this = (chunk["state"], chunk["__id__"])
        for source in chunk.get("listen", ()):
            yield from ((this, name) for name in _names(source, chunks))
        for listener in chunk.get("listen_in", ()):
            yield from ((name, this) for name in _names(listener, chunks))


def _names(item: Any, chunks: Chunks) -> List[Name]:
    """A mapping of module to ID; a bare ID or name is looked up."""
    if isinstance(item, dict):
        return list(item.items())
    found = [(chunk["state"], chunk["__id__"]) for chunk in chunks if item in (chunk["__id__"], chunk["name"])]
    return found[-1:]


def _meant(chunks: Iterable[Low], module: str, name: str) -> Chunks:
    return [chunk for chunk in chunks if chunk["state"] == module and name in (chunk["__id__"], chunk["name"])]


def _as_listener(chunk: Low) -> Low:
    low = {key: value for key, value in chunk.items() if key not in REQUISITE_KEYWORDS}
    return {**low, "sfun": chunk["fun"], "fun": "mod_watch", "__id__": f"listener_{chunk['__id__']}"}


def _unknown(module: str, name: str) -> Running:
    low = {"name": f"listen_{module}", "__id__": f"listen_{name}", "state": "Listen_Error", "fun": "Listen_Error"}
    return {
        tag_of(low): {
            "comment": f"Referenced state {module}: {name} does not exist",
            "name": f"listen_{module}:{name}",
            "result": False,
            "changes": {},
        }
    }
