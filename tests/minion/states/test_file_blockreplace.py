from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest

from tests.minion.states.calls import State

MARKS = {"marker_start": "# START", "marker_end": "# END"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("pre\n# START\nold\n# END\npost\n")
    return path


@pytest.mark.parametrize(
    ("arguments", "block"),
    [
        ({"content": "new\n"}, "new\n"),
        ({"content": "new", "append_newline": True}, "new\n"),
        ({"content": 42}, "42\n"),
        ({"content": "first ", "source": "salt://block.j2", "context": {"who": "me"}}, "first hello me\n"),
    ],
)
def test_a_block_changes(host: State, file: Path, arguments: Dict[str, Any], block: str) -> None:
    host.box.write({"srv/block.j2": "hello {{ who }}\n"})
    predicted, first, second = host.converge("file.blockreplace", str(file), **MARKS, **arguments)
    assert (predicted["comment"], first["comment"]) == ("Changes would be made", "Changes were made")
    assert predicted["changes"] == first["changes"]
    assert second["comment"] == "No changes needed to be made"
    assert file.read_text() == f"pre\n# START\n{block}# END\npost\n"
    assert file.with_name("file.bak").exists()


def test_a_new_block(host: State, file: Path) -> None:
    marks = {"marker_start": "# A", "marker_end": "# B"}
    comment = host.fails("file.blockreplace", str(file), content="x", **marks)
    assert comment.startswith("Encountered error managing block: Cannot edit marked block. Markers were not found")
    host.converge("file.blockreplace", str(file), content="x", insert_before_match="^post", backup=False, **marks)
    assert file.read_text() == "pre\n# START\nold\n# END\n# A\nx\n# B\npost\n"


@pytest.mark.parametrize(
    ("name", "arguments", "comment"),
    [
        ("", {}, "Must provide name to file.blockreplace"),
        ("rel", {}, "Specified file rel is not an absolute path"),
        ("/nosuch", {}, "/nosuch: file not found"),
        ("/etc/passwd", {"source": "a", "sources": ["b"]}, "source and sources are mutually exclusive"),
        ("/etc/passwd", {"content": ["a", "b"]}, "The content of a block is text, not ['a', 'b']"),
        ("/etc/passwd", {"content": None}, "The content of a block is text, not None"),
        ("/etc/passwd", {"source": "salt://nosuch"}, "Failed to load template file salt://nosuch"),
    ],
)
def test_what_is_refused(host: State, name: str, arguments: Dict[str, Any], comment: str) -> None:
    assert host.fails("file.blockreplace", name, **arguments) == comment


def test_gathered_texts(host: State, file: Path, tmp_path: Path) -> None:
    host.box.write(
        {
            "srv/gather.sls": f"""
one: {{file.accumulated: [{{filename: {file}}}, {{text: [a, b]}}, {{require_in: [{{file: block}}]}}]}}
two: {{file.accumulated: [{{filename: {file}}}, {{text: [b, c]}}, {{watch_in: [{{file: block}}]}}]}}
again: {{file.accumulated: [{{name: one}}, {{filename: {file}}}, {{text: a}}, {{require_in: [{{file: block}}]}}]}}
block:
  file.blockreplace: [{{name: {file}}}, {{marker_start: '# START'}}, {{marker_end: '# END'}}, {{content: own}}]
tmpl: {{file.accumulated: [{{name: k}}, {{filename: {tmp_path}/t}}, {{text: x}}, {{require_in: [{{file: rendered}}]}}]}}
rendered:
  file.managed: [{{name: {tmp_path}/t}}, {{template: jinja}}, {{source: 'salt://gathered.j2'}}]
orphan: {{file.accumulated: [{{filename: /nosuch}}, {{text: x}}]}}
none: {{file.accumulated: [{{filename: /nosuch}}, {{text: null}}, {{require_in: [{{file: block}}]}}]}}
""",
            "srv/gathered.j2": "{{ accumulator.k }}",
        }
    )
    results = {value["__id__"]: value for value in host.box.run("state.apply", "gather").value.values()}
    assert results["one"]["comment"] == f"Accumulator one for file {file} was charged by text"
    assert results["again"]["comment"] == ""
    assert results["orphan"]["comment"] == "Orphaned accumulator orphan in gather:orphan"
    assert results["none"]["comment"] == "No text supplied for accumulator"
    assert results["block"]["result"] is False  # one that it requires has failed
    assert (tmp_path / "t").read_text() == "['x']"
