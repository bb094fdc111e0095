"""The git module on real repositories, and on an HTTPS server for user names and passwords."""

from __future__ import annotations

import base64
import functools
import http.server
import os
import pwd
import shutil
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader
from minion.modules import _git

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="needs git")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        '[user]\nname = T\nemail = t@example.org\n[init]\ndefaultBranch = master\n[protocol "file"]\nallow = always\n'
    )
    monkeypatch.setenv("HOME", str(home))


def git(cwd: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository with two commits, a branch and a tag."""
    path = tmp_path / "origin"
    path.mkdir()
    git(path, "init", "-q")
    (path / "a").write_text("one\n")
    git(path, "add", "a")
    git(path, "commit", "-q", "-m", "first")
    git(path, "tag", "v1")
    git(path, "branch", "side")
    (path / "a").write_text("two\n")
    git(path, "commit", "-q", "-a", "-m", "second")
    return path


@pytest.fixture
def clone(salt: Loader, tmp_path: Path, origin: Path) -> str:
    assert salt["git.clone"](str(tmp_path / "clone"), str(origin)) is True
    return str(tmp_path / "clone")


def test_clone_below_a_folder(salt: Loader, tmp_path: Path, origin: Path) -> None:
    assert salt["git.clone"](str(tmp_path / "new"), str(origin), name="sub", opts="--depth 1 --no-local")
    assert (tmp_path / "new/sub/a").read_text() == "two\n"
    with pytest.raises(SaltInvocationError, match="url"):
        salt["git.clone"](str(tmp_path / "x"))
    with pytest.raises(CommandExecutionError, match=r"^Command 'git clone -- .*' failed: "):
        salt["git.clone"](str(tmp_path / "y"), str(tmp_path / "nothing"))


def test_looking_around(salt: Loader, clone: str, origin: Path) -> None:
    head = git(origin, "rev-parse", "HEAD")
    assert salt["git.revision"](clone) == head
    assert salt["git.revision"](clone, short=True) == head[:7]
    assert salt["git.rev_parse"](clone, "HEAD", opts="--short=9") == head[:9]
    assert salt["git.current_branch"](clone) == "master"
    assert salt["git.list_branches"](clone) == ["master"]
    assert "origin/side" in salt["git.list_branches"](clone, remote=True)
    assert salt["git.list_tags"](clone) == ["v1"]
    assert salt["git.describe"](clone) == head[:7]
    assert salt["git.symbolic_ref"](clone, "HEAD") == "refs/heads/master"
    assert "+two" in salt["git.diff"](clone, "v1", "HEAD", paths="a,b")
    assert salt["git.merge_base"](clone, "HEAD,v1") == git(origin, "rev-parse", "v1")
    assert salt["git.merge_base"](clone, ["v1", "HEAD"], is_ancestor=True) is True
    assert salt["git.merge_base"](clone, ["HEAD", "v1"], is_ancestor=True) is False
    with pytest.raises(SaltInvocationError):
        salt["git.merge_base"](clone, ["HEAD"], is_ancestor=True)
    assert salt["git.version"]() == subprocess.check_output(["git", "--version"], text=True).split()[2]
    assert salt["git.version"](versioninfo=True)[0] >= 2


def test_working(salt: Loader, clone: str, tmp_path: Path) -> None:
    (Path(clone) / "b").write_text("b\n")
    (Path(clone) / "a").write_text("changed\n")
    assert salt["git.status"](clone) == {"modified": ["a"], "untracked": ["b"]}
    salt["git.discard_local_changes"](clone)
    assert (Path(clone) / "a").read_text() == "two\n"
    assert salt["git.add"](clone, "b") == "add 'b'"
    assert salt["git.status"](clone) == {"new": ["b"]}
    assert "1 file changed" in salt["git.commit"](clone, "third", filename="b")
    assert salt["git.status"](clone) == {}
    assert salt["git.rm"](clone, "b") == "rm 'b'"
    assert salt["git.reset"](clone, opts="--hard HEAD~1").startswith("HEAD is now at")
    assert salt["git.branch"](clone, "new") is True
    assert "Switched to branch 'new'" in salt["git.checkout"](clone, "new")
    assert "Switched to a new branch" in salt["git.checkout"](clone, opts="-b newer")
    with pytest.raises(SaltInvocationError, match="rev"):
        salt["git.checkout"](clone)
    assert salt["git.tag"](clone, "v2", message="two") == ""
    assert git(Path(clone), "cat-file", "-t", "v2") == "tag"
    assert salt["git.tag"](clone, "v2", opts="-d").startswith("Deleted tag 'v2'")
    assert salt["git.archive"](clone, str(tmp_path / "out.tar"), prefix="p/") is True
    assert subprocess.check_output(["tar", "tf", str(tmp_path / "out.tar")], text=True).splitlines() == ["p/", "p/a"]
    (Path(clone) / "a").write_text("stashed\n")
    assert "Saved working directory" in salt["git.stash"](clone)
    assert salt["git.stash"](clone, "pop")
    assert (Path(clone) / "a").read_text() == "stashed\n"


def test_fetch_pull_push(salt: Loader, clone: str, origin: Path) -> None:
    old = git(origin, "rev-parse", "--short", "HEAD")
    (origin / "a").write_text("three\n")
    git(origin, "commit", "-q", "-a", "-m", "third")
    git(origin, "tag", "v3")
    git(origin, "branch", "fresh")
    new = git(origin, "rev-parse", "--short", "HEAD")
    fetched = salt["git.fetch"](clone, opts=["--tags"])
    assert fetched["updated branches"] == {"master": {"old": old, "new": new}}
    assert fetched["new branches"] == ["fresh"]
    assert fetched["new tags"] == ["v3"]
    assert salt["git.fetch"](clone) == {}
    git(origin, "tag", "-f", "v3", "v1")
    assert salt["git.fetch"](clone, "origin", True, "refs/tags/v3:refs/tags/v3") == {"updated tags": ["v3"]}
    assert "Fast-forward" in salt["git.pull"](clone)
    assert salt["git.merge"](clone, "origin/fresh") == "Already up to date."
    assert salt["git.rebase"](clone, "origin/master").endswith("up to date.")
    salt["git.push"](clone, "origin", "master:pushed")
    assert git(origin, "rev-parse", "--short", "pushed") == new
    refs = salt["git.ls_remote"](clone, ref="v1")
    assert refs == {"refs/tags/v1": git(origin, "rev-parse", "v1")}
    assert "refs/heads/side" in salt["git.remote_refs"](str(origin), heads=True)
    assert list(salt["git.remote_refs"](str(origin), filter="v1")) == ["refs/tags/v1"]


def test_submodule(salt: Loader, clone: str, origin: Path) -> None:
    git(origin, "submodule", "add", str(origin), "sub")
    git(origin, "commit", "-q", "-m", "sub")
    salt["git.pull"](clone)
    assert "checked out" in salt["git.submodule"](clone, "update", opts="--init")
    with pytest.raises(SaltInvocationError):
        salt["git.submodule"](clone, "update", init=True)


def test_config(salt: Loader, clone: str) -> None:
    assert salt["git.config_get"]("a.b", cwd=clone) is None
    assert salt["git.config_set"]("a.b", "1", cwd=clone) == ["1"]
    assert salt["git.config_set"]("a.b", "2", cwd=clone, add=True) == ["1", "2"]
    assert salt["git.config_get"]("a.b", cwd=clone) == "2"
    assert salt["git.config_get"]("a.b", cwd=clone, all=True) == ["1", "2"]
    assert salt["git.config_get_regexp"]("^a", cwd=clone) == {"a.b": ["1", "2"]}
    with pytest.raises(CommandExecutionError, match="Multiple values exist"):
        salt["git.config_unset"]("a.b", cwd=clone)
    assert salt["git.config_unset"]("a.b", cwd=clone, all=True) is True
    with pytest.raises(CommandExecutionError, match="does not exist"):
        salt["git.config_unset"]("a.b", cwd=clone)
    assert salt["git.config_set"]("a.c", multivar="x,y", **{"global": True}) == ["x", "y"]
    assert salt["git.config_get"]("a.c", **{"global": True}) == "y"
    with pytest.raises(SaltInvocationError, match="cwd"):
        salt["git.config_get"]("a.b")
    with pytest.raises(SaltInvocationError, match="nonsense"):
        salt["git.config_get"]("a.b", cwd=clone, nonsense=1)


def test_remotes(salt: Loader, clone: str, origin: Path) -> None:
    assert salt["git.remotes"](clone) == {"origin": {"fetch": str(origin), "push": str(origin)}}
    set_ = salt["git.remote_set"](clone, "/elsewhere", remote="up", push_url="/push")
    assert set_ == {"fetch": "/elsewhere", "push": "/push"}
    assert salt["git.remote_set"](clone, "/other", remote="up") == {"fetch": "/other", "push": "/other"}
    with pytest.raises(CommandExecutionError, match="not present"):
        salt["git.remote_get"](clone, "nothing")


def test_worktrees(salt: Loader, clone: str, tmp_path: Path) -> None:
    tree = str(tmp_path / "tree")
    assert "tree" in salt["git.worktree_add"](clone, tree, ref="v1", branch="treebranch")
    assert salt["git.is_worktree"](tree) is True
    assert salt["git.is_worktree"](clone) is False
    assert salt["git.is_worktree"](str(tmp_path)) is False
    detached = str(tmp_path / "detached")
    salt["git.worktree_add"](clone, detached, ref="v1", detach=True)
    listed = salt["git.list_worktrees"](clone)
    assert listed[tree]["branch"] == "treebranch"
    assert (listed[detached]["branch"], listed[detached]["tags"]) == (None, ["v1"])
    assert salt["git.worktree_rm"](tree) is True
    assert list(salt["git.list_worktrees"](clone, stale=True)) == [tree]
    assert "tree" in salt["git.worktree_prune"](clone)
    assert tree not in salt["git.list_worktrees"](clone, all=True)
    with pytest.raises(CommandExecutionError, match="not a git worktree"):
        salt["git.worktree_rm"](clone)


def test_init(salt: Loader, tmp_path: Path) -> None:
    assert "Initialized empty" in salt["git.init"](str(tmp_path / "bare.git"), bare=True, shared=640)
    assert git(tmp_path / "bare.git", "config", "core.sharedRepository") == "0640"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to run git as another user")
def test_as_another_user(salt: Loader, tmp_path: Path, origin: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/tmp") and os.access(folder, os.W_OK) and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    home = tmp_path / "theirs"
    home.mkdir()
    entry = pwd.getpwnam("nobody")
    os.chown(home, entry.pw_uid, entry.pw_gid)
    subprocess.run(["chown", "-R", "nobody", str(origin)], check=True)
    assert salt["git.clone"](str(home / "clone"), str(origin), user="nobody") is True
    assert (home / "clone" / "a").stat().st_uid == entry.pw_uid


def test_identities(salt: Loader, clone: str, tmp_path: Path) -> None:
    """Which SSH would be run is told by a program in its place."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "ssh").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/seen\nexit 255\n')
    (folder / "ssh").chmod(0o755)
    for name in ("key1", "key 2"):
        (tmp_path / name).write_text("")
    os.environ["PATH"], old = f"{folder}:{os.environ['PATH']}", os.environ["PATH"]
    try:
        with pytest.raises(CommandExecutionError, match="Unable to authenticate using identity file") as caught:
            salt["git.ls_remote"](
                remote="git@host.invalid:x",
                identity=[str(tmp_path / "none"), str(tmp_path / "key1"), str(tmp_path / "key 2")],
            )
    finally:
        os.environ["PATH"] = old
    assert f"identity file {tmp_path}/none does not exist" in str(caught.value)
    seen = (tmp_path / "seen").read_text()
    assert f"-i {tmp_path}/key1 " in seen
    assert f"-i {tmp_path}/key 2 " in seen
    assert "BatchMode=yes" in seen


# User names and passwords


def test_split_url() -> None:
    assert _git.split_url("/path", None, None) == ("/path", "")
    assert _git.split_url("https://h/x", "me", "p@:/") == ("https://h/x", "https://me:p%40%3A%2F@h")
    assert _git.split_url("https://old@h/x", "token", None) == ("https://h/x", "https://token:x-oauth-basic@h")
    with pytest.raises(SaltInvocationError, match="HTTPS"):
        _git.split_url("http://h/x", "me", "p")
    with pytest.raises(SaltInvocationError, match="User name"):
        _git.split_url("https://h/x", None, "p")


def test_redact() -> None:
    assert _git.redact("fatal: 'https://me:secret@h/x'") == "fatal: 'https://<redacted>@h/x'"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files to those who know the password."""

    def do_GET(self) -> None:
        expected = "Basic " + base64.b64encode(b"me:s3cret/word").decode()
        if self.headers.get("Authorization") != expected:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, origin: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """URL of the repository on an HTTPS server that asks for a password."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    git(origin, "update-server-info")
    pem = str(tmp_path / "pem")
    words = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    words += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", pem, "-out", pem]
    subprocess.run(words, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    handler = functools.partial(Handler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        monkeypatch.setenv("GIT_SSL_CAINFO", pem)
        monkeypatch.setenv("no_proxy", "localhost")
        yield f"https://localhost:{httpd.server_port}/origin/.git"
        httpd.shutdown()
        thread.join()


def test_a_password_is_on_no_command_line(salt: Loader, tmp_path: Path, server: str) -> None:
    seen: List[str] = []
    real = salt["cmd.run_all"]

    def record(words: List[str], **kwargs: Any) -> Dict[str, Any]:
        seen.append(" ".join(map(str, [*words, kwargs.get("env")])))
        return real(words, **kwargs)

    salt._found["cmd.run_all"] = record
    who = {"https_user": "me", "https_pass": "s3cret/word"}
    target = tmp_path / "cloned"
    assert salt["git.clone"](str(target), server, **who) is True
    assert (target / "a").read_text() == "two\n"
    assert salt["git.fetch"](str(target)) == {}
    assert salt["git.remote_get"](str(target), redact_auth=False)["fetch"] == server
    assert (target / ".git/credentials").stat().st_mode & 0o777 == 0o600
    assert salt["git.remote_refs"](server, **who)["HEAD"] == salt["git.revision"](str(target))
    salt["git.init"](str(tmp_path / "fresh"))
    salt["git.remote_set"](str(tmp_path / "fresh"), server, **who)
    assert salt["git.fetch"](str(tmp_path / "fresh"))["new branches"] == ["master", "side"]
    assert seen
    assert not any("s3cret" in line for line in seen)
    with pytest.raises(CommandExecutionError) as caught:
        salt["git.clone"](str(tmp_path / "wrong"), server, https_user="me", https_pass="wr0ng")
    assert "wr0ng" not in str(caught.value)
