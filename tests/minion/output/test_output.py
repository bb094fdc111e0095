"""What each outputter prints, compared with what Salt 3008 prints of the same data."""

from __future__ import annotations

import importlib.util
import io
import json
import logging
import unicodedata
from pathlib import Path
from typing import Any, Dict

import pytest
import yaml

from minion.output import OUTPUTTERS, Settings, choose, from_opts, render
from minion.output.progress import Bar

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("output_cases", HERE / "cases.py")
assert _spec and _spec.loader
cases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cases)

GOLDEN: Dict[str, Any] = json.loads((HERE / "golden.json").read_text())
# Here Salt lets characters through that act on the terminal; `test_nothing_steers_the_terminal` says what we print.
SAFER = {"carriage-returns", "esc", "separators"}

HOSTILE = "a\x07b\x1b]0;owned\x07c\x9b31md\u202egpj\x7f\x08e\rf"


def _settings(options: Dict[str, Any]) -> Settings:
    options = dict(options)
    retcode, arg = options.pop("_retcode", 0), options.pop("arg", ())
    return from_opts(options, terminal=False, retcode=retcode, arg=arg)


@pytest.mark.parametrize("name", cases.CASES)
def test_same_text_as_salt(name: str) -> None:
    outputter, data, options = cases.CASES[name]
    before = repr(data)
    text = render(data, outputter, _settings(options))
    assert repr(data) == before, "the data was changed"
    if name.split("/")[1] in SAFER and text != GOLDEN[name]:
        assert not {char for char in text if unicodedata.category(char) == "Cc"} - set("\n\t\x1b")
        return
    assert text == (GOLDEN[name] or "")


@pytest.mark.parametrize("outputter", sorted(set(OUTPUTTERS) - {"quiet", "progress"}))
def test_nothing_steers_the_terminal(outputter: str) -> None:
    data: Any = {HOSTILE: {"k": HOSTILE, "name": HOSTILE}}
    if outputter == "key":
        data = {"minions": [HOSTILE]}
    if outputter == "profile":
        data = {"web": {f"cmd_|-x_|-{HOSTILE}_|-run": {"name": HOSTILE, "duration": 1}}}
    for value in (data, {"web": HOSTILE}, [HOSTILE], HOSTILE, {"web": [HOSTILE, {"a": HOSTILE}]}):
        text = render(value, outputter, Settings(terminal=True))
        assert text.isprintable() or all(char.isprintable() or char in "\n\t" for char in text)


def test_hostile_states_are_harmless() -> None:
    state = {"result": False, "comment": HOSTILE, "name": HOSTILE, "changes": {HOSTILE: HOSTILE}, "__run_num__": 0}
    tag = f"cmd_|-{HOSTILE}_|-{HOSTILE}_|-run"
    for form in ("full", "terse"):
        text = render({HOSTILE: {tag: {**state, "warnings": [HOSTILE]}}}, "highstate", Settings(state_output=form))
        assert all(char.isprintable() or char in "\n\t" for char in text)
    assert "a\\x07b?]0;owned" in text


def test_escaped_json_and_yaml_still_say_the_same() -> None:
    data = {"web": HOSTILE, "emoji": "🎉", "surrogate": "\udc80"}
    assert json.loads(render(data, "json", Settings())) == data
    del data["surrogate"]
    assert yaml.safe_load(render(data, "yaml", Settings())) == data


def test_raw_text_passes_only_if_no_terminal_sees_it() -> None:
    assert render("\x1b[31m", "raw", Settings(terminal=False)) == "\x1b[31m"
    assert render("\x1b[31m", "raw", Settings(terminal=True)) == "?[31m"


def test_colors_of_the_data_pass_if_wanted_and_nothing_else_does() -> None:
    text = render({"web": "\x1b[31mred\x1b[0m \x1b[2J"}, "nested", Settings(strip_colors=False))
    assert text == "web:\n    \x1b[31mred\x1b[0m ?[2J"


