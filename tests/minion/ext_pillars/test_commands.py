"""cmd_yaml, cmd_yamlex, cmd_json."""

from __future__ import annotations

from typing import Any

import pytest

from tests.minion.pillar_lab import PillarLab


@pytest.mark.parametrize(
    ("ext", "expected"),
    [
        ({"cmd_yaml": "echo 'a: [1, two]'"}, {"a": [1, "two"]}),
        ({"cmd_yaml": "echo 'id: %s' | tr w W"}, {"id": "Web1"}),
        ({"cmd_yaml": "true"}, {}),
        ({"cmd_yamlex": "printf 'a: !aggregate [1]\\na: !aggregate [2]\\n'"}, {"a": [1, 2]}),
        ({"cmd_json": """printf '{"a": "%s", "b": "$HOME"}'"""}, {"a": "web1", "b": "$HOME"}),
        ({"cmd_json": """sh -c 'echo "{\\"a\\": 1}" | cat'"""}, {"a": 1}),
    ],
)
def test_output(pillars: PillarLab, ext: Any, expected: Any) -> None:
    assert pillars.compile([ext]) == expected


@pytest.mark.parametrize(
    ("ext", "reason"),
    [
        ({"cmd_yaml": "echo 'password: [topsecret'"}, "cmd_yaml: the command did not print YAML: ParserError"),
        ({"cmd_json": "echo topsecret"}, "cmd_json: the command did not print JSON: JSONDecodeError"),
        ({"cmd_json": "true"}, "cmd_json: the command did not print JSON: JSONDecodeError"),
        ({"cmd_yaml": "echo 'a: 1'; TOKEN=topsecret; exit 3"}, "cmd_yaml: the command ended with exit code 3"),
        ({"cmd_yaml": "echo topsecret"}, "cmd_yaml: it gave a str instead of a mapping"),
    ],
)
def test_failures_are_told_without_what_was_run_or_printed(
    pillars: PillarLab, ext: Any, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert pillars.compile([ext]) == {"_errors": [f"Failed to load ext_pillar {reason}"]}
    assert "topsecret" not in caplog.text


def test_id_is_one_word_for_the_shell(pillars: PillarLab) -> None:
    assert pillars.compile([{"cmd_yaml": "echo 'a:' %s"}], minion_id="x; exit 3") == {"a": "x; exit 3"}
