"""The `cmd` module, with real programs."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")


def test_run_all_returns_what_the_command_left(salt: Loader) -> None:
    result = salt["cmd.run_all"]("echo out; echo err >&2; exit 3", python_shell=True)
    assert isinstance(result.pop("pid"), int)
    assert result == {"retcode": 3, "stdout": "out", "stderr": "err"}


def test_run_mixes_stderr_in_and_run_stdout_does_not(salt: Loader) -> None:
    assert salt["cmd.run"]("echo out; echo err >&2", python_shell=True) == "out\nerr"
    assert salt["cmd.run_stdout"]("echo out; echo err >&2", python_shell=True) == "out"
    assert salt["cmd.run_stderr"]("echo out; echo err >&2", python_shell=True) == "err"


def test_a_shell_only_for_those_who_call_from_outside(salt: Loader) -> None:
    assert salt["cmd.run"]("echo a | cat") == "a | cat"
    assert salt["cmd.run"]("echo a | cat", __pub_jid="20250101000000000000") == "a"
    assert salt["cmd.run"]("echo a | cat", python_shell=False, __pub_jid="20250101000000000000") == "a | cat"
    assert salt["cmd.shell"]("echo a | cat") == "a"
    salt.dunders["__opts__"]["cmd_safe"] = False
    assert salt["cmd.run"]("echo a | cat") == "a"


@pytest.mark.parametrize("python_shell", [True, False])
def test_a_list_is_never_interpreted(salt: Loader, python_shell: bool) -> None:
    assert salt["cmd.run"](["echo", "$HOME; `id`", 7], python_shell=python_shell) == "$HOME; `id` 7"


def test_the_jobs_return_code_is_that_of_the_last_command(salt: Loader) -> None:
    context = salt.dunders["__context__"]
    assert salt["cmd.retcode"]("exit 4", python_shell=True) == 4
    assert context["retcode"] == 4
    salt["cmd.run"]("false", ignore_retcode=True)
    assert context["retcode"] == 0


def test_what_counts_as_success(salt: Loader) -> None:
    retcode = salt["cmd.retcode"]
    assert retcode("exit 5", python_shell=True, success_retcodes=[5]) == 0
    assert retcode("exit 5", python_shell=True, success_retcodes="4,5") == 0
    assert retcode("echo all fine; exit 5", python_shell=True, success_stdout="fine") == 0
    result = salt["cmd.run_all"]("echo all fine >&2; exit 5", python_shell=True, success_stderr=["fine"])
    assert result["retcode"] == 0
    with pytest.raises(SaltInvocationError, match="list of integers"):
        retcode("true", success_retcodes="some")


def test_raise_err(salt: Loader) -> None:
    with pytest.raises(CommandExecutionError, match=r"^broken$"):
        salt["cmd.run"]("echo broken; exit 1", python_shell=True, raise_err=True)
    assert salt["cmd.run"]("true", raise_err=True) == ""


def test_hidden_output(salt: Loader) -> None:
    assert salt["cmd.run"]("echo a", hide_output=True) == ""
    assert salt["cmd.run_all"]("echo a", hide_output=True)["stdout"] == ""


def test_trailing_white_space(salt: Loader) -> None:
    assert salt["cmd.run"](["printf", "a \\n\\n"]) == "a"
    assert salt["cmd.run"](["printf", "a \\n\\n"], rstrip=False) == "a \n\n"


def test_output_that_is_not_text(salt: Loader) -> None:
    assert salt["cmd.run"](["printf", r"gr\374n"]) == "gr�n"
    assert salt["cmd.run"](["printf", r"gr\374n"], output_encoding="latin-1") == "grün"
    assert salt["cmd.run"](["printf", "grün"]) == "grün"


def test_much_output_on_both_streams_while_much_is_given(salt: Loader) -> None:
    code = "import sys; d = sys.stdin.read(); sys.stdout.write(d); sys.stderr.write(d)"
    given = "x" * 3_000_000
    result = salt["cmd.run_all"]([sys.executable, "-c", code], stdin=given)
    assert result["stdout"] == given and result["stderr"] == given


def test_newlines_in_stdin(salt: Loader) -> None:
    assert salt["cmd.run"]("grep -c .", stdin="one\\ntwo\nthree") == "3"
    assert salt["cmd.run"]("cat", stdin="one\\ntwo", stdin_raw_newlines=True) == "one\\ntwo"


def test_environment(salt: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "1")
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    show = "echo $OURS-$A-$B-$LC_TIME-$NOTIFY_SOCKET"
    assert salt["cmd.shell"](show, env={"A": 1, "B": None}) == "1-1--C-"
    assert salt["cmd.shell"](show, env=[{"A": "x"}, {"B": "y"}], clean_env=True) == "-x-y-C-"
    assert salt["cmd.shell"](show, env={"LC_TIME": "de_DE"}) == "1---de_DE-"
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert salt["cmd.shell"]("echo $PATH", prepend_path="/opt/x/bin") == "/opt/x/bin:/usr/bin:/bin"


def test_working_directory(salt: Loader, tmp_path: Path) -> None:
    assert salt["cmd.run"]("pwd", cwd=str(tmp_path)) == str(tmp_path)
    assert salt["cmd.run"]("pwd") == os.path.expanduser("~")
    for wrong in ("relative", str(tmp_path / "missing")):
        with pytest.raises(CommandExecutionError, match="either not absolute or does not exist"):
            salt["cmd.run"]("pwd", cwd=wrong)


def test_umask(salt: Loader) -> None:
    assert salt["cmd.shell"]("umask", umask="077") == "0077"
    assert salt["cmd.shell"]("umask", umask=27) == "0027"
    with pytest.raises(CommandExecutionError, match="Zero umask"):
        salt["cmd.shell"]("umask", umask="000")
    with pytest.raises(CommandExecutionError, match="Invalid umask: '9'"):
        salt["cmd.shell"]("umask", umask="9")


def test_a_timeout_ends_all_that_was_started(salt: Loader, tmp_path: Path) -> None:
    command = f"sleep 77 & echo $! > {tmp_path}/pid; sleep 78 | cat"
    started = time.monotonic()
    result = salt["cmd.run_all"](command, python_shell=True, timeout=0.5)
    assert time.monotonic() - started < 10
    assert result["retcode"] == 1 and salt.dunders["__context__"]["retcode"] == 1
    assert result["stdout"] == f"{command} : Timed out after 0.5 seconds"
    child = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 5
    while _alive(child):
        assert time.monotonic() < deadline, "a child outlived the timeout"


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_timeout_must_be_a_number(salt: Loader) -> None:
    with pytest.raises(SaltInvocationError, match="must be a number"):
        salt["cmd.run"]("true", timeout="soon")


def test_background(salt: Loader, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    answer = salt["cmd.run_bg"](f"echo started > {fifo}", python_shell=True)
    assert list(answer) == ["pid"] and answer["pid"] > 1
    assert fifo.read_text() == "started\n"
    assert salt["cmd.run"]("exit 9", bg=True, python_shell=True) == ""
    assert salt.dunders["__context__"]["retcode"] == 0


def test_errors_of_starting(salt: Loader) -> None:
    with pytest.raises(CommandExecutionError, match=r"Unable to run command '\['no-such-program'\]' with the context"):
        salt["cmd.run"]("no-such-program")
    with pytest.raises(CommandExecutionError, match=r"The shell /bin/nosh is not available"):
        salt["cmd.run"]("true", shell="/bin/nosh")
    with pytest.raises(CommandExecutionError, match=r"User 'no-such-user' is not available"):
        salt["cmd.run"]("true", runas="no-such-user")
    with pytest.raises(CommandExecutionError, match=r"Group 'no-such-group' is not available"):
        salt["cmd.run"]("true", group="no-such-group")


def test_secrets_stay_out_of_errors_and_logs(salt: Loader, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    with pytest.raises(CommandExecutionError) as raised:
        salt["cmd.run"](["no-such-program", "hunter2"], env={"P": "hunter2"}, stdin="hunter2", output_loglevel="quiet")
    assert "hunter2" not in str(raised.value)
    salt["cmd.run"]("echo hunter2", output_loglevel="quiet")
    assert "hunter2" not in caplog.text
    salt["cmd.run"]("echo hunter2", log_callback=lambda text: text.replace("hunter2", "***"))
    assert "hunter2" not in caplog.text and "***" in caplog.text


@needs_root
def test_as_another_user(salt: Loader, tmp_path: Path) -> None:
    lines = salt["cmd.shell"]("id -un; id -gn; echo $USER; echo $HOME; pwd", runas="nobody").splitlines()
    assert lines[:3] == ["nobody", "nogroup", "nobody"]
    assert lines[3] == "/nonexistent" and lines[4] == "/"
    assert salt["cmd.shell"]("id -gn; id -un", group="daemon").split() == ["daemon", "root"]
    assert salt["cmd.shell"]("id -un; id -gn", runas="nobody", group="daemon").split() == ["nobody", "daemon"]
    salt.dunders["__context__"]["runas"] = "nobody"
    assert salt["cmd.run"]("id -un") == "nobody"


def test_templates(salt: Loader) -> None:
    salt.dunders["__pillar__"]["word"] = "hi"
    assert salt["cmd.run"]("echo {{ grains['os'] }} {{ pillar.word }}", template="jinja") == "Debian hi"
    with pytest.raises(CommandExecutionError, match="unavailable engine nosuch"):
        salt["cmd.run"]("echo", template="nosuch")
    with pytest.raises(CommandExecutionError, match=r"^Jinja syntax error: unexpected 'end of template'; line 1"):
        salt["cmd.run"]("echo {{", template="jinja")


def test_black_and_white_lists_bind_those_who_call_from_outside(salt: Loader) -> None:
    opts = salt.dunders["__opts__"]
    opts["cmd_blacklist_glob"] = ["rm *"]
    with pytest.raises(CommandExecutionError, match='The shell command "rm -rf x" is not permitted'):
        salt["cmd.run"](["rm", "-rf", "x"], __pub_jid="1")
    assert salt["cmd.run"]("echo x", __pub_jid="1") == "x"
    opts["cmd_whitelist_glob"] = ["ls *"]
    with pytest.raises(CommandExecutionError, match="not permitted"):
        salt["cmd.run"]("echo x", __pub_jid="1")
    assert salt["cmd.run"]("echo x") == "x"


class _Files:
    """Stands for the master's files: `cp.cache_file` and `cp.get_template` over a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def cache_file(self, source: str, saltenv: str = "base") -> Any:
        path = self.folder / source[len("salt://") :]
        return str(path) if path.exists() else False