def test_what_salt_loses_is_shown() -> None:
    assert render({"web": b"\xff\x00ok"}, "nested", Settings()) == "web:\n    \\xff\\x00ok"
    assert render({"web": {"b", "a"}}, "nested", Settings()) == "web:\n    - a\n    - b"
    assert json.loads(render({"web": {(1, 2): "x"}}, "json", Settings())) == {"web": {"(1, 2)": "x"}}
    words = " ".join(["word"] * 20)
    table = render({"sw": [["a", words]]}, "table", Settings())
    assert table.count("word") == 20
    assert render({"web": 1.5}, "highstate", Settings()) == "web:\n    1.5"
    assert render({"web": 1}, "yaml", Settings(indent=None)) == "{web: 1}"


def test_results_named_as_values_filter_too() -> None:
    arg = [{"__kwarg__": True, "terse": True}]
    text = render({"web": cases.GOOD}, "highstate", from_opts({"state_output": "filter"}, terminal=False, arg=arg))
    assert text.count(" - Result: ") == 3


def test_profile() -> None:
    text = render({"web": cases.STATES}, "profile", Settings(table={"separate_rows": False}))
    lines = [line.strip(" |").split() for line in text.splitlines()[2:]]
    assert [line[0] for line in lines] == ["nginx", "/etc/x", "par", "false", "vim"]
    assert lines[0][-1] == "1.2500"


def test_values_only() -> None:
    assert render({"a": ["x", 1], "b": "y"}, "newline_values_only", Settings()) == "x\n1\ny"


def test_quiet() -> None:
    assert render({"a": 1}, "quiet", Settings()) == ""


def test_an_unknown_outputter_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert render({"a": 1}, "fancy", Settings()) == "a:\n    1"
    assert caplog.messages == ["Invalid outputter fancy specified, fall back to nested"]


@pytest.mark.parametrize(
    ("asked", "proposed", "fun", "static", "expected"),
    [
        ("", "", "test.ping", False, "nested"),
        ("json", "highstate", "state.apply", False, "json"),
        ("", "highstate", "state.apply", False, "highstate"),
        ("highstate", "nested", "test.ping", False, "nested"),
        ("highstate", "", "test.ping", False, "nested"),
        ("highstate", "", "test.ping", True, "highstate"),
        ("", "", "state.apply", True, "highstate"),
        ("", "", "test.ping", True, "nested"),
    ],
)
def test_choice(asked: str, proposed: str, fun: str, static: bool, expected: str) -> None:
    assert choose(asked, proposed, fun=fun, static=static) == expected


@pytest.mark.parametrize(
    ("opts", "terminal", "color"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"no_color": True}, True, False),
        ({"force_color": True, "no_color": True}, False, True),
        ({"color": False}, True, False),
        ({"color": True}, False, True),
    ],
)
def test_color(opts: Dict[str, Any], terminal: bool, color: bool) -> None:
    assert from_opts(opts, terminal=terminal).color is color


def test_theme(tmp_path: Path) -> None:
    theme = tmp_path / "theme.yml"
    theme.write_text("CYAN: '0;34'\n")
    settings = from_opts({"color": True, "color_theme": str(theme)}, terminal=True)
    assert render({"a": 1}, "nested", settings).startswith("\x1b[0;34ma\x1b[0;0m:")
    assert from_opts({"color_theme": str(tmp_path / "none")}, terminal=True).theme == {}


def test_progress_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    now = [0.0]
    stream = io.StringIO()
    bar = Bar(4, stream, lambda: now[0])
    now[0] = 3725
    bar.update(2)
    bar.update(5)
    bar.finish()
    start, half, full = stream.getvalue().strip("\r\n").split("\r")
    assert start.startswith("  0% |  ") and start.endswith("| Elapsed Time: 0:00:00 Returns: [0/4]")
    assert half.startswith(" 50% |#") and half.endswith(" |" + "| Elapsed Time: 1:02:05 Returns: [2/4]"[1:])
    assert full.startswith("100% |#") and full.endswith("#| Elapsed Time: 1:02:05 Returns: [5/5]")
    assert {len(line) for line in (start, half, full)} == {70}
