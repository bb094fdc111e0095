"""`highstate`: what a state run did, state by state, with a summary for each minion."""

from __future__ import annotations

import dataclasses
import pprint
import re
import textwrap
from typing import Any, Iterator, List, Mapping, Optional, Tuple

from minion.output._compress import compress_ids, count_of
from minion.output._summary import Tally, summary
from minion.output.nested import tree
from minion.output.settings import Settings
from minion.output.text import palette, printable_data

_MARGIN = 14
_NO_ORDER = (
    "The State execution failed to record the order in which all states were executed. "
    "The state return missing data is:"
)
_RUNS_OF_RUNS = ("state.orch", "state.orchestrate", "state.sls")


def output(data: Any, settings: Settings) -> str:
    """Every minion's states; what is not a state run is shown line by line."""
    return _runs(printable_data(data, settings), settings, 1)


def _runs(data: Any, settings: Settings, level: int) -> str:
    data = _unwrap(data)
    if data is None or isinstance(data, str):
        return str(data)
    if not isinstance(data, dict):
        raise TypeError(f"no state run but {type(data).__name__}")
    if "retcode" in data and sum(1 for key in data if key.endswith("_master")) == 1:
        data = {key: value for key, value in data.items() if key != "retcode"}
    if settings.state_compress_ids:
        data = compress_ids(data)
    return "\n".join(_Run(host, result, settings, level).text() for host, result in data.items())


def _unwrap(data: Any) -> Any:
    """The state run inside what runners and the job cache wrap around it."""
    for key in ("return", "data"):
        if isinstance(data, dict) and key in data:
            data = data[key]
    if isinstance(data, dict) and len(data) == 1:
        (job,) = data.values()
        if isinstance(job, dict) and "jid" in job and "fun" in job:
            return job.get("return", {}).get("data", data)
    return data