@pytest.fixture
def script(salt: Loader, tmp_path: Path) -> Path:
    """A script that is served, and a `cp.cache_file` that serves it."""
    salt._found["cp.cache_file"] = _Files(tmp_path / "srv").cache_file
    path = tmp_path / "srv" / "run.sh"
    path.write_text('#!/bin/sh\necho "$0|$1|$2"; stat -c %a "$0"; exit 2\n')
    return path


def test_script(salt: Loader, script: Path, tmp_path: Path) -> None:
    result = salt["cmd.script"]("salt://run.sh", 'one "two words"', cwd=str(tmp_path))
    name, one, two = result["stdout"].splitlines()[0].split("|")
    assert (one, two) == ("one", "two words") and name.startswith(f"{tmp_path}/__salt.tmp.") and name.endswith(".sh")
    assert result["stdout"].splitlines()[1] == "500" and result["retcode"] == 2
    assert not os.path.exists(name)
    assert salt["cmd.script_retcode"]("salt://run.sh", template=None) == 2
    assert salt["cmd.script"]("salt://run.sh", hide_output=True)["stdout"] == ""


def test_script_without_an_interpreter_line_runs_in_the_shell(salt: Loader, script: Path) -> None:
    script.write_text("echo plain\n")
    assert salt["cmd.script"]("salt://run.sh", python_shell=True)["stdout"] == "plain"


