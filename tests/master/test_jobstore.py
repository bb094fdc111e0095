"""The job store: real files, several processes, a full and a damaged disk."""

from __future__ import annotations

import datetime
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from master import jids
from master.errors import StoreError
from master.jobstore import JobRecord, Outcome, Query, SQLiteJobStore
from transports.errors import CodecError
from transports.messages import Job, Return


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteJobStore]:
    made = SQLiteJobStore(str(tmp_path / "jobs" / "jobs.db"))
    yield made
    made.close()


def job(jid: str, fun: str = "test.ping", tgt: Any = "*", **fields: Any) -> Job:
    return Job(jid, (fun,), ((),), tgt, **fields)


def answer(jid: str, minion_id: str, value: Any = True) -> Return:
    return Return(jid, minion_id, "test.ping", [], value, 0, True)


def add(store: SQLiteJobStore, **fields: Any) -> str:
    minions = fields.pop("minions", ("a", "b"))
    jid = store.new_jid()
    store.add_job(JobRecord(job(jid, **fields), time.time(), minions))
    return jid


def test_a_job_comes_back_as_it_was(store: SQLiteJobStore) -> None:
    jid = store.new_jid()
    record = JobRecord(
        Job(
            jid,
            ("cmd.run", "test.arg"),
            (("uptime", {"__kwarg__": True, "cwd": "/"}), (1, None, 2.5, ["x"])),
            ("a", "b"),
            "list",
            ret="redis",
            user="sudo_kim",
            several=True,
            options={"metadata": {"ticket": 7}},
        ),
        1700000000.25,
        ("a",),
        ("b",),
    )
    store.add_job(record)
    assert store.job(jid) == record
    assert store.job("20200101000000000000") is None


def test_a_job_id_is_used_once(store: SQLiteJobStore) -> None:
    jid = add(store, fun="test.ping")
    with pytest.raises(StoreError, match=f"there is a job {jid} already"):
        store.add_job(JobRecord(job(jid, "test.version"), time.time()))
    record = store.job(jid)
    assert record and record.job.fun == ("test.ping",)


def test_returns_are_new_the_same_or_different_and_the_first_stays(store: SQLiteJobStore) -> None:
    jid = add(store)
    assert store.add_returns([answer(jid, "a", {"k": 1, "l": 2}), answer(jid, "b")]) == [Outcome.NEW, Outcome.NEW]
    again = [answer(jid, "a", {"l": 2, "k": 1}), answer(jid, "b", "other"), answer(jid, "c")]
    assert store.add_returns(again) == [Outcome.SAME, Outcome.DIFFERENT, Outcome.NEW]
    assert store.return_of(jid, "b") == answer(jid, "b")
    assert store.return_of(jid, "nobody") is None


def test_returns_of_a_job_are_read_in_pages(store: SQLiteJobStore) -> None:
    jid, other = add(store), add(store)
    names = [f"minion{number:03}" for number in range(250)]
    store.add_returns([answer(jid, name, number) for number, name in enumerate(names)] + [answer(other, "x")])
    assert [(returned.id, returned.value) for returned in store.returns(jid)] == list(
        zip(names, range(250), strict=True)
    )
    assert list(store.returns("20200101000000000000")) == []


def test_nothing_of_a_batch_is_kept_if_one_of_it_can_not_be(store: SQLiteJobStore) -> None:
    jid = add(store)
    with pytest.raises(CodecError):
        store.add_returns([answer(jid, "a"), answer(jid, "b", object())])
    assert list(store.returns(jid)) == []
    assert store.add_returns([answer(jid, "a")]) == [Outcome.NEW]


def test_an_unasked_return_becomes_a_job_of_its_own(store: SQLiteJobStore) -> None:
    returned = Return(
        "req", "web1", "state.apply", ["nginx"], {}, 2, False, options={"user": "root", "metadata": {"m": 1}}
    )
    jid = store.add_unasked(returned, 1700000000.0)
    record = store.job(jid)
    assert record is not None
    assert record.unasked and record.minions == ("web1",) and record.started == 1700000000.0
    assert (record.job.fun, record.job.arg, record.job.user) == (("state.apply",), (("nginx",),), "root")
    assert record.job.options == {"metadata": {"m": 1}}
    assert store.return_of(jid, "web1") == returned.but(jid=jid)


def test_an_unasked_return_of_several_functions(store: SQLiteJobStore) -> None:
    returned = Return("req", "web1", ("test.ping", "test.arg"), [[], [1]], {}, {}, {})
    record = store.job(store.add_unasked(returned, 1.0))
    assert record is not None and record.job.several
    assert record.job.arg == ((), (1,))


