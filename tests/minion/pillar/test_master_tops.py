"""master_tops: what sources assign, ours and users', to minions and on a host that is its own master."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest

from minion.pillar.master_tops import assigned
from tests.minion.box import Box

CLASSIFIER = """#!/bin/sh
case "$1" in
    web1) printf 'classes: [apache, common]\\nenvironment: prod\\n' ;;
    db1) printf 'classes:\\n  postgres: {port: 1}\\n  common:\\n' ;;
    odd1) echo 'classes: text' ;;
    bad1) echo '[a, {' ;;
    gone1) exit 3 ;;
esac
"""


@pytest.fixture
def opts(tmp_path: Path) -> Dict[str, Any]:
    """A host with a classifier and a folder for its own sources."""
    script = tmp_path / "classify me"
    script.write_text(CLASSIFIER)
    script.chmod(0o755)
    (tmp_path / "extmods/tops").mkdir(parents=True)
    return {"extension_modules": str(tmp_path / "extmods"), "master_tops": {"ext_nodes": f"'{script}'"}}


def of(opts: Dict[str, Any], minion_id: str, **grains: Any) -> Dict[str, Any]:
    return assigned(opts, minion_id, {"id": "what it claims"}, {"id": minion_id, **grains})


@pytest.mark.parametrize(
    ("minion_id", "expected"),
    [
        ("web1", {"prod": ["apache", "common"]}),
        ("db1", {"base": ["postgres", "common"]}),
        ("odd1", {}),
        ("unknown", {}),
        ("$(touch planted)", {}),
    ],
)
def test_ext_nodes(opts: Dict[str, Any], minion_id: str, expected: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert of(opts, minion_id) == expected
    assert not caplog.records


@pytest.mark.parametrize(("minion_id", "reason"), [("bad1", "did not print a mapping"), ("gone1", "exit code 3")])
def test_failures_are_logged(
    opts: Dict[str, Any], minion_id: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert of(opts, minion_id) == {}
    assert reason in caplog.text
    assert minion_id in caplog.text


def test_users_source_beside_ours_and_one_that_fails(
    opts: Dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "extmods/tops/mine.py").write_text(
        'def top(**kwargs):\n    return {"prod": ["common", kwargs["grains"]["role"]], kwargs["opts"]["id"]: ["x"]}\n'
    )
    (tmp_path / "extmods/tops/broken.py").write_text("def top(**kwargs):\n    return {'base': 'text'}\n")
    opts["master_tops"].update(broken=True, mine=True, nowhere=True)
    assert of(opts, "web1", role="db") == {"prod": ["apache", "common", "db"], "web1": ["x"]}
    assert "lists of SLS names" in caplog.text
    assert "'nowhere.top' is not available" in caplog.text


def test_nothing_is_called_that_is_not_configured(opts: Dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "extmods/tops/mine.py").write_text("def top(**kwargs):\n    return {'base': ['x']}\n")
    assert of({**opts, "master_tops": {}}, "web1") == {}
    assert of(opts, "unknown") == {}


@pytest.mark.parametrize(
    ("first", "expected"), [(False, ["own", "common", "apache"]), (True, ["apache", "common", "own"])]
)
def test_on_a_host_that_is_its_own_master(opts: Dict[str, Any], tmp_path: Path, first: bool, expected: Any) -> None:
    (tmp_path / "classify me").write_text('#!/bin/sh\necho "{classes: [apache, common], environment: base}"\n')
    box = Box(tmp_path, {"master_tops": opts["master_tops"], "master_tops_first": first})
    box.write({"srv/top.sls": "base: {'*': [own, common]}", "srv/own.sls": "a: test.nop"})
    assert box.call("state.show_top") == {"base": expected}
