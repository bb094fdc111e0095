"""Rule 7: what peers say is data to templates and to YAML, and one harmless line in logs; secrets stay out of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.security.peer import NoReply, Peer, Wire, clear, soon
from tests.security.running import Master

OPTIONS = {"log_level": "debug", "log_level_logfile": "all"}
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def prepare(master: Master) -> None:
    """A pillar as operators write them, with grains in it."""
    pillar = master.root / "srv/pillar"
    (pillar / "top.sls").write_text("base: {'*': [echo], 'tpl*': [tpl]}")
    (pillar / "echo.sls").write_text(
        "echoed: {{ grains.get('said', '') | tojson }}\nquoted: {{ grains.get('said', '') | yaml_dquote }}"
    )


def pillar_of(master: Master, name: str, text: str, **grains: Any) -> dict[str, Any]:
    (master.root / "srv/pillar/tpl.sls").write_text(text)
    answer = master.minion(f"tpl.{name}").ask("_pillar", grains=grains)
    assert isinstance(answer, dict)
    return answer


# ------------------------------------------------------------------- templates


@pytest.mark.parametrize(
    "said",
    [
        "{{ 7*7 }}", "{% raw %}", "{{ salt['cmd.run']('id') }}", "{{ grains.__class__ }}", "x\nforged: True",
        "x: {a: b}", "- a\n- b",
        "'", '"', "\\", "!!python/object/apply:os.system ['id']", "!!binary x", "*a", "&a x", "# comment",
        "%YAML 1.1", "---\nx: 1",
        "{{", "}}", "{#", "\u2028forged: True", "\x85forged: True", "${x}", "| tojson }}",
    ],
)  # fmt: skip
def test_grains_are_data(evil: Peer, said: str):
    pillar = evil.ask("_pillar", grains={"said": said})
    assert pillar == {"echoed": said, "quoted": said}


FORBIDDEN = [
    "{{ salt['cmd.run']('touch PATH') }}", "{{ salt.cmd.run('touch PATH') }}", "{{ salt['cmd.shell']('touch PATH') }}",
    "{{ salt['file.touch']('PATH') }}", "{{ salt.file.write('PATH', 'x') }}",
    "{{ salt['cp.get_file']('salt://x', 'PATH') }}",
    "{{ salt['test.ping'].__globals__ }}", "{{ salt.__class__.__mro__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ cycler.__init__.__globals__.os.system('touch PATH') }}", "{{ lipsum.__globals__['os'].system('touch PATH') }}",
    "{{ opts.__class__.__init__ }}", "{{ joiner.__init__.__globals__ }}", "{{ self.__init__.__globals__ }}",
    "{{ ''['__class__'] }}", "{{ '' | attr('__class__') }}", "{{ ('%s' | format('x')).__class__ }}",
    "{{ '{0.__class__}'.format('') }}", "{% include '../../../etc/hostname' %}", "{% include '/etc/hostname' %}",
    "{% import '/etc/passwd' as x %}{{ x }}", "{% set x = salt['cmd.run_all'] %}{{ x('touch PATH') }}",
]  # fmt: skip


@pytest.mark.parametrize("template", FORBIDDEN)
def test_a_pillar_can_not_leave_its_sandbox(master: Master, template: str):
    path = master.root / "touched"
    pillar = pillar_of(master, "box", "made: " + template.replace("PATH", str(path)))
    assert not path.exists()
    assert "made" not in pillar or "class" not in str(pillar["made"])
    assert "hostname" not in str(pillar) and "root:x" not in str(pillar)
    assert (Path("/etc/hostname").read_text().strip() or "-") not in str(pillar)


@pytest.mark.parametrize(
    "text",
    [
        BOMB, "x: " + "[" * 200 + "]" * 200, "x: " + "[" * 100_000, "a: 1\na: 2",
        "x: !!python/object/apply:os.system ['id']",
        "x: !!python/name:os.system", "x: " + "y" * (5 << 20), "x: [", "&a [*a]",
    ],
    ids=["bomb", "deep", "very deep", "twice", "python", "python name", "large", "open", "inside itself"],
)  # fmt: skip
def test_yaml_that_is_an_attack_is_an_error_and_tells_little(master: Master, text: str):
    pillar = pillar_of(master, "yaml", text)
    assert set(pillar) == {"_errors", "echoed", "quoted"}
    assert str(master.root) not in str(pillar) and "Traceback" not in str(pillar)
    assert master.minion("good").ask("_file_envs", wait=soon()) == ["base"]


# ------------------------------------------------------------------------ logs

NASTY = "\x1b]0;owned\x07\x1b[2J\r\nforged line\n\x9b31m\u202egnp.exe\u2066\u200b\x7f\0"


def test_nothing_that_a_peer_says_controls_a_terminal(master: Master, evil: Peer):
    stranger = Wire(master.port)
    for load in (
        {"cmd": NASTY, "id": NASTY, "pub": NASTY}, {"cmd": "_auth", "id": "x" + NASTY, "pub": NASTY, "nonce": NASTY},
        {"cmd": "_auth", "id": "x", "pub": "x", "nonce": "a" * 32, "enc_algo": NASTY},
    ):  # fmt: skip
        stranger.send(clear(load))
        stranger.receive()
    for act in (
        lambda: evil.ask(NASTY), lambda: evil.send_event(NASTY, {}), lambda: evil.give_back(NASTY),
        lambda: evil.give_back("req", fun=NASTY), lambda: evil.ask("_serve_file", path=NASTY, saltenv=NASTY),
        lambda: evil.ask("_mine_get", tgt=NASTY, fun=NASTY, tgt_type=NASTY),
        lambda: evil.ask("minion_pub", tgt=NASTY, fun=NASTY, arg=[NASTY]), lambda: evil.ask("minion_runner", fun=NASTY),
        lambda: evil.ask("_file_recv", path=[NASTY], loc=0, data="x"),
        lambda: evil.ask("_pillar", grains={NASTY: NASTY}),
        lambda: evil.ask("_mine", data={NASTY: NASTY}), lambda: evil.give_back(master.publish(["evil"]), fun=NASTY),
    ):  # fmt: skip
        try:
            act()
        except NoReply:
            continue
    text = master.log_text() + master.said()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]", text)
    assert not re.search(r"^forged line", text, re.M)


def test_no_secret_is_in_logs_arguments_or_answers(master: Master, evil: Peer):
    evil.ask("_pillar", grains={"password": "word-of-grains"})
    evil.ask("_file_envs")
    assert evil.session is not None and evil.shared is not None
    secrets = [
        evil.session.text,
        evil.shared.text,
        "word-of-grains",
        (master.pki / "master.pem").read_text().splitlines()[2],
    ]
    secrets.append(json.loads((master.cache / "auth/publish").read_text())["key"])
    log = master.log_text() + master.said()
    for secret in secrets:
        assert secret not in log
        for pid in master.pids():
            assert secret.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
            assert secret.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
    assert "BEGIN" not in log.replace("BEGIN IMMEDIATE", "")


def test_errors_of_the_pillar_stay_on_the_master(master: Master):
    pillar = pillar_of(master, "error", "x: {{ salt['test.nothere']('hidden word') }}")
    assert "hidden word" not in str(pillar) and pillar["_errors"]
