from __future__ import annotations

import os
import shutil
import subprocess
from typing import Iterator

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader
from minion.modules import _crontab

USER = "sltn.cron"
TAG = _crontab.TAG

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("crontab") is None, reason="crontabs of other users need root and crontab"
)


@pytest.fixture
def user(salt: Loader) -> Iterator[Loader]:
    if not salt["user.info"](USER):
        assert salt["user.add"](USER, createhome=False)
    yield salt
    subprocess.run(["crontab", "-u", USER, "-r"], check=False, capture_output=True)
    salt["user.delete"](USER)


def write(text: str) -> None:
    subprocess.run(["crontab", "-u", USER, "-"], input=text.encode(), check=True)


def read() -> str:
    done = subprocess.run(["crontab", "-u", USER, "-l"], check=False, capture_output=True, text=True)
    return done.stdout


def test_a_job_from_new_to_absent(user: Loader) -> None:
    assert user["cron.list_tab"](USER) == {"pre": [], "crons": [], "special": [], "env": []}
    job = (USER, "*", 5, "*", "*", "MON", "/bin/a  -x '%d'")
    assert user["cron.set_job"](*job) == "new"
    assert user["cron.set_job"](*job) == "present"
    assert read() == f"{TAG}\n* 5 * * mon /bin/a  -x '%d'\n"
    assert user["cron.ls"](USER)["crons"] == [
        {
            "minute": "*",
            "hour": "5",
            "daymonth": "*",
            "month": "*",
            "dayweek": "mon",
            "identifier": None,
            "cmd": "/bin/a  -x '%d'",
            "comment": None,
            "commented": False,
        }
    ]
    assert user["cron.set_job"](*job[:-1], job[-1], commented=True) == "updated"
    assert read() == f"{TAG}\n#DISABLED#* 5 * * mon /bin/a  -x '%d'\n"
    assert user["cron.rm_job"](USER, job[-1], hour=6) == "absent"
    assert user["cron.rm"](USER, job[-1], hour=5) == "removed"
    assert user["cron.rm_job"](USER, job[-1]) == "absent"
    assert read() == f"{TAG}\n"


def test_identifiers_and_comments(user: Loader) -> None:
    set_job = user["cron.set_job"]
    assert set_job(USER, 5, "*", "*", "*", "*", "/bin/a") == "new"
    assert set_job(USER, 5, "*", "*", "*", "*", "/bin/a", identifier="x") == "updated"  # adopted
    assert set_job(USER, 5, "*", "*", "*", "*", "/bin/b", identifier="x", comment="two\nlines\n") == "updated"
    assert set_job(USER, 5, "*", "*", "*", "*", "/bin/b", identifier="x", comment="two\nlines\n") == "present"
    assert set_job(USER, 5, "*", "*", "*", "*", "/bin/b", identifier="x") == "present"
    assert set_job(USER, 5, "*", "*", "*", "*", "/bin/b", identifier=7) == "new"
    assert read() == (
        f"{TAG}\n# two\n# lines SALT_CRON_IDENTIFIER:x\n5 * * * * /bin/b\n# SALT_CRON_IDENTIFIER:7\n5 * * * * /bin/b\n"
    )
    assert user["cron.get_entry"](USER, identifier="x")["comment"] == "two\nlines"
    assert user["cron.get_entry"](USER, identifier=7)["cmd"] == "/bin/b"
    assert user["cron.get_entry"](USER, identifier="y") is False
    assert user["cron.rm_job"](USER, "/bin/b") == "absent"
    assert user["cron.rm_job"](USER, "/bin/whatever", identifier="x") == "removed"
    assert user["cron.get_entry"](USER, cmd="/bin/b")["identifier"] == "7"


def test_special_times(user: Loader) -> None:
    assert user["cron.set_special"](USER, "@reboot", "/bin/s  s") == "new"
    assert user["cron.set_special"](USER, "@reboot", "/bin/s  s") == "present"
    assert user["cron.set_special"](USER, "@daily", "/bin/s  s", comment="c") == "updated"
    assert read() == f"{TAG}\n# c\n@daily /bin/s  s\n"
    assert user["cron.set_job"](USER, 1, 2, 3, 4, 5, "/bin/s  s") == "updated"  # becomes a job with times
    assert read() == f"{TAG}\n# c\n1 2 3 4 5 /bin/s  s\n"
    assert user["cron.set_special"](USER, "@weekly", "/bin/s  s") == "updated"
    assert user["cron.rm_special"](USER, "/bin/s  s", special="@daily") == "absent"
    assert user["cron.rm_special"](USER, "/bin/s  s") == "removed"


