"""Did a state run succeed?"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from minion.state.tags import High, Running, split_tag

# what `salt-call` exits with
OK, COMPILER_ERROR, FAILURE, PILLAR_FAILURE = 0, 1, 2, 5


def succeeded(results: Any, high: Optional[High] = None) -> bool:
    """True if no state failed, or each that failed has an `onfail` handler with `onfail_stop: False` that worked.

    Args:
        results: tag -> result.
        high: the high data behind them.
    """
    if not isinstance(results, dict) or not results:
        return False
    return all(
        isinstance(result, dict) and (_is_fine(result) or _is_handled(tag, results, high))
        for tag, result in results.items()
    )


def _is_fine(result: Mapping[str, Any]) -> bool:
    if "result" in result:
        return result["result"] is not False
    return all(not isinstance(part, dict) or _is_fine(part) for part in result.values())


def _is_handled(tag: str, results: Running, high: Optional[High]) -> bool:
    failed: Dict[str, str] = split_tag(tag) if tag.count("_|-") == 3 else {"__id__": tag}
    verdict: Optional[bool] = None
    handlers = list(_handlers(failed, high or {}))
    for state_id, module in handlers:
        for other, result in results.items():
            known = split_tag(other) if other.count("_|-") == 3 else {"__id__": other, "state": module}
            if (known["state"], known["__id__"]) == (module, state_id) and result.get("result") in (True, False):
                verdict = result["result"] if verdict is not False else False
    return bool(verdict)


def _handlers(failed: Mapping[str, str], high: High) -> Iterator[Tuple[str, str]]:
    """(ID, module) of the states that handle a failure, so that it is none of the whole run."""
    for state_id, body in high.items():
        if state_id == failed["__id__"] or not isinstance(body, dict):
            continue
        for module, arguments in body.items():
            if module.startswith("__") or not isinstance(arguments, list):
                continue
            options: List[Dict[str, Any]] = [argument for argument in arguments if isinstance(argument, dict)]
            if not any(option.get("onfail_stop", True) is False for option in options):
                continue
            for requisite in (item for option in options for item in option.get("onfail", ())):
                items = requisite.items() if isinstance(requisite, dict) else [(failed.get("state"), requisite)]
                if any(name == failed["__id__"] and kind == failed.get("state", kind) for kind, name in items):
                    yield state_id, module


def retcode(results: Any, high: Optional[High] = None) -> int:
    """What a job with these results exits with."""
    if isinstance(results, list):
        return COMPILER_ERROR
    return OK if succeeded(results, high) else FAILURE
