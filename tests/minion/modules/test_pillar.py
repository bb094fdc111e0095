from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Dict

import pytest

from minion import masking
from minion.errors import CommandExecutionError
from minion.loader import Loader
from minion.loaders import build_loaders
from minion.local import LocalMaster

STARS = "**********"
MEMORY: Dict[str, Any] = {
    "a": {"b": [1, 2, {"c": "deep"}], "d": "text", "e": None, "f": "", "g": 0},
    "role": "web",
    "x:y": "colon",
    "binary": b"raw",
}


@pytest.fixture
def salt(tmp_path: Path) -> Loader:
    for env, role in (("base", "fresh"), ("dev", "{{ saltenv }}-only")):
        folder = tmp_path / "pillar" / env
        folder.mkdir(parents=True)
        (folder / "top.sls").write_text(f"{env}: {{'*': [p]}}\n")
        (folder / "p.sls").write_text(
            f"role: {role}\nkernel: {{{{ grains.kernel }}}}\ngiven: {{{{ pillar.get('x') }}}}\n"
        )
    opts: Dict[str, Any] = {
        "id": "box",
        "root_dir": str(tmp_path),
        "conf_dir": str(tmp_path),
        "cachedir": str(tmp_path / "cache"),
        "extension_modules": str(tmp_path / "ext"),
        "file_roots": {"base": [str(tmp_path / "srv")]},
        "pillar_roots": {env: [str(tmp_path / "pillar" / env)] for env in ("base", "dev")},
        "file_client": "local",
        "renderer": "jinja|yaml",
        "saltenv": None,
        "pillarenv": "base",
        "hash_type": "sha256",
    }
    grains = {"id": "box", "kernel": "Linux"}
    return build_loaders(opts, grains, dict(MEMORY), LocalMaster(opts, grains)).modules


def test_people_see_stars(salt: Loader) -> None:
    assert salt["pillar.get"]("role") == STARS
    assert salt["pillar.get"]("a") == {"b": [STARS, STARS, {"c": STARS}], "d": STARS, "e": None, "f": "", "g": 0}
    assert salt["pillar.get"]("binary") == STARS.encode()
    assert salt["pillar.item"]("role", "nope") == {"role": STARS, "nope": ""}
    assert salt["pillar.items"]() == {"role": STARS, "kernel": STARS, "given": STARS}
    assert salt["pillar.raw"]("a", unmask=False)["d"] == STARS


def test_templates_see_values(salt: Loader) -> None:
    with masking.in_clear():
        assert salt["pillar.get"]("role") == "web"
        assert salt["pillar.item"]("role") == {"role": "web"}
    assert salt["pillar.get"]("role") == STARS


@pytest.mark.parametrize(
    ("key", "options", "expected"),
    [
        ("role", {}, "web"),
        ("a:b:2:c", {}, "deep"),
        ("a:b:0", {}, 1),
        ("a:e", {}, None),
        ("nope", {}, ""),
        ("nope", {"default": 7}, 7),
        ("a:nope", {"default": None}, None),
        ("x:y", {"delimiter": "|"}, "colon"),
        ("a:b", {"default": [1, 9], "merge": True}, [1, 9, 2, {"c": "deep"}]),
        ("a", {"default": {"d": 0, "z": 1, "b": [9]}, "merge": True}, {**MEMORY["a"], "z": 1}),
        ("nope", {"default": {"z": 1}, "merge": True}, {"z": 1}),
        ("role", {"default": {"z": 1}, "merge": True}, "web"),
        ("role", {"default": "x", "merge": True}, "web"),
    ],
)
def test_get(salt: Loader, key: str, options: Dict[str, Any], expected: Any) -> None:
    assert salt["pillar.get"](key, unmask=True, **options) == expected
    assert salt["pillar.fetch"](key, unmask=True, **options) == expected


def test_nested_lists_are_merged_if_wanted(salt: Loader) -> None:
    default = {"b": [9]}
    merged = salt["pillar.get"]("a", default, merge=True, merge_nested_lists=True, unmask=True)
    assert merged["b"] == [9, 1, 2, {"c": "deep"}]
    assert default == {"b": [9]}
    salt.dunders["__opts__"]["pillar_merge_lists"] = True
    assert salt["pillar.get"]("a", default, merge=True, unmask=True)["b"] == [9, 1, 2, {"c": "deep"}]