def test_random_times_stay(user: Loader) -> None:
    job = (USER, "random", "3:4", "random", 2, "random", "/bin/r")
    assert user["cron.set_job"](*job) == "new"
    first = read()
    found = user["cron.get_entry"](USER, cmd="/bin/r")
    assert 0 <= int(found["minute"]) < 60 and found["hour"] in "34" and 1 <= int(found["daymonth"]) <= 28
    assert user["cron.set_job"](USER, "random", found["hour"], "random", 2, "random", "/bin/r") == "present"
    assert read() == first
    assert user["cron.rm_job"](USER, "/bin/r", minute="random") == "removed"


def test_variables(user: Loader) -> None:
    assert user["cron.set_env"](USER, "MAILTO", "a@b") == "new"
    assert user["cron.set_env"](USER, "MAILTO", "a@b") == "present"
    assert user["cron.set_env"](USER, "MAILTO", "c@d") == "updated"
    assert user["cron.set_env"](USER, "EMPTY") == "new"
    assert user["cron.set_env"](USER, "EMPTY", "") == "present"
    assert read() == f'{TAG}\nMAILTO=c@d\nEMPTY=""\n'
    assert user["cron.rm_env"](USER, "MAILTO") == "removed"
    assert user["cron.rm_env"](USER, "MAILTO") == "absent"


def test_nothing_of_the_user_is_lost(user: Loader) -> None:
    own = "# mine\n\nPATH=/bin\n5 4 * * * old\n"
    managed = "FOO = b r\n1\t2  3 4 5\tcmd  with   spaces\nnonsense\n@odd\n\n# left over\n"
    table = _crontab.parse(f"{own}{TAG}\n{managed}")
    assert table["env"] == [{"name": "FOO", "value": "b r"}]
    assert table["crons"][0]["cmd"] == "cmd  with   spaces"
    text = _crontab.render(table)
    assert text == f"{own}nonsense\n@odd\n# left over\n{TAG}\nFOO=b r\n1 2 3 4 5 cmd  with   spaces\n"
    assert _crontab.render(_crontab.parse(text)) == text

    write(own)
    assert user["cron.raw_cron"](USER) == own
    assert user["cron.set_job"](USER, "*", "*", "*", "*", "*", "new") == "new"
    assert read() == f"{own}{TAG}\n* * * * * new\n"
    assert user["cron.rm_job"](USER, "old") == "absent"  # not ours


def test_what_crontab_refuses_changes_nothing(user: Loader) -> None:
    write("5 4 * * * old\n")
    assert "bad minute" in user["cron.set_job"](USER, 99, "*", "*", "*", "*", "/bin/a")
    assert read() == "5 4 * * * old\n"
    with pytest.raises(SaltInvocationError, match="span lines"):
        user["cron.set_job"](USER, "*", "*", "*", "*", "*", "a\n* * * * * evil")
    with pytest.raises(SaltInvocationError, match="span lines"):
        user["cron.set_env"](USER, "A", "b\n* * * * * evil")
    assert user["cron.set_job"](USER, "*", "*", "*", "*", "*", "a\n") == "new"
    assert read() == f"5 4 * * * old\n{TAG}\n* * * * * a\n"


def test_a_crontab_that_is_not_text_is_left_alone(user: Loader) -> None:
    raw = b"# caf\xe9\n"
    subprocess.run(["crontab", "-u", USER, "-"], input=raw, check=True)
    with pytest.raises(CommandExecutionError, match="not UTF-8"):
        user["cron.set_job"](USER, "*", "*", "*", "*", "*", "a")
    assert subprocess.run(["crontab", "-u", USER, "-l"], check=True, capture_output=True).stdout == raw


def test_a_user_who_is_not_there(salt: Loader) -> None:
    assert salt["cron.raw_cron"]("no-such-user") == ""
    assert "no-such-user" in salt["cron.set_job"]("no-such-user", 1, 1, 1, 1, 1, "x")


def test_files(user: Loader, tmp_path: object) -> None:
    path = os.path.join(str(tmp_path), "tab with space")
    with open(path, "w") as file:
        file.write("1 2 3 4 5 x\n")
    assert user["cron.write_cron_file"](USER, path) is True
    assert read() == "1 2 3 4 5 x\n"
    assert user["cron.write_cron_file_verbose"](USER, "/nonexistent")["retcode"] != 0
