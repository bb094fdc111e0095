"""PillarStack: which files, rendered with what, merged how."""

from __future__ import annotations

from typing import Any

import pytest

from tests.minion.pillar_lab import PillarLab


def merged(pillars: PillarLab, first: str, second: str) -> Any:
    pillars.write("stack/one.yml", first)
    pillars.write("stack/two.yml", second)
    return pillars.compile([{"stack": pillars.write("stack/stack.cfg", "one.yml\ntwo.yml\n")}])


USERS = "users: {tom: {uid: 500, roles: [sysadmin]}, root: {uid: 0}}"


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (
            "users: {tom: {uid: 1000, roles: [developer]}, mat: {uid: 1001}}",
            {"tom": {"uid": 1000, "roles": ["sysadmin", "developer"]}, "root": {"uid": 0}, "mat": {"uid": 1001}},
        ),
        (
            "users: {__: merge-first, tom: {uid: 1000, roles: [developer]}, mat: {uid: 1001}}",
            {"tom": {"uid": 500, "roles": ["developer", "sysadmin"]}, "root": {"uid": 0}, "mat": {"uid": 1001}},
        ),
        ("users: {__: remove, tom: , mat: }", {"root": {"uid": 0}}),
        ("users: {__: overwrite, mat: {uid: 1}}", {"mat": {"uid": 1}}),
        (
            "users: {tom: {roles: [{__: merge-first}, a]}}",
            {"tom": {"uid": 500, "roles": ["a", "sysadmin"]}, "root": {"uid": 0}},
        ),
        ("users: {tom: {roles: [{__: remove}, sysadmin]}}", {"tom": {"uid": 500, "roles": []}, "root": {"uid": 0}}),
        ("users: {tom: {roles: [{__: overwrite}, a]}}", {"tom": {"uid": 500, "roles": ["a"]}, "root": {"uid": 0}}),
        ("users: text", "text"),
        (
            "users: {root: {__: overwrite, new: [{__: remove}, 1]}}",
            {"tom": {"uid": 500, "roles": ["sysadmin"]}, "root": {"new": [1]}},
        ),
    ],
)
def test_merging(pillars: PillarLab, second: str, expected: Any) -> None:
    assert merged(pillars, USERS, second) == {"users": expected}


def test_files_see_what_came_before_and_who_it_is_for(pillars: PillarLab) -> None:
    pillars.write("pillar/top.sls", "base: {'*': [a]}")
    pillars.write("pillar/a.sls", "secret: topsecret\nrole: web")
    pillars.write("stack/core.yml", "base: {n: 1}")
    pillars.write("stack/common/b.yml", "sum: {{ stack.base.n + 1 }}\nlast: b")
    pillars.write("stack/common/a.yml", "last: a\nlater: {{ stack.sum | default('none') }}")
    pillars.write("stack/web.yml", "city: {{ __grains__.site.city }}\ns: {{ __salt__['pillar.get']('secret') }}")
    pillars.write("stack/web1.yml", "t: {{ __stack__.traverse(stack, 'base:n') }}\nfree: '{{ undefined_thing }}'")
    config = "core.yml\ncommon/*.yml\n\n{{ pillar.role }}.yml\nmissing.yml\n{{ minion_id }}.yml\n"
    assert pillars.compile([{"stack": pillars.write("stack/stack.cfg", config)}]) == {
        "secret": "topsecret",
        "role": "web",
        "base": {"n": 1},
        "last": "b",
        "later": "none",
        "sum": 2,
        "city": "Kiel",
        "s": "topsecret",
        "t": 1,
        "free": "",
    }


def test_configuration_files_by_what_the_minion_is(pillars: PillarLab) -> None:
    for name in ("deb", "web", "dev", "listed"):
        pillars.write(f"{name}/data.yml", f"from_{name}: true")
        pillars.write(f"{name}/stack.cfg", "- data.yml")
    root = pillars.root
    ext = {
        "grains:os": {"Debian": f"{root}/deb/stack.cfg", "Alpine": f"{root}/web/stack.cfg"},
        "grains:roles:0": {"web": [f"{root}/listed/stack.cfg", f"{root}/none.cfg"]},
        "opts:pillarenv": {"__env__": f"{root}/__env__/stack.cfg"},
        "pillar:nothing": {"x": f"{root}/web/stack.cfg"},
    }
    assert pillars.compile([{"stack": ext}]) == {"from_deb": True, "from_listed": True}
    assert pillars.compile([{"stack": ext}], pillarenv="dev")["from_dev"]
    assert "must begin with one of" in pillars.compile([{"stack": {"foo:a": {}}}])["_errors"][0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("password: topsecret\na: [1", "yaml parsing error in {}, line 3: did not find expected ',' or ']'"),
        ("a: {{ 1 / 0 }}", 'template render error in {}:\n"division by zero"'),
        ("users: {__: sideways}", "Unknown strategy 'sideways'"),
    ],
)
def test_errors_name_the_file_and_show_no_values(pillars: PillarLab, text: str, reason: str) -> None:
    error = merged(pillars, USERS, text)["_errors"][0]
    assert reason.format(pillars.root / "stack/two.yml") in error
    assert "topsecret" not in error
