"""What becomes of whole trees of SLS files and pillar, compared with a real Salt."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.minion.box import Box
from tests.minion.state.compared import GOLDEN, Case, all_cases, comparable

ANSWERS = json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning")  # in patterns, as users write them
@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_same_as_salt(case: Case, tmp_path: Path) -> None:
    if "runas: nobody" in str(case.files) and os.geteuid() != 0:
        pytest.skip("runs commands as other users")
    box = Box(tmp_path, case.options(str(tmp_path)))
    box.write(case.texts(str(tmp_path)))
    for name, words in case.calls.items():
        expected = ANSWERS[f"{case.name}: {name}"]
        outcome = box.run(*[word.replace("$ROOT", str(tmp_path)) for word in words])
        value = comparable(json.loads(json.dumps(outcome.value)), str(tmp_path))
        assert bool(outcome.retcode) is expected["failed"], (name, value)
        if outcome.error is None:
            assert value == expected.get("value", expected.get("error")), name
        else:
            assert comparable(str(outcome.error), str(tmp_path)) in expected["error"], name