def test_script_that_is_missing(salt: Loader, script: Path) -> None:
    result = salt["cmd.script"]("salt://missing.sh")
    assert result == {"pid": 0, "retcode": 1, "stdout": "", "stderr": "", "cache_error": True}
    assert salt.dunders["__context__"]["retcode"] == 1


@needs_root
def test_script_as_another_user(salt: Loader, script: Path) -> None:
    script.write_text("#!/bin/sh\nid -un\n")
    assert salt["cmd.script"]("salt://run.sh", runas="nobody")["stdout"] == "nobody"


def test_exec_code(salt: Loader) -> None:
    code = "import sys; print(sys.argv[1:]); sys.exit(3)"
    assert salt["cmd.exec_code"](sys.executable, code, args=["a", "b c"]) == "['a', 'b c']"
    result = salt["cmd.exec_code_all"](sys.executable, code, args="a b")
    assert result["stdout"] == "['a b']" and result["retcode"] == 3


def test_programs(salt: Loader) -> None:
    assert salt["cmd.which"]("sh").endswith("/sh") and salt["cmd.which"]("no-such-program") is None
    assert salt["cmd.which_bin"](["no-such-program", "cat"]).endswith("/cat")
    assert salt["cmd.which_bin"](["no-such-program"]) is None
    assert salt["cmd.has_exec"]("cat") is True and salt["cmd.has_exec"]("no-such-program") is False


def test_shells(salt: Loader) -> None:
    assert "/bin/sh" in salt["cmd.shells"]()
    info = salt["cmd.shell_info"]("bash")
    assert info["installed"] is True and info["path"].endswith("/bash")
    assert info["version_raw"].startswith(info["version"])
    assert salt["cmd.shell_info"]("nosh")["installed"] is None


def test_tty(salt: Loader) -> None:
    ours, theirs = os.openpty()
    try:
        name = os.ttyname(theirs)
        answer = salt["cmd.tty"](name[len("/dev/") :].replace("/", ""), "hello")
        assert answer == {"Success": f"Message was successfully echoed to {name}"}
        assert os.read(ours, 100) == b"hello"
    finally:
        os.close(ours)
        os.close(theirs)
    assert salt["cmd.tty"]("../etc/passwd", "x") == {"Error": "The specified device is not a valid TTY"}
    assert salt["cmd.tty"]("pts999999", "x") == {"Error": "Echoing to /dev/pts/999999 returned error"}


@needs_root
def test_chroot(salt: Loader, tmp_path: Path) -> None:
    mounted = []
    salt._found["mount.mount"] = lambda name, device, **options: mounted.append(name) or True
    salt._found["mount.umount"] = mounted.remove
    (tmp_path / "proc").mkdir()
    result = salt["cmd.run_chroot"](str(tmp_path), "echo 'inside'")
    assert result["retcode"] == 127 and "/bin/sh" in result["stderr"]  # an empty root has no shell
    assert mounted == []
    with pytest.raises(SaltInvocationError):
        salt["cmd.run_chroot"]("/", "true")
