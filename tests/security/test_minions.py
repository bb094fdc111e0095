"""Rule 5: what an accepted minion may do, and what it may not though its key is accepted."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from master.tags import job_return
from tests.security.peer import Listener, NoReply, Peer, soon, until
from tests.security.running import Master
from transports import codec


def OPTIONS(root: Path) -> dict[str, Any]:  # noqa: N802
    return {
        "file_recv": True, "file_recv_max_size": 1, "file_recv_quota": 1,
        "mine_get": {"evil": ["open", "guarded.*"], "friend": [".*"], "dumb": [".*"]},
        "peer": {
            "evil": ["test.ping", "test\\.ec.*", {"good": ["status.uptime"]}],
            "friend": [".*"],
        },
        "peer_run": {"friend": ["test.arg", "test.stdout_print"]},
        "pillar_roots": {"base": [f"{root}/srv/pillar"]},
    }  # fmt: skip


def prepare(master: Master) -> None:
    """A pillar that differs from minion to minion."""
    pillar = master.root / "srv/pillar"
    (pillar / "top.sls").write_text("base: {'good': [secret], '*': [all], 'G@role:boss': [boss]}")
    (pillar / "secret.sls").write_text("word: hidden")
    (pillar / "all.sls").write_text("mine: {{ grains.id }}\nminion: {{ opts.id }}")
    (pillar / "boss.sls").write_text("boss: True")


@pytest.fixture(scope="module")
def friend(master: Master) -> Peer:
    """A minion that may publish."""
    return master.minion("friend")


def fired(master: Master, act: Callable[[], Any]) -> list[dict[str, Any]]:
    """All events that an act causes, up to a last one of our own."""
    with master.events() as bus:
        act()
        master.minion("marker").send_event("custom/end")
        events: list[dict[str, Any]] = []
        while not events or events[-1]["tag"] != "custom/end":
            events.append(bus.get_event(full=True))
    return [event for event in events[:-1] if event["tag"] != "salt/auth"]


# ---------------------------------------------------------------- events

FORGED = [
    "salt/minion/good/start", "salt/minion/good/x", "salt/beacon/good/load", "salt/auth", "salt/key", "key",
    "salt/run/x/ret",
    "salt/wheel/x/new", "salt/cloud/x", "salt/job/20261120000000000000/new", "salt/job/20261120000000000000/ret/good",
    "salt/job/20261120000000000000/ret/evil", "salt/job/20261120000000000000/publish", "salt/presence/change", "salt/x",
    "salt/job/20261120000000000000/prog/evil/1", "salt/job/20261120000000000000/prog/good/1", "syndic/x",
    "syndic/evil/x",
    "minion/refresh/good", "minion/refresh/evil", "_salt", "_salt_error/x", "_saltx", "minion_startx", "salt", "minion",
    "20261120000000000000", "20261120000000000000/ret", "salt/stats/evil",
    "salt/master/start", "salt/cluster/x", "salt/reactor/x", "salt/engine/x", "salt/syndic/evil/start",
]  # fmt: skip


def test_no_form_of_an_event_forges_a_tag(master: Master, evil: Peer):
    def forge() -> None:
        for tag in FORGED:
            evil.send_event(tag, {"id": "good"})
            evil.ask("_minion_event", tag=tag, data={}, pretag="salt")
            prefix, _, rest = tag.partition("/")
            evil.ask("_minion_event", tag=rest or "x", data={}, pretag=prefix)
        events = [{"tag": tag, "data": {"id": "good", "pretag": "salt"}} for tag in FORGED]
        evil.ask("_minion_event", events=events, pretag=None)
        evil.ask("_minion_event", events=events, pretag="salt")
        evil.ask("_minion_event", events=[{"tag": "minion/good/start", "data": {}}], pretag="salt")

    allowed = {tag.partition("/")[2] for tag in FORGED} | {"x"}
    for event in fired(master, forge):
        assert event["tag"] in allowed and not event["tag"].startswith(("salt", "minion", "syndic", "key"))


def test_what_may_be_fired_carries_the_true_id(master: Master, evil: Peer):
    claims = {"id": "good", "cmd": "_return", "_stamp": "never", "tag": "salt/auth", "data": {"id": "good"}}

    def fire() -> None:
        for tag in ("custom/x", "salt/minion/evil/start", "salt/beacon/evil/load", "minion_start", "_salt_error"):
            evil.send_event(tag, {"id": "good"}, id="evil", _stamp="never")
            evil.ask("_minion_event", events=[{"tag": tag, "data": claims}])

    events = fired(master, fire)
    assert len(events) == 10
    for event in events:
        assert event["data"]["id"] == "evil" and event["data"]["cmd"] == "_minion_event"
        assert event["data"]["_stamp"] != "never"


def test_progress_only_of_jobs_that_it_does(master: Master, evil: Peer, good: Peer):
    jid = master.publish(["good"])
    own = master.publish(["evil"])
    tags = [f"salt/job/{one}/prog/{who}/1" for one in (jid, own) for who in ("evil", "good")]
    events = fired(master, lambda: [evil.send_event(tag) for tag in tags])
    assert [event["tag"] for event in events] == [f"salt/job/{own}/prog/evil/1"]


# --------------------------------------------------------------- returns


def test_returns_of_jobs_that_it_was_not_asked_to_do(master: Master, evil: Peer, good: Peer):
    jid = master.publish(["good"], "test.ping")

    def forge() -> None:
        evil.give_back(jid)
        evil.give_back(jid, resource_id="good")
        evil.give_back(jid, minion_id="good", id_="good")
        evil.give_back("20261120000000000001")
        evil.give_back(jid, fun=["test.ping"])
        load = {"jid": jid, "fun": "test.ping", "return": {"good": {"return": "forged", "retcode": 0, "success": True}}}
        for one in ([{**load, "id": "good", "load": {}}], {**load, "id": "good"}, [load] * 50):
            evil.ask("_syndic_return", load=one, **(one if isinstance(one, dict) else {}) | {"id": "evil"})

    assert fired(master, forge) == []
    assert list(master.store.returns(jid)) == []
    good.give_back(jid)
    assert [returned.id for returned in master.store.returns(jid)] == ["good"]


def test_a_return_under_another_id_is_refused_as_a_whole(master: Master, evil: Peer, good: Peer):
    jid = master.publish(["good"])
    with pytest.raises(NoReply):
        evil.give_back(jid, id="good")
    assert list(master.store.returns(jid)) == []


@pytest.mark.parametrize(
    "fun", ["test.pong", "test.ping,test.echo", ["test.ping", "test.echo"], "", "cmd.run", "TEST.PING"]
)
def test_a_return_of_another_function(master: Master, evil: Peer, fun: Any):
    jid = master.publish(["evil"], "test.ping")
    assert fired(master, lambda: evil.give_back(jid, fun=fun)) == []
    assert list(master.store.returns(jid)) == []


def test_one_return_counts(master: Master, evil: Peer):
    jid = master.publish(["evil"])

    def answer() -> None:
        for value in ("first", "first", "second", {"x": 1}):
            assert evil.give_back(jid, value=value) is None

    events = fired(master, answer)
    assert [event["tag"] for event in events] == [job_return(jid, "evil")]
    assert [returned.value for returned in master.store.returns(jid)] == ["first"]


def test_a_return_that_is_signed_with_another_key(master: Master, evil: Peer):
    jid = master.publish(["evil"])
    for signature in (b"\1" * 256, "x", b""):
        with pytest.raises(NoReply):
            evil.give_back(jid, sig=signature)
    assert list(master.store.returns(jid)) == []


def test_unasked_results_reach_nobody_who_waits(master: Master, evil: Peer):
    jid = master.publish(["good"])

    def answer() -> None:
        evil.give_back("req", fun="test.ping", value="unasked", user="root", metadata={"jid": jid})
        for fun in ("no function", "", "a.b;c", "../x.y", ["x"], "x" * 5000):
            assert evil.give_back("req", fun=fun) is None

    events = fired(master, answer)
    assert len(events) == 1 and events[0]["tag"].endswith("/ret/evil") and jid not in events[0]["tag"]
    assert events[0]["data"]["id"] == "evil"
    assert list(master.store.returns(jid)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"retcode": "0"}, {"retcode": [1, "x"]}, {"retcode": {"a": {}}}, {"success": []}, {"fun_args": "x"},
        {"out": {"x": 1}},
        {"out": "../../x"}, {"metadata": [1]}, {"return": b"\xff" * 100},
    ],
    ids=lambda change: str(change)[:30],
)  # fmt: skip
def test_returns_of_odd_form_are_kept_as_data(master: Master, evil: Peer, change: dict[str, Any]):
    jid = master.publish(["evil"])
    assert evil.give_back(jid, **change) is None
    (returned,) = master.store.returns(jid)
    assert returned.id == "evil" and isinstance(returned.retcode, (int, dict))


# ------------------------------------------------------------------ mine


def test_the_mine_of_one_minion_is_bounded(master: Master, evil: Peer):
    kept = master.cache / "by_minion/evil/mine"
    assert evil.ask("_mine", data={"open": "x"}) is True
    before = kept.read_bytes()
    assert evil.ask("_mine", data={f"f{number}": 1 for number in range(65)}) is False
    assert evil.ask("_mine", data={"big": "x" * (1 << 20)}) is False
    assert kept.read_bytes() == before
    assert evil.ask("_mine_delete", fun="../../good/mine") is True
    assert kept.read_bytes() == before


def test_the_mine_is_read_by_whom_it_is_for(master: Master, evil: Peer, good: Peer, friend: Peer):
    friend.ask("_pillar", grains={"role": "boss"})
    good.ask("_pillar", grains={"role": "web"})

    def for_(tgt: Any, kind: str) -> dict[str, Any]:
        return {"__saltmine_acl__": 1, "__data__": "secret", "allow_tgt": tgt, "allow_tgt_type": kind}

    values = {
        "open": "open", "closed": "closed", "guarded.list": for_("friend", "list"), "guarded.grain": for_("role:boss",
        "grain"),
        "guarded.nobody": for_("", "glob"), "guarded.none": for_(None, "glob"), "guarded.odd": for_(["evil"], "odd"),
        "guarded.not": for_("not G@role:web", "compound"), "guarded.pillar": for_("mine:friend", "pillar"),
        "guarded.slow": for_("(f+r*i+e*)+x", "pcre"), "guarded.wrong": for_("(", "pcre"),
    }  # fmt: skip
    good.ask("_mine", data=values, clear=True)
    readable = {name: friend.ask("_mine_get", tgt="good", fun=name) for name in values}
    allowed = {"open": "open", "closed": "closed"} | dict.fromkeys(
        ("guarded.list", "guarded.grain", "guarded.not", "guarded.pillar"), "secret"
    )
    assert {name: found["good"] for name, found in readable.items() if found} == allowed
    assert {name for name in values if evil.ask("_mine_get", tgt="good", fun=name)} == {"open"}
    dumb = master.minion("dumb")  # it never told its grains, so that nobody knows what it is
    assert {name for name in values if dumb.ask("_mine_get", tgt="*", fun=name).get("good")} == {"open", "closed"}
    for fun in (["closed"], "open,closed", ["open", "closed"], "clos.*", "CLOSED", "closed ", ".*"):
        assert "closed" not in str(evil.ask("_mine_get", tgt="*", fun=fun)).replace("'closed '", "")


@pytest.mark.parametrize(
    ("tgt", "kind"),
    [("mine:*", "pillar"), ("word:hid*", "pillar"), ("word:.*", "pillar_pcre"), ("J@word:.*", "compound"),
    ("I@word:h*", "compound"), (["I@word:h*"], "compound"), (["evil", "or", "(I@word:h*", ")"], "compound"),
     ("x and I@word:hidden", "compound"), ("*", "nothing"), ("%x", "range"), ("x:y", "data"), ({"a": 1}, "glob"),
     ("(", "pcre")],
)  # fmt: skip
def test_targets_by_the_pillar_of_others_find_nothing_out(evil: Peer, good: Peer, tgt: Any, kind: str):
    good.ask("_pillar", grains={})
    good.ask("_mine", data={"open": "value"})
    assert evil.ask("_mine_get", tgt=tgt, fun="open", tgt_type=kind) == {}


def test_questions_of_enormous_size(evil: Peer):
    for question in (
        {"tgt": "*", "fun": ["open"] * 65}, {"tgt": "*", "fun": ",".join(["open"] * 65)},
        {"tgt": " or ".join(["evil"] * 300), "fun": "open", "tgt_type": "compound"},
        {"tgt": ["evil", "or"] * 1000 + ["evil"], "fun": "open", "tgt_type": "compound"},
    ):  # fmt: skip
        assert evil.ask("_mine_get", **question) == {}


@pytest.mark.parametrize("kind", ["pcre", "grain_pcre", "compound"])
def test_an_endless_regular_expression_holds_up_nobody(master: Master, evil: Peer, kind: str):
    prey = "a" * 40
    master.minion(prey).ask("_pillar", grains={"x": "a" * 4000})
    tgt = {"pcre": "(a+)+b", "grain_pcre": "x:(a+)+b", "compound": "E@(a+)+b"}[kind]
    workers = [master.minion(name) for name in master.names_of_all_workers()]
    load = evil.load("_mine_get", tgt=tgt, fun="open", tgt_type=kind)
    evil.wire.send(evil.seal(load))
    for worker in workers:
        assert worker.ask("_file_envs", wait=soon()) == ["base"]
    assert evil.opened(evil.wire.receive(), load) == {}


# ------------------------------------------------------------------ peers


@pytest.mark.parametrize(
    "load",
    [
        {"fun": "cmd.run"}, {"fun": "test.ping,cmd.run"}, {"fun": ["test.ping", "cmd.run"]},
        {"fun": "test.ping, cmd.run"},
        {"fun": ["test.ping,cmd.run"]}, {"fun": "test.pingx"}, {"fun": "xtest.ping"}, {"fun": "status.uptime"},
        {"fun": "status.uptime", "tgt": ["good"]}, {"fun": "test.ping\ncmd.run"}, {"fun": ""}, {"fun": []},
        {"fun": "test"},
        {"fun": "test.ping", "ret": "smtp"}, {"fun": "test.ping", "tgt_type": "pillar"}, {"fun": "test.ping",
        "tgt_type": "range"},
        *({"fun": "test.ping", "tgt_type": "compound", "tgt": tgt}
          for tgt in ("I@word:h*", ["J@word:h"], "* and (I@a:b )")),
        {"fun": "test.ping", "tgt_type": "pillar_pcre", "tgt": "word:h.*"}, {"fun": "test.ping",
        "tgt_type": "nonsense"},
        {"fun": "test.echo", "arg": [{"__kwarg__": True, "metadata": {"x": 1}}]},
        {"fun": "test.echo", "arg": [{"module_executors": ["sudo"]}]},
        {"fun": ["test.echo", "test.echo"], "arg": [[{"executor_opts": {}}], []]},
    ],
    ids=lambda load: str(load)[:60],
)  # fmt: skip
def test_what_a_peer_may_not_publish(master: Master, evil: Peer, load: dict[str, Any]):
    before = len(list(master.store.find()))
    for cmd in ("minion_pub", "minion_publish"):
        assert evil.ask(cmd, **{"tgt": "*", "arg": [], "tmo": 0.1, **load}) == {}
    assert len(list(master.store.find())) == before


@pytest.mark.parametrize(
    "fun", ["publish.publish", "publish.runner", "publish.full_data", "saltutil.runner", "saltutil.wheel",
    "test.ping,publish.publish"]
)  # fmt: skip
def test_what_no_peer_may_publish(master: Master, friend: Peer, fun: str):
    assert friend.ask("minion_pub", tgt="*", fun=fun, arg=[]) == {}


def test_a_peers_job_is_its_own(master: Master, evil: Peer, good: Peer, friend: Peer):
    started = evil.ask(
        "minion_pub", tgt="*", fun="test.ping", arg=[], user="root", id_="good", jid="20261120000000000009"
    )
    assert started["jid"] != "20261120000000000009" and "good" in started["minions"]
    record = master.store.job(started["jid"])
    assert record is not None and record.job.publisher == "evil" and record.job.tgt_type == "list"
    good.give_back(started["jid"], value="for evil")
    assert evil.ask("pub_ret", jid=started["jid"]) == {"good": {"ret": "for evil"}}
    assert friend.ask("pub_ret", jid=started["jid"]) == {} and good.ask("pub_ret", jid=started["jid"]) == {}
    operators = master.publish(["good"])
    good.give_back(operators, value="for root")
    assert evil.ask("pub_ret", jid=operators) == {}


def test_a_peers_endless_target_holds_up_no_operator(master: Master, friend: Peer):
    master.minion("a" * 40)
    load = friend.load("minion_pub", tgt="(a+)+b", tgt_type="pcre", fun="test.ping", arg=[])
    friend.wire.send(friend.seal(load))
    began = time.monotonic()
    assert "pong" in master.control.ask("ping")
    assert time.monotonic() - began < soon()
    assert friend.opened(friend.wire.receive(), load) == {}


def test_runners_only_as_far_as_it_is_allowed(master: Master, evil: Peer, friend: Peer):
    for peer, fun in ((evil, "test.arg"), (friend, "manage.up"), (friend, "salt.cmd"), (friend, "test.argx")):
        assert peer.ask("minion_runner", fun=fun, arg=[]) == {}
    target = master.root / "written"
    arguments = [f"--out-file={target}", f"--log-file={target}", "-c", "/tmp", "--help"]
    answer = friend.ask("minion_runner", fun="test.arg", arg=arguments, tmo=30)
    assert not target.exists()
    assert answer == {} or list(answer["args"]) == arguments


# ----------------------------------------------------------------- pillar


def test_the_pillar_is_that_of_the_key_that_asks(evil: Peer, good: Peer):
    assert good.ask("_pillar", grains={})["word"] == "hidden"
    for load in (
        {"grains": {"id": "good", "nodename": "good", "host": "good"}}, {"grains": {}, "minion_id": "good",
        "id_": "good"},
        {"grains": {"id": "good"}, "pillar_override": {"id": "good", "minion_id": "good"}},
        {"grains": {}, "ext": {"file_tree": "/etc"}}, {"grains": {}, "extra_minion_data": {"id": "good"}},
        {"grains": {"id": ["good"]}}, {"grains": {1: "good", None: 2}}, {"grains": {}, "clean_cache": True},
    ):  # fmt: skip
        pillar = evil.ask("_pillar", **load)
        assert pillar["mine"] == pillar["minion"] == "evil" and "word" not in pillar


def test_an_override_opens_nothing_and_is_not_kept(master: Master, evil: Peer):
    evil.ask("_pillar", grains={})
    answer = evil.ask("_pillar", grains={}, pillar_override={"role": "boss", "boss": "forged"})
    assert answer["boss"] == "forged"
    kept = codec.unpack((master.cache / "by_minion/evil/pillar").read_bytes())
    assert "boss" not in kept and "role" not in kept


# ------------------------------------------------------------ pushed files


@pytest.mark.parametrize(
    "path",
    [
        ["..", "x"], ["../x"], ["a", "..", "..", "x"], ["/etc/cron.d/x"], ["a\\..\\x"], ["a\0b"], [""], [], ["."],
        ["a", ".", "b"],
        ["x" * 256], ["d"] * 33, [["x"]], [None, "..", "x"], [{"x": 1}, "../.."], "x", ["to_root", "x"], ["to_grains"],
    ],
    ids=lambda path: str(path)[:40],
)  # fmt: skip
def test_pushed_files_stay_where_they_belong(master: Master, evil: Peer, path: Any):
    assert evil.ask("_file_recv", path=["first"], loc=0, data="x", size=1) is True
    folder = master.cache / "by_minion/evil/files"
    for name, target in (("to_root", "/"), ("to_grains", "../grains")):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(target)
    evil.ask("_file_recv", path=path, loc=0, data="pushed", size=6)
    pushed = [name for name, size in master.files().items() if size == 6 and "pid" not in name]
    assert all(name.startswith("var/cache/salt/master/by_minion/evil/files/") for name in pushed)
    assert not Path("/x").exists() and not Path("/etc/cron.d/x").exists()


def test_what_a_minion_pushes_is_bounded(master: Master):
    pusher = master.minion("pusher")
    chunk = b"\xff" * 400_000
    for loc, size in ((1, 1), (10, 1), (2**40, 1), (-1, 1), (0, -1), (0, 2_000_000)):
        assert pusher.ask("_file_recv", path=["big"], loc=loc, data=chunk, size=size) is False
    stored = [
        pusher.ask("_file_recv", path=[f"f{number}"], loc=loc, data=chunk, size=0)
        for number in range(6)
        for loc in (0, len(chunk))
    ]
    assert stored.count(True) <= 2
    empty = [pusher.ask("_file_recv", path=[f"d{number}", "x"], loc=0, data="", size=0) for number in range(40)]
    assert empty.count(True) <= 2, "names are no gift"
    folder = master.cache / "by_minion/pusher/files"
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= 1_000_000
    assert len(list(folder.rglob("*"))) < 20
    for path in folder.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


# ---------------------------------------------------------- between minions


def test_everybody_gets_the_same_and_nothing_of_the_master(evil: Peer):
    told = evil.ask("_master_opts")
    assert set(told) <= {
        "file_roots", "top_file_merging_strategy", "env_order", "default_top", "renderer", "failhard", "state_top",
        "state_top_saltenv", "nodegroups", "state_auto_order", "state_events", "state_aggregate", "jinja_env",
        "jinja_sls_env", "jinja_lstrip_blocks", "jinja_trim_blocks",
    }  # fmt: skip
    assert told["file_roots"] == {"base": []}


def test_a_flood_of_one_minion_delays_another_by_little(master: Master, evil: Peer):
    flooder = master.minion("flooder")
    victims = [master.minion(name) for name in master.names_of_all_workers()]
    (master.root / "srv/salt/large").write_bytes(bytes(range(256)) * 4096)
    requests = [
        flooder.seal(flooder.load("_serve_file", path="large", saltenv="base", loc=0, gzip=9)) for _ in range(200)
    ]
    flooder.wire.send(*requests)
    for victim in victims * 5:
        assert victim.ask("_file_envs", wait=soon()) == ["base"]
    until(lambda: flooder.wire.receive(5.0))


def test_a_stranger_can_not_spend_what_a_minion_may_ask(master: Master, good: Peer):
    stranger = master.peer("x")
    forged = codec.pack({"enc": "aes", "version": 3, "id": "good", "load": b"\xff" * (1 << 20)})
    stranger.wire.send(*[forged] * 40)
    assert good.ask("_file_envs", wait=soon()) == ["base"]
    assert len(stranger.wire.replies(40)) == 40
    assert good.ask("_file_envs", wait=soon()) == ["base"]


def test_a_listener_of_everything_hears_no_private_job(master: Master, good: Peer):
    from transports.zeromq import private

    assert good.session is not None
    own = Listener(master.publish_port, topic=private.prefix(good.session.topic("good")))
    until(lambda: master.control.ask("present")["present"].get("good", {}).get("up"))
    spy = Listener(master.publish_port, good.shared)
    until(lambda: master.control.ask("present")["stock"] >= 1)
    master.publish(["good"], "test.echo", arg=["private"])
    assert b"private" not in own.receive()
    seen = codec.unpack(spy.receive())
    assert good.shared is not None and not good.shared.genuine(codec.to_bytes(seen["load"]))
