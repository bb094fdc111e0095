"""nodegroups, extra_minion_data_in_pillar, gpg."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.minion.pillar_lab import PillarLab


def test_nodegroups(pillars: PillarLab) -> None:
    pillars.write("pillar/top.sls", "base: {'*': [a]}")
    pillars.write("pillar/a.sls", "role: web")
    pillars.opts["nodegroups"] = {
        "debs": "G@os:Debian",
        "named": ["web1", "web2"],
        "others": "db*",
        "by_pillar": "I@role:web",
        "both": "N@debs and N@named and not N@others",
    }
    assert pillars.compile([{"nodegroups": None}])["nodegroups"] == ["debs", "named", "by_pillar", "both"]
    assert pillars.compile([{"nodegroups": {"pillar_name": "g"}}], minion_id="db1")["g"] == [
        "debs",
        "others",
        "by_pillar",
    ]


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("*", {"a": {"b": 1, "c": 2}, "d": 3}),
        ("<all>", {"a": {"b": 1, "c": 2}, "d": 3}),
        (["a:b", "d", "no:such"], {"a": {"b": 1}, "d": 3}),
        (["a:b", "a:c"], {"a": {"b": 1, "c": 2}}),
        ("d", {"d": 3}),
    ],
)
def test_extra_minion_data(pillars: PillarLab, include: Any, expected: Any) -> None:
    sent = {"a": {"b": 1, "c": 2}, "d": 3}
    assert pillars.compile([{"extra_minion_data_in_pillar": {"include": include}}], extra_minion_data=sent) == expected


@pytest.mark.skipif(not shutil.which("gpg"), reason="needs gpg")
def test_gpg(pillars: PillarLab, tmp_path: Path) -> None:
    home = tmp_path / "keys"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--trust-model", "always"]
    try:
        subprocess.run(
            [*gpg, "--passphrase", "", "--quick-gen-key", "box", "rsa2048", "encr"], check=True, capture_output=True
        )
        secret = subprocess.run(
            [*gpg, "-ear", "box"], input="topsecret", text=True, check=True, capture_output=True
        ).stdout
        pillars.opts["gpg_keydir"] = str(home)
        pillars.write("data.yml", "a:\n  b: |\n" + "".join(f"    {line}\n" for line in secret.splitlines()))
        ext = [{"cmd_yaml": f"cat {tmp_path}/data.yml"}, {"gpg": {}}]
        assert pillars.compile(ext) == {"a": {"b": "topsecret"}}
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)
