"""file_tree: folders and files as pillar data."""

from __future__ import annotations

from typing import Any

import pytest

from tests.minion.pillar_lab import PillarLab


@pytest.fixture
def tree(pillars: PillarLab) -> PillarLab:
    """A host's files and those of two nodegroups, of which it belongs to one."""
    pillars.write("tree/hosts/web1/files/motd", "hello\n")
    pillars.write("tree/hosts/web1/files/deep/key", "a\nb\n\n")
    pillars.write("tree/hosts/web1/top", "{{ 1 + 1 }} {{ grains.os }}\n")
    pillars.write("tree/hosts/web2/files/other", "other\n")
    pillars.write("tree/nodegroups/debs/files/motd", "from the group\n")
    pillars.write("tree/nodegroups/debs/group", "yes\n")
    pillars.write("tree/nodegroups/alpines/group", "no\n")
    (pillars.root / "tree/hosts/web1/files/bin").write_bytes(b"\xff\x00\n")
    (pillars.root / "tree/hosts/web1/link").symlink_to(pillars.root / "tree/nodegroups/alpines")
    (pillars.root / "tree/hosts/web1/lost").symlink_to("nowhere")
    pillars.opts["nodegroups"] = {"debs": "G@os:Debian", "alpines": "G@os:Alpine"}
    return pillars


def compiled(tree: PillarLab, **options: Any) -> Any:
    return tree.compile([{"file_tree": {"root_dir": str(tree.root / "tree"), **options}}])


def test_host_over_nodegroup(tree: PillarLab) -> None:
    assert compiled(tree) == {
        "files": {"motd": b"hello", "deep": {"key": b"a\nb\n"}, "bin": b"\xff\x00"},
        "top": b"{{ 1 + 1 }} {{ grains.os }}",
        "group": b"yes",
        "link": {},
    }


def test_links_to_folders(tree: PillarLab) -> None:
    assert compiled(tree, follow_dir_links=True)["link"] == {"group": b"no"}


@pytest.mark.parametrize(
    ("keep", "motd", "top"),
    [
        (True, b"hello\n", b"{{ 1 + 1 }} {{ grains.os }}\n"),
        (["files/*"], b"hello\n", b"{{ 1 + 1 }} {{ grains.os }}"),
        (["./top"], b"hello", b"{{ 1 + 1 }} {{ grains.os }}\n"),
    ],
)
def test_newlines(tree: PillarLab, keep: Any, motd: bytes, top: bytes) -> None:
    found = compiled(tree, keep_newline=keep)
    assert (found["files"]["motd"], found["top"]) == (motd, top)


def test_templates(tree: PillarLab) -> None:
    (tree.root / "tree/hosts/web1/files/bin").unlink()
    tree.write("tree/hosts/web1/data", "#!yaml\na: [1]\n")
    found = compiled(tree, template=True, render_default="jinja")
    assert (found["top"], found["data"]) == ("2 Debian", {"a": [1]})


def test_relative_to_the_pillar_environment(tree: PillarLab) -> None:
    tree.opts["pillar_roots"] = {"dev": [str(tree.root / "nothing"), str(tree.root)]}
    ext = [{"file_tree": {"root_dir": "tree"}}]
    assert tree.compile(ext, pillarenv="dev")["group"] == b"yes"
    assert "pillarenv None has no pillar_roots" in tree.compile(ext)["_errors"][0]


def test_wrong_options_are_errors(tree: PillarLab) -> None:
    assert "does not exist" in tree.compile([{"file_tree": "/nowhere/at/all"}])["_errors"][0]
    assert "no root_dir" in tree.compile([{"file_tree": {}}])["_errors"][0]
    assert "keep_newline must be" in compiled(tree, keep_newline="x")["_errors"][0]


def test_unknown_minion_has_its_nodegroups(tree: PillarLab) -> None:
    ext = [{"file_tree": {"root_dir": str(tree.root / "tree")}}]
    assert tree.compile(ext, minion_id="new") == {"files": {"motd": b"from the group"}, "group": b"yes"}
