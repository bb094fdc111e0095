"""Copies of repositories: fetched over https and ssh, locked, interrupted; nothing of the access is left on disk."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Iterator, Tuple

import pytest

from minion.config import MinionSettings
from minion.errors import CommandExecutionError
from minion.files import git_mirror
from minion.files.git_mirror import Mirror
from minion.files.git_remotes import parse
from tests.git_lab import Repository, http_server, ssh_server

pytest.importorskip("pygit2")

PASSWORD = "git-topsecret"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository(tmp_path_factory.mktemp("git") / "one", {"a": "one"})


@pytest.fixture
def repo(template: Repository, tmp_path: Path) -> Repository:
    return template.copy(tmp_path / "repo")


def mirror(tmp_path: Path, remote: Any, **opts: Any) -> Mirror:
    (found,) = parse({**MinionSettings().opts(), **opts}, "gitfs", [remote])
    return Mirror(str(tmp_path / "copies"), found)


def text(copy: Mirror, path: str = "a", ref: str = "master") -> str:
    tree = copy.tree(ref, ("branch", "tag"))
    return bytes(memoryview(tree / path)).decode() if tree is not None else ""


def everything_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() + str(path).encode() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def https(repo: Repository, tmp_path: Path) -> Iterator[Tuple[str, Any]]:
    """`localhost:PORT` of a server that wants a password."""
    with http_server(tmp_path, f"me:{PASSWORD}", tls=True) as (port, asked):
        yield f"localhost:{port}/repo/bare.git", asked


def test_https_with_a_password(https: Tuple[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    parameters = [{"user": "me"}, {"password": PASSWORD}, {"ssl_verify": False}]
    copy = mirror(tmp_path, {f"https://{https[0]}": parameters})
    assert copy.fetch() is True
    assert text(copy) == "one"
    in_url = mirror(tmp_path, {f"https://me:{PASSWORD}@{https[0]}": [{"ssl_verify": False}, {"depth": 1}]})
    assert in_url.fetch() is True
    assert text(in_url) == "one"
    assert PASSWORD.encode() not in everything_below(tmp_path / "copies")
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ([{"user": "me"}, {"password": "wrong-topsecret"}, {"ssl_verify": False}], "can't be fetched"),
        ([{"ssl_verify": False}], "asks for credentials"),
        ([{"user": "me"}, {"password": PASSWORD}], "localhost has no valid certificate"),
    ],
)
def test_https_that_does_not_let_us_in(https: Tuple[str, Any], tmp_path: Path, parameters: Any, problem: str) -> None:
    with pytest.raises(CommandExecutionError) as refused:
        mirror(tmp_path, {f"https://{https[0]}": parameters}).fetch()
    assert problem in str(refused.value)
    assert "topsecret" not in str(refused.value)
    assert len(https[1]) < 6  # it does not go on asking


_FETCH = """
import sys
from minion.config import MinionSettings
from minion.files import git_mirror
from minion.files.git_mirror import Mirror
from minion.files.git_remotes import parse
url, folder, *keys = sys.argv[1:]
given = [dict([key.split("=", 1)]) for key in keys]
(remote,) = parse(MinionSettings().opts(), "gitfs", [{url: given}] if given else [url])
print(Mirror(folder, remote).fetch())
"""


def test_ssh(repo: Repository, tmp_path: Path) -> None:
    with ssh_server() as (port, folder):
        url = f"ssh://root@127.0.0.1:{port}{repo.bare}"

        def fetch(name: str, *keys: str, home: str = "home") -> Any:
            words = [sys.executable, "-c", _FETCH, url, str(tmp_path / name), *keys]
            environment = {**os.environ, "HOME": str(folder / home)}
            return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)

        def why(ran: Any) -> str:
            return str(ran.stderr.splitlines()[-1])

        good = fetch("a", f"privkey={folder}/id", "passphrase=opensesame")
        assert (good.stdout, good.stderr) == ("True\n", "")
        both = fetch("b", f"privkey={folder}/id", f"pubkey={folder}/id.pub", "passphrase=opensesame")
        assert (both.stdout, both.stderr) == ("True\n", "")
        assert b"opensesame" not in everything_below(tmp_path / "a") + everything_below(tmp_path / "b")
        wrong = fetch("c", f"privkey={folder}/id", "passphrase=wrong-topsecret")
        assert "can't be fetched" in why(wrong)
        assert "topsecret" not in wrong.stderr
        assert "can't be fetched" in why(fetch("d", f"privkey={folder}/stranger"))
        assert "asks for credentials" in why(fetch("e"))
        unknown_host = fetch("f", f"privkey={folder}/id", "passphrase=opensesame", home="nowhere")
        assert "127.0.0.1 has a key that is not in ~/.ssh/known_hosts" in why(unknown_host)
        (folder / "other/.ssh").mkdir(parents=True)
        other_key = " ".join((folder / "stranger.pub").read_text().split()[:2])
        (folder / "other/.ssh/known_hosts").write_text(f"[127.0.0.1]:{port} {other_key}\n")
        changed_host = fetch("f", f"privkey={folder}/id", "passphrase=opensesame", home="other")
        assert "127.0.0.1 has a key that is not in ~/.ssh/known_hosts" in why(changed_host)
        subprocess.run(["ssh-keygen", "-q", "-p", "-P", "opensesame", "-N", "", "-f", str(folder / "id")], check=True)
        (folder / "id").rename(folder / "home/.ssh/id_ed25519")
        assert fetch("g").stdout == "True\n"  # the user's own key


def test_only_the_user_may_read_it(repo: Repository, tmp_path: Path) -> None:
    copy = mirror(tmp_path, repo.url)
    copy.fetch()
    assert os.stat(copy.path).st_mode & 0o777 == 0o700


def test_unchanged_is_no_change(repo: Repository, tmp_path: Path) -> None:
    copy = mirror(tmp_path, repo.url)
    assert (copy.fetch(), copy.fetch()) == (True, False)
    repo.tag("v1")
    assert (copy.fetch(), copy.fetch()) == (True, False)


def test_a_fetch_that_ended_before_it_was_told_is_told_by_the_next(repo: Repository, tmp_path: Path) -> None:
    copy, reader = mirror(tmp_path, repo.url), mirror(tmp_path, repo.url)
    copy.fetch()
    assert text(reader) == "one"
    told = Path(copy.path, "fetched").read_text()
    repo.commit({"a": "two"})
    copy.fetch()
    Path(copy.path, "fetched").write_text(told)  # as if it had been killed
    assert mirror(tmp_path, repo.url).fetch() is True
    assert text(reader) == "two"


def test_a_copy_that_is_damaged_can_be_cleared(repo: Repository, tmp_path: Path) -> None:
    copy = mirror(tmp_path, repo.url)
    copy.fetch()
    Path(copy.path, "HEAD").unlink()
    assert copy.clear() is True
    assert copy.clear() is False
    assert text(copy) == ""
    assert copy.fetch() is True
    assert text(copy) == "one"


def test_locked(repo: Repository, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    copy = mirror(tmp_path, repo.url)
    assert (copy.lock(), copy.lock()) == (True, False)
    assert copy.fetch() is False
    assert "is locked and not updated" in caplog.text
    assert (copy.unlock(), copy.unlock()) == (True, False)
    assert copy.fetch() is True


def test_only_one_fetches_at_a_time(repo: Repository, tmp_path: Path) -> None:
    copies = [mirror(tmp_path, repo.url) for _ in range(4)]
    found = []
    threads = [threading.Thread(target=lambda copy=copy: found.append(copy.fetch())) for copy in copies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [False, False, False, True]


def test_many_small_packs_become_one(repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_mirror, "_MOST_PACKS", 3)
    copy, reader = mirror(tmp_path, repo.url), mirror(tmp_path, repo.url)
    copy.fetch()
    assert text(reader) == "one"
    early = reader.tree("master", ("branch",))
    for number in range(4):
        repo.commit({f"f{number}": str(number)})
        copy.fetch()
    packs = [path for path in Path(copy.path, "objects/pack").iterdir() if path.suffix == ".pack"]
    assert len(packs) <= 3
    assert [text(reader, f"f{number}") for number in range(4)] == ["0", "1", "2", "3"]
    assert bytes(memoryview(early / "a")) == b"one"  # whoever was reading goes on
    repo.commit({"f9": "9"})
    assert copy.fetch() is True
    assert text(reader, "f9") == "9"


def test_empty_repository(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "empty.git")], check=True)
    copy = mirror(tmp_path, f"file://{tmp_path}/empty.git")
    copy.fetch()
    assert (copy.envs(), text(copy)) == ([], "")
    assert copy.repository is not None


def test_age(repo: Repository, tmp_path: Path) -> None:
    copy = mirror(tmp_path, repo.url)
    assert copy.age() == float("inf")
    copy.fetch()
    assert 0 <= copy.age() < 60