class _Run:
    """The text of one minion's state run."""

    def __init__(self, host: str, data: Any, settings: Settings, level: int = 1) -> None:
        self._host, self._data, self._settings, self._level = host, data, settings, level
        self._colors = palette(settings)
        self._host_color = "GREEN"
        self._tally = Tally()

    @property
    def changed(self) -> bool:
        return self._tally.changed > 0

    def text(self) -> str:
        if isinstance(self._data, dict):
            lines = list(self._states(self._data))
        elif isinstance(self._data, list):
            lines = list(self._errors(self._data))
        elif self._data is None:
            lines = []
        else:
            lines = list(self._plain(str(self._data)))
        return "\n".join([self._paint(self._host_color, f"{self._host}:"), *lines])

    def _paint(self, color: str, text: str) -> str:
        return f"{self._colors[color]}{text}{self._colors['ENDC']}"

    def _plain(self, text: str) -> Iterator[str]:
        """The result of an execution function that an orchestration called."""
        self._tally.changed = 1
        self._host_color = "CYAN"
        for line in text.splitlines():
            yield self._paint("GREEN", f"    {line}")

    def _errors(self, errors: List[Any]) -> Iterator[str]:
        self._host_color = "LIGHT_RED"
        yield "    " + self._paint("LIGHT_RED", "Data failed to compile:")
        for error in errors:
            yield self._paint("LIGHT_RED", f"----------\n    {error}")

    def _states(self, data: Mapping[str, Any]) -> Iterator[str]:
        states = {tag: state for tag, state in data.items() if isinstance(state, dict)}
        for tag, state in reversed(list(states.items())):
            if state and tag != "changes" and "__run_num__" not in state:
                yield _NO_ORDER
                yield pprint.pformat(state)
        ran = [(tag, state) for tag, state in states.items() if "result" in state]
        for tag, state in sorted(ran, key=lambda pair: pair[1].get("__run_num__", 0)):
            yield from self._state(tag, state)
        yield from summary(self._host, self._tally, self._settings, self._paint)

    def _state(self, tag: str, state: Mapping[str, Any]) -> Iterator[str]:
        settings, result = self._settings, state["result"]
        names = count_of(tag) if settings.state_compress_ids else 1
        self._tally.add(state, names)
        changed, changes = self._changes(state)
        if changed:
            compressed = state["changes"].get("compressed changes", {}) if names > 1 else {}
            self._tally.changed += len(compressed) or 1
        elif result and (settings.state_output_diff or not settings.state_verbose):
            return
        color = "CYAN" if changed else "GREEN"
        if result is False or result is None:
            color = self._host_color = "RED" if result is False else "LIGHT_YELLOW"
        module, state_id, name, function = _parts(tag)
        if settings.state_output.lower().endswith("_id"):
            name = state_id
        form = _form(state, changed, settings)
        if form == "terse":
            yield self._terse(color, module, function, name, state)
        elif form == "full":
            yield from self._full(color, f"{module}.{function}", state_id, name, state)
            yield self._paint(color, f"     Changes:   {changes}")
            yield from self._warnings(state)

    def _changes(self, state: Mapping[str, Any]) -> Tuple[bool, str]:
        """Whether the state changed something, and the text about it, which begins on a line of its own."""
        changes = state["changes"]
        if state.get("name") in _RUNS_OF_RUNS:
            nested = "\n" + _runs(changes, self._settings, self._level + 1)
            return True, re.sub("^", " " * _MARGIN * self._level, nested, flags=re.M)
        if not changes:
            return False, ""
        if not isinstance(changes, dict):
            return True, f"Invalid Changes data: {changes}"
        if changes.get("ret") is None or changes.get("out") != "highstate":
            settings = dataclasses.replace(self._settings, retcode=0)
            return True, "\n" + "\n".join(tree(changes, settings, _MARGIN)).rstrip()
        runs = [_Run(host, result, self._settings) for host, result in changes["ret"].items()]
        text = "".join("\n" + textwrap.indent(run.text(), " " * _MARGIN, lambda line: True) for run in runs)
        return any(run.changed for run in runs), text

    def _full(self, color: str, function: str, state_id: str, name: str, state: Mapping[str, Any]) -> Iterator[str]:
        yield self._paint(color, "----------")
        shown = [("      ID", state_id), ("Function", function)]
        if name != state_id:
            shown.append(("    Name", name))
        shown += [("  Result", state["result"]), (" Comment", _comment(state))]
        if self._settings.state_output_profile and "start_time" in state:
            duration = state.get("duration", "")
            shown.append((" Started", state["start_time"]))
            shown.append(("Duration", duration if duration == "" else f"{duration} ms"))
        for label, value in shown:
            yield "    " + self._paint(color, f"{label}: {value}")

    def _terse(self, color: str, module: str, function: str, name: str, state: Mapping[str, Any]) -> str:
        tabular, end = self._settings.state_tabular, self._colors["ENDC"]
        word = "Changed" if state["changes"] else "Clean"
        word = {False: "Failed", None: "Differs"}.get(state["result"], word)
        if isinstance(tabular, str):
            return tabular.format(self._colors[color], name, module, function, word, end, state)
        timed = self._settings.state_output_profile and "start_time" in state
        before = ""
        if "warnings" in state:
            lines = "\n".join(state["warnings"])
            before = self._paint("LIGHT_RED", f"Warnings:\n{lines}") + ("\n" if tabular else "")
        before += self._colors[color] if tabular else f" {self._colors[color]}"
        if tabular:
            when = f"{state['start_time']} [{state['duration']!s:>7} ms] " if timed else ""
            return f"{before}{when}{module:>10}.{function:<10} {word:7}   Name: {name}{end}"
        when = f" - Started: {state['start_time']} - Duration: {state['duration']} ms" if timed else ""
        return f"{before} Name: {name} - Function: {module}.{function} - Result: {word}{when}{end}"

    def _warnings(self, state: Mapping[str, Any]) -> Iterator[str]:
        if "warnings" in state:
            self._tally.warnings += 1
            space = " " * _MARGIN
            text = textwrap.fill("\n".join(state["warnings"]), 80, initial_indent=space, subsequent_indent=space)
            yield "   " + self._paint("LIGHT_RED", f" Warnings: {text.lstrip()}")


def _parts(tag: str) -> Tuple[str, str, str, str]:
    """Module, id, name and function of a state's tag."""
    parts = tag.split("_|-")
    return parts[0], parts[1], parts[2], parts[3]


def _form(state: Mapping[str, Any], changed: bool, settings: Settings) -> Optional[str]:
    """Whether a state is shown full, terse or not at all."""
    result, wanted = state["result"], settings.state_output.lower()
    if wanted.startswith("filter"):
        if str(result) in settings.state_output_terse:
            return "terse"
        return None if str(result) in settings.state_output_exclude else "full"
    terse = {
        "terse": True,
        "mixed": result is not False,
        "changes": bool(result) and not changed,
    }
    return "terse" if any(short for word, short in terse.items() if wanted.startswith(word)) else "full"


def _comment(state: Mapping[str, Any]) -> str:
    comment = str(state["comment"]).strip().replace("\n", "\n" + " " * _MARGIN)
    data: Any = state.get("data", [])
    if isinstance(data, list):
        return comment + "".join(f" {item}" for item in data)
    if isinstance(data, dict):
        return comment + "".join(f"\n\t\t{key}: {value}" for key, value in data.items())
    return f"{comment} {data}"