def test_no_value_is_logged_when_kinds_differ(salt: Loader, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        salt["pillar.get"]("role", {"secret": "hidden"}, merge=True)
    assert "they are not merged" in caplog.text
    assert "web" not in caplog.text and "hidden" not in caplog.text


def test_missing_ones_can_be_errors(salt: Loader) -> None:
    salt.dunders["__opts__"]["pillar_raise_on_missing"] = True
    with pytest.raises(KeyError, match="Pillar key not found: nope"):
        salt["pillar.get"]("nope")
    assert salt["pillar.get"]("nope", "") == ""


def test_a_fresh_pillar(salt: Loader) -> None:
    expected = {"role": "fresh", "kernel": "Linux", "given": "None"}
    assert salt["pillar.items"](unmask=True) == expected
    assert salt["pillar.data"](unmask=True) == expected
    assert salt["pillar.items"](pillar={"x": "y"}, unmask=True) == {**expected, "x": "y"}
    assert salt["pillar.items"](pillarenv="dev", unmask=True)["role"].endswith("-only")
    assert salt["pillar.get"]("role", pillarenv="base", unmask=True) == "fresh"
    assert salt["pillar.item"]("role", pillarenv="base", unmask=True) == {"role": "fresh"}
    assert salt["pillar.items"]("role", unmask=True) == {"role": "web"}
    assert salt["pillar.ls"]() == ["role", "kernel", "given"]
    assert salt["pillar.get"]("role", unmask=True) == "web", "memory was changed"


def test_saltenv_names_the_pillar_if_configured(salt: Loader) -> None:
    assert salt["pillar.get"]("role", saltenv="dev", unmask=True) == "fresh"
    salt.dunders["__opts__"]["pillarenv_from_saltenv"] = True
    assert salt["pillar.get"]("role", saltenv="dev", unmask=True).endswith("-only")


def test_masking_of_items_can_be_configured_away(salt: Loader) -> None:
    salt.dunders["__opts__"]["pillar_mask_output"] = False
    assert salt["pillar.items"]()["role"] == "fresh"
    assert salt["pillar.items"](unmask=False)["role"] == STARS
    assert salt["pillar.get"]("role") == STARS


def test_obfuscate(salt: Loader) -> None:
    assert salt["pillar.obfuscate"](pillar={"n": [1, {"s": ""}], "none": None}) == {
        "role": "<str>",
        "kernel": "<str>",
        "given": "<str>",
        "n": ["<int>", {"s": "<str>"}],
        "none": "<NoneType>",
    }
    assert salt["pillar.obfuscate"]("role") == {"role": "<str>"}


def test_raw_and_keys(salt: Loader) -> None:
    assert salt["pillar.raw"]() == MEMORY
    assert salt["pillar.raw"]("role") == "web"
    assert salt["pillar.raw"]("nope") == {}
    assert salt["pillar.keys"]("a") == ["b", "d", "e", "f", "g"]
    with pytest.raises(ValueError, match="Pillar value in key role is not a dict"):
        salt["pillar.keys"]("role")
    with pytest.raises(KeyError, match="Pillar key not found: nope"):
        salt["pillar.keys"]("nope")


def test_file_exists(salt: Loader) -> None:
    assert salt["pillar.file_exists"]("p.sls") is True
    assert salt["pillar.file_exists"]("nope.sls") is False
    assert salt["pillar.file_exists"]("p.sls", saltenv="dev") is True
    assert salt["pillar.file_exists"]("p.sls", saltenv="none") is False
    salt.dunders["__opts__"]["pillar_roots"] = {}
    with pytest.raises(CommandExecutionError, match="No pillar_roots found"):
        salt["pillar.file_exists"]("p.sls")


def test_filter_by(salt: Loader) -> None:
    assert salt["pillar.filter_by"]({"w*": "serve", "default": "x"}, "role") == "serve"
    assert salt["pillar.filter_by"]({"db": "query", "default": "x"}, "role") == "x"
    lookup = {"web": {"a": 1}, "base": {"b": 2}}
    assert salt["pillar.filter_by"](lookup, "role", base="base", merge={"c": 3}) == {"a": 1, "b": 2, "c": 3}


def test_only_allowed_renderers_decrypt(salt: Loader) -> None:
    with pytest.raises(
        CommandExecutionError, match="Failed to decrypt pillar override: 'jinja' is not allowed, only gpg"
    ):
        salt["pillar.items"](pillar={"x": "y"}, pillar_enc="jinja")


class _Silent:
    """A master that refuses."""

    def request(self, cmd: str, **load: Any) -> Any:
        return False


def test_an_answer_that_is_no_pillar_is_an_error(salt: Loader) -> None:
    salt.inject("__master__", _Silent())
    with pytest.raises(CommandExecutionError, match="The master gave no pillar for 'box' but bool"):
        salt["pillar.items"]()