def test_an_unasked_return_that_makes_no_job_is_refused(store: SQLiteJobStore) -> None:
    with pytest.raises(CodecError):
        store.add_unasked(Return("req", "web1", "../evil", [], 1, 0, True), 1.0)
    assert list(store.find()) == []


def test_verdicts_hold_until_the_minion_returns(store: SQLiteJobStore) -> None:
    jid = add(store)
    store.add_verdicts(jid, {"a": "running", "b": "undelivered"})
    store.add_verdicts(jid, {"a": "lost"})
    assert store.verdicts(jid) == {"a": "lost", "b": "undelivered"}
    store.add_returns([answer(jid, "a")])
    assert store.verdicts(jid) == {"b": "undelivered"}


def test_find_gives_the_newest_first_and_pages(store: SQLiteJobStore) -> None:
    made = [add(store) for _ in range(250)]
    assert [record.job.jid for record in store.find()] == made[::-1]
    assert [record.job.jid for record in store.find(limit=2, offset=101)] == [made[148], made[147]]


def test_find_by_what_users_remember(store: SQLiteJobStore) -> None:
    ping = add(store, fun="test.ping", tgt="web*", user="kim", minions=("web1", "web2"))
    apply = add(
        store, fun="state.apply", tgt=("db1", "web1"), tgt_type="list", user="sudo_ann", minions=("db1", "web1")
    )
    tagged = add(store, fun="test.ping", tgt="db1", minions=("db1",), options={"metadata": {"ticket": 7, "x": 1}})
    pair = store.new_jid()
    store.add_job(JobRecord(Job(pair, ("cmd.run", "grains.items"), ((), ()), "*", several=True), 1.0))

    def found(**query: Any) -> list[str]:
        return [record.job.jid for record in store.find(Query(**query))]

    assert found(fun=["test.*"]) == [tagged, ping]
    assert found(fun=["state.apply", "grains.*"]) == [pair, apply]
    assert found(fun=["cmd*items"]) == [pair]
    assert found(target=["web?"]) == [apply, ping]
    assert found(target=["web2"]) == [ping]
    assert found(user=["*ann", "kim"]) == [apply, ping]
    assert found(ids=["web1", "nobody"]) == [apply, ping]
    assert found(metadata={"ticket": 7}) == [tagged]
    assert found(metadata={"ticket": 8}) == []
    assert found(metadata={"ticket": 8, "x": 1}) == [tagged]
    assert found(fun=["test.ping"], ids=["db1"]) == [tagged]


def test_find_by_time(store: SQLiteJobStore) -> None:
    days = ["20240101120000000000", "20240102120000000000", "20240103120000000000"]
    for jid in days:
        store.add_job(JobRecord(job(jid), 1.0))
    noon = datetime.datetime(2024, 1, 2, 12, tzinfo=datetime.UTC)
    assert [record.job.jid for record in store.find(Query(since=noon))] == days[:0:-1]
    assert [record.job.jid for record in store.find(Query(until=noon))] == days[1::-1]
    assert [record.job.jid for record in store.find(Query(since=noon, until=noon))] == [days[1]]


def test_prune_by_age_takes_all_that_belongs_to_a_job(store: SQLiteJobStore) -> None:
    old, new = "20240101120000000000", "20240103120000000000"
    for jid in (old, new):
        store.add_job(JobRecord(job(jid), 1.0))
        store.add_returns([answer(jid, "a")])
        store.add_verdicts(jid, {"b": "lost"})
    noon = datetime.datetime(2024, 1, 2, 12, tzinfo=datetime.UTC).timestamp()
    assert store.prune(older_than=noon) == 1
    assert (store.job(old), list(store.returns(old)), store.verdicts(old)) == (None, [], {})
    assert store.job(new) and list(store.returns(new)) and store.verdicts(new)
    assert store.prune(older_than=noon) == 0


def test_prune_by_size_takes_the_oldest(store: SQLiteJobStore) -> None:
    made = [add(store) for _ in range(60)]
    for jid in made:
        store.add_returns([answer(jid, "a", "x" * 20000)])
    assert store.size() > 60 * 20000
    assert store.prune(max_bytes=700000) in range(20, 50)
    left = [record.job.jid for record in store.find()]
    assert left == made[::-1][: len(left)] and store.size() <= 700000
    assert os.path.getsize(store._path) < 1_500_000
    assert store.prune(max_bytes=0) == len(left)


def test_only_the_owner_may_read_it(store: SQLiteJobStore) -> None:
    add(store)
    folder = Path(store._path).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert {path.name for path in folder.iterdir()} >= {"jobs.db", "jobs.db-wal", "jobs.db.lock", "jobs.db.jid"}


def _worker(path: str, jid: str, worker: int) -> None:
    store = SQLiteJobStore(path)
    for batch in range(20):
        store.add_returns([answer(jid, f"m{worker}-{batch}-{number}") for number in range(25)])


