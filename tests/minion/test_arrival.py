"""Whoever started a minion learns that a master let it in, and which release it is."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import minion
from minion import arrival

ROOT = str(Path(minion.__file__).parent.parent)


def test_arrival_wakes_who_waits(tmp_path: Path):
    with arrival.awaited(str(tmp_path)) as wait:
        teller = threading.Timer(0.2, arrival.tell, [str(tmp_path)])
        teller.start()
        begun = time.monotonic()
        assert wait(ROOT, 20.0) and time.monotonic() < begun + 10
        teller.join()
    assert os.listdir(tmp_path) == []


def test_another_release_does_not_count(tmp_path: Path):
    with arrival.awaited(str(tmp_path)) as wait:
        arrival.tell(str(tmp_path))
        assert not wait("/opt/saltern/2.0", 0.1)
        arrival.tell(str(tmp_path))
        assert not wait(ROOT[:-1], 0.1)  # a folder whose name begins alike


def test_nobody_waits(tmp_path: Path):
    arrival.tell(str(tmp_path))
    (tmp_path / "arrival").write_text("left by something else")
    arrival.tell(str(tmp_path))
    with arrival.awaited(str(tmp_path)) as wait:
        arrival.tell(str(tmp_path))
        assert wait(ROOT, 5.0)


def test_socket_belongs_to_the_minions_user(tmp_path: Path):
    with arrival.awaited(str(tmp_path)):
        state = os.lstat(tmp_path / "arrival")
        assert state.st_uid == os.lstat(tmp_path).st_uid and state.st_mode & 0o777 == 0o600


def test_other_process(tmp_path: Path):
    with arrival.awaited(str(tmp_path)) as wait:
        program = f"from minion import arrival; arrival.tell({str(tmp_path)!r})"
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
        assert wait(ROOT, 5.0)
