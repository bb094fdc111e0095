"""Filters whose results depend on the moment or on chance.

All others are compared with a real Salt in state/cases/jinja.yaml.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any

import pytest

from minion.jinja.filters import FILTERS, files, network, text
from minion.templates import render_template


def render(expression: str, **context: Any) -> str:
    variables = {"opts": {}, "saltenv": "base", "salt": {}}
    return render_template("jinja", "{{ " + expression + " }}", variables, context=context)


def test_chance() -> None:
    assert len(render("1|random_str")) == 1
    assert len(render("32|random_str")) == 32
    assert len(render("9999|rand_str('md5')")) == 32
    sample = render("[1, 2, 3, 4, 5]|random_sample(2, seed='x')")
    assert sample == render("[1, 2, 3, 4, 5]|random_sample(2, seed='x')")
    shuffled = render("[1, 2, 3, 4, 5]|random_shuffle(seed='x')")
    assert sorted(shuffled) == sorted("[1, 2, 3, 4, 5]")
    mac = render("'AC:DE:48'|gen_mac")
    assert mac.startswith("AC:DE:48:")
    assert len(mac) == 17


def test_now() -> None:
    today = datetime.date.today()
    assert render("None|strftime('%Y')") in (str(today.year), str((today + datetime.timedelta(1)).year))
    assert render("when|strftime('%H')", when=datetime.datetime(2024, 1, 1, 13)) == "13"


def test_files(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\0\1\2")
    (tmp_path / "text").write_text("text")
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    assert files.is_bin_file(str(tmp_path / "binary"))
    assert not files.is_bin_file(str(tmp_path / "text"))
    assert files.is_text_file(str(tmp_path / "text"))
    assert not files.is_text_file(str(tmp_path / "folder"))
    assert files.is_empty(str(tmp_path / "empty"))
    found = files.list_files(str(tmp_path))
    assert found[0] == str(tmp_path)
    assert sorted(map(os.path.basename, found[1:])) == ["binary", "empty", "folder", "text"]
    with pytest.raises(ValueError, match="Invalid hash type: nosuch"):
        files.file_hashsum(str(tmp_path / "text"), "nosuch")
    assert files.which("sh") in ("/bin/sh", "/usr/bin/sh")
    assert files.which(None) is None


def test_http_query_is_the_function() -> None:
    variables = {"opts": {}, "saltenv": "base", "salt": {"http.query": lambda url, **options: {"body": url, **options}}}
    text_ = "{{ ('http://x'|http_query(status=True)).body }}"
    assert render_template("jinja", text_, variables) == "http://x"


def test_wrong_input() -> None:
    assert network.is_ip(None) is False
    assert network.ipaddr(5) is None
    assert FILTERS["is_list"]("x") is False
    assert text.to_num("nan?") == "nan?"
    for name in ("to_bool", "is_list", "is_ip", "sequence", "json_encode_dict"):
        FILTERS[name](None)