def test_five_processes_write_at_once_and_nothing_is_lost(store: SQLiteJobStore) -> None:
    jid = add(store)
    workers = [multiprocessing.Process(target=_worker, args=(store._path, jid, worker)) for worker in range(5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 5
    assert sum(1 for _ in store.returns(jid)) == 5 * 20 * 25


def test_what_was_added_survives_kill_9(tmp_path: Path) -> None:
    path = str(tmp_path / "jobs.db")
    program = (
        "import sys, tests.master.test_jobstore as t\n"
        "store = t.SQLiteJobStore(sys.argv[1]); jid = t.add(store)\n"
        "for n in range(10**6):\n"
        "    store.add_returns([t.answer(jid, f'm{n:07}')]); print(jid, n, flush=True)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for line in child.stdout:
        jid, number = line.split()
        if number == "50":
            child.send_signal(signal.SIGKILL)
            break
    rest = child.communicate()[0].splitlines()
    acknowledged = int(rest[-1].split()[1]) if rest else 50
    store = SQLiteJobStore(path)
    assert sum(1 for _ in store.returns(jid)) >= acknowledged + 1
    assert store.add_returns([answer(jid, "m0000000"), answer(jid, "after")]) == [Outcome.SAME, Outcome.NEW]
    store.close()


def test_a_store_that_was_moved_away_is_made_anew(store: SQLiteJobStore, tmp_path: Path) -> None:
    first = add(store)
    (tmp_path / "jobs").rename(tmp_path / "aside")
    second = add(store)
    assert store.job(first) is None and store.job(second)


@pytest.mark.parametrize("where", [0, 4096])
def test_a_damaged_store_says_so_and_works_again_after_it_was_moved(
    store: SQLiteJobStore, tmp_path: Path, where: int
) -> None:
    jid = add(store)
    store.close()
    path = tmp_path / "jobs" / "jobs.db"
    content = path.read_bytes()
    path.write_bytes(content[:where] + b"garbage!" * 2000)
    with pytest.raises(StoreError, match=r"jobs\.db can't be used: .*; move it away, a new one is made then"):
        store.add_returns([answer(jid, "a")])
    with pytest.raises(StoreError):
        list(store.find())
    path.rename(tmp_path / "damaged")
    assert add(store)


def test_a_store_that_can_not_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = SQLiteJobStore(str(tmp_path / "file" / "jobs.db"))
    with pytest.raises(StoreError, match="can't be used"):
        store.new_jid()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "none", str(tmp_path)], check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_a_full_disk_says_so_loses_nothing_and_recovers(small_disk: Path) -> None:
    store = SQLiteJobStore(str(small_disk / "jobs.db"))
    jid = add(store)
    store.add_returns([answer(jid, "kept")])
    with pytest.raises(StoreError, match=r"free some space|has space"):
        for number in range(100):
            store.add_returns([answer(jid, f"m{number}", "x" * 50000)])
    before = {returned.id for returned in store.returns(jid)}
    assert "kept" in before and len(before) < 100
    store.close()
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    assert store.add_returns([answer(jid, "later"), answer(jid, "kept")]) == [Outcome.NEW, Outcome.SAME]
    assert {returned.id for returned in store.returns(jid)} == before | {"later"}
    store.close()


def _many_jids(path: str, made: Any) -> None:
    made.put([jids.new_jid(path) for _ in range(300)])


def test_job_ids_are_unique_among_processes_and_increase_in_each(tmp_path: Path) -> None:
    made: multiprocessing.Queue[list[str]] = multiprocessing.Queue()
    processes = [multiprocessing.Process(target=_many_jids, args=(str(tmp_path / "jid"), made)) for _ in range(4)]
    for process in processes:
        process.start()
    lists = [made.get() for _ in processes]
    for process in processes:
        process.join()
    made.close()
    assert all(one == sorted(one) for one in lists)
    assert len({jid for one in lists for jid in one}) == 4 * 300


def test_job_ids_are_the_time_and_follow_each_other_when_the_clock_stands(tmp_path: Path) -> None:
    path = str(tmp_path / "jid")
    assert jids.new_jid(path, lambda: 1704110400.25) == "20240101120000250000"
    assert jids.new_jid(path, lambda: 1704110400.25) == "20240101120000250001"
    assert jids.new_jid(path, lambda: 1704110399.0) == "20240101120000250002"


def test_job_ids_follow_a_clock_that_was_set_right(tmp_path: Path) -> None:
    path = str(tmp_path / "jid")
    jids.new_jid(path, lambda: 1904110400.0)
    assert jids.new_jid(path, lambda: 1704110400.0) == "20240101120000000000"
