"""Rule 2: names from peers never lead anywhere but where they belong."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import pytest

from tests.security.peer import BAD_LOAD, Peer
from tests.security.running import Master
from transports import codec

SECRET = secrets.token_hex(16)


def OPTIONS(root: Path) -> dict[str, Any]:  # noqa: N802
    return {
        "file_roots": {"base": [f"{root}/srv/salt"], "__env__": [f"{root}/srv/envs/__env__"]},
        "pillar_roots": {"base": [f"{root}/srv/pillar"], "__env__": [f"{root}/srv/pillars/__env__"]},
    }


def prepare(master: Master) -> None:
    """Files to be served, and everything around them that must not be."""
    srv = master.root / "srv"
    for name in ("salt/sub", "envs/dev", "envs/.hidden", "outside", "pillars/dev"):
        (srv / name).mkdir(parents=True)
    for name in ("secret", "outside/secret", "envs/secret", "envs/.hidden/secret"):
        (srv / name).write_text(SECRET)
    (srv / "salt/plain").write_text("plain")
    (srv / "salt/sub/deep").write_text("deep")
    (srv / "envs/dev/plain").write_text("of dev")
    (srv / "pillars/dev/top.sls").write_text("dev: {'*': [x]}")
    (srv / "pillars/dev/x.sls").write_text("of: dev")
    (srv / "salt/to_file").symlink_to("../secret")
    (srv / "salt/to_folder").symlink_to("../outside")
    (srv / "salt/to_root").symlink_to("/")
    (srv / "salt/to_plain").symlink_to("plain")
    (srv / "salt/to_itself").symlink_to("to_itself")
    (srv / "salt/sub/up").symlink_to("..")
    os.mkfifo(srv / "salt/pipe")
    os.mknod(srv / "salt/device", 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero


IDS = [
    "..", ".", "../x", "a/b", "/etc/passwd", "a\\b", "x\0", "x\n", "x\r\ny", " x", "x ", "ü", "x\u202e", "x" * 201,
    "", "-x",
    ".x", "x.", "x..y", "x.p", "x.pub", "x.pem", "x.tmp", "master", "minions", "minions_pre", "minions_autosign", "con",
    "NUL", "lpt1.txt", "*", "?", "[a-z]", "{x}", "$HOME", "`id`", "x;y", "x|y", "x%2fy", "~root", "\uff27OOD", "ⅿaster",
    None, 7,
    ["x"], {"x": 1}, b"\xff",
]  # fmt: skip


@pytest.mark.parametrize("minion_id", IDS, ids=repr)
def test_ids_that_are_no_ids(master: Master, good: Peer, minion_id: Any):
    before = set(master.files())
    good.wire.send(good.introduction(id=minion_id))
    assert good.wire.receive() == BAD_LOAD
    assert set(master.files()) == before


@pytest.mark.parametrize("minion_id", ["GOOD", "Good", "gooD"])
def test_ids_that_look_like_another(master: Master, good: Peer, minion_id: str):
    twin = master.peer(minion_id)
    assert twin.show()["ret"] is False
    assert not (master.pki / "minions" / minion_id).exists()


# ------------------------------------------------------------------- files

PATHS = [
    "../secret", "/etc/hostname", "//etc/hostname", "sub/../../secret", "./../secret", "sub/./../../secret", "..",
    "../../../../../../etc/hostname", "..\\secret", "sub\\..\\..\\secret", "%2e%2e/secret", "..%2fsecret",
    "..%00/secret",
    "plain\0", "plain\0.txt", "\0", "to_file", "to_folder/secret", "to_root/etc/hostname", "to_itself",
    "sub/up/../../secret",
    "to_folder/../secret", "pipe", "device", "sub", ".", "", "/", "salt://../secret", "file:///etc/hostname",
    "|../secret",
    "|/etc/hostname", "../secret?saltenv=base", "?saltenv=../outside", "x" * 5000, "/".join(["x"] * 2000), "x" * 300,
    "~/secret", "$HOME/x", "*", "sub/*", ["plain"], {"plain": 1}, 7, True, b"\xff", "../envs/secret", "plain/",
    "plain/x",
    "line\nline", "\x1b[2J",
]  # fmt: skip
MISSING = {
    "_serve_file": {"data": "", "dest": ""},
    "_file_hash": "",
    "_file_hash_and_stat": ["", None],
    "_file_find": {"path": "", "rel": ""},
}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: repr(path)[:40])
def test_paths_out_of_the_root_are_missing(evil: Peer, path: Any):
    fine = path == "plain/"
    for cmd, missing in MISSING.items():
        answer = evil.ask(cmd, path=path, saltenv="base")
        assert fine or answer == missing, cmd
        assert SECRET not in str(answer) and "hostname" not in str(answer)


def test_what_is_inside_is_served(evil: Peer):
    for path, content in (("plain", "plain"), ("sub/deep", "deep"), ("to_plain", "plain"), ("sub/up/plain", "plain")):
        assert evil.ask("_serve_file", path=path, saltenv="base", loc=0)["data"] == content
    assert evil.ask("_serve_file", path="plain", saltenv="dev")["data"] == "of dev"


def test_lists_tell_nothing_of_what_is_outside(evil: Peer):
    for cmd in ("_file_list", "_dir_list", "_file_list_emptydirs", "_symlink_list"):
        for prefix in ("", "../", "..", "/", "to_folder", "to_root", "\0", "*"):
            listed = str(evil.ask(cmd, saltenv="base", prefix=prefix))
            assert "secret" not in listed and "outside" not in listed and "etc" not in listed
    assert evil.ask("_symlink_list", saltenv="base") == {"to_itself": "to_itself", "to_plain": "plain"}


ENVIRONMENTS = [
    "../outside", "..", "dev/..", "dev/../../outside", "/etc", "dev//..", ".hidden", "dev\0", "dev\n", "nothere",
    "__env__",
    "*", "", "dev\\..", "%2e%2e", "x" * 200, ["dev"], {"dev": 1}, 7, b"\xff", "base/../../outside",
]  # fmt: skip


@pytest.mark.parametrize("saltenv", ENVIRONMENTS, ids=repr)
def test_environments_that_do_not_exist(evil: Peer, saltenv: Any):
    for path in ("secret", "hostname"):
        assert evil.ask("_serve_file", path=path, saltenv=saltenv)["data"] == ""
    for cmd in ("_file_list", "_dir_list", "_symlink_list"):
        assert "secret" not in str(evil.ask(cmd, saltenv=saltenv))
    pillar = evil.ask("_pillar", grains={}, saltenv=saltenv, pillarenv=saltenv)
    assert pillar is False or "of" not in pillar
    assert SECRET not in str(pillar)


def test_an_environment_that_exists_is_found(evil: Peer):
    assert evil.ask("_pillar", grains={}, pillarenv="dev") == {"of": "dev"}
    assert evil.ask("_file_list", saltenv="dev") == ["plain"]


# ------------------------------------------------------- job ids and functions

JIDS = [
    "", "x", "2026", "20261120", "20261320000000000000", "20260230000000000000", "00000000000000000000",
    "2026112000000000000\u0660",
    "20261120000000000000_", "20261120000000000000_../../x", "20261120000000000000_" + "a" * 17,
    "20261120000000000000\n",
    "../../20261120000000000000", "20261120000000000000/../x", "req\n", "*", 20261120, None, ["req"], {}, b"\xff",
]  # fmt: skip


@pytest.mark.parametrize("jid", JIDS, ids=repr)
def test_job_ids_that_are_none(master: Master, evil: Peer, jid: Any):
    before = set(master.files())
    assert evil.give_back(jid) is None
    assert evil.ask("_ack", jid=jid) == {}
    assert evil.ask("pub_ret", jid=jid) == {}
    assert set(master.files()) == before
    assert not [record.job.jid for record in master.store.find()]


@pytest.mark.parametrize(
    "tag",
    [
        "", "/", "a//b", "/a", "a/", "a/../b", "..", "a b", "a\nb", "a\0b", "a\x1bb", "ü", "a*b", "a?b", "[a]",
        "x" * 257, "a\\b",
        "a%2fb", ["a"], {"a": 1}, 7, True, b"\xff",
    ],
    ids=repr,
)  # fmt: skip
def test_tags_that_are_none(master: Master, evil: Peer, tag: Any):
    with master.events() as bus:
        evil.send_event(tag, {"x": 1})
        evil.ask("_minion_event", events=[{"tag": tag, "data": {}}, tag, None, 7, {"data": {}}, {"tag": None}])
        evil.send_event("custom/last")
        assert bus.get_event(full=True)["tag"] == "custom/last"


def test_the_store_keeps_names_in_their_places(master: Master, evil: Peer):
    evil.ask("_mine", data={"../../../auth/publish": "x", "\0": 1, "a/b": 2}, clear=False)
    evil.ask("_pillar", grains={"id": "../../x", "../x": 1})
    kept = [name for name in master.files() if "by_minion" in name]
    assert set(kept) == {f"var/cache/salt/master/by_minion/evil/{kind}" for kind in ("grains", "mine", "pillar")}
    assert codec.unpack((master.cache / "by_minion/evil/grains").read_bytes())["id"] == "evil"
