"""Keys that are accepted or rejected without an operator, as his files say.

| option                | what it names                                                                    |
|-----------------------|----------------------------------------------------------------------------------|
| `autoreject_file`     | ids, globs or regular expressions, one a line; wins over all others              |
| `auto_accept`         | every key is accepted                                                            |
| `autosign_file`       | ids, globs or regular expressions, one a line                                    |
| `minions_autosign/ID` | the next key that shows this id is accepted, within `autosign_timeout` minutes   |
| `autosign_grains_dir` | files named after grains, with one accepted value a line                         |

A file that somebody else could write is ignored, with a message; if that is the autoreject file, nothing is accepted
until it is put right.
"""

from __future__ import annotations

import fnmatch
import hmac
import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from master import safety
from master.errors import UnsafePath
from master.keyfiles import AUTOSIGN
from master.keys import Decision

log = logging.getLogger(__name__)

_MAX_VALUE = 4096
# What no glob of ids has. `.` alone makes no regular expression: `web.example.com` means no webXexample.com.
_REGEX = re.compile(r"[\\^$(){}|]|[.\]][*+]")


@dataclass(frozen=True)
class Rules:
    """Where the operator's files are.

    Attributes:
        pki_dir: has the folder `minions_autosign`.
        auto_accept: accept everything.
        autosign_timeout: minutes that a file in `minions_autosign` counts; 0 for ever.
        autosign_file, autoreject_file, autosign_grains_dir: see above; "" for none.
    """

    pki_dir: str
    auto_accept: bool = False
    autosign_timeout: int = 120
    autosign_file: str = ""
    autoreject_file: str = ""
    autosign_grains_dir: str = ""


class Autosign:
    """Decides by the files that `rules` names; they are read again when they change."""

    def __init__(self, rules: Rules, now: Callable[[], float] = time.time) -> None:
        self._rules, self._now = rules, now
        self._lines: dict[str, tuple[safety.Signature, list[str]]] = {}

    def __repr__(self) -> str:
        return f"<Autosign {self._rules}>"

    def decide(self, minion_id: str, grains: Mapping[str, Any]) -> Decision:
        """What is to become of a key that nobody decided about yet.

        Args:
            minion_id: a valid minion id.
            grains: the `autosign_grains` that it sent; true or not.
        """
        rules = self._rules
        try:
            if self._matches(minion_id, rules.autoreject_file):
                return Decision.REJECT
        except (UnsafePath, OSError) as exc:
            log.error("nothing is accepted without an operator: %s", exc)
            return Decision.ASK
        if rules.auto_accept:
            return Decision.ACCEPT
        for question in (self._named, self._expected, lambda _: self._has_grain(grains)):
            try:
                if question(minion_id):
                    return Decision.ACCEPT
            except (UnsafePath, OSError) as exc:
                log.error("an autosign file is ignored: %s", exc)
        return Decision.ASK

    def _named(self, minion_id: str) -> bool:
        return self._matches(minion_id, self._rules.autosign_file)

    def _expected(self, minion_id: str) -> bool:
        """Takes the file of this id out of `minions_autosign`: only one taker gets it, and it lets in one key."""
        folder = os.path.join(self._rules.pki_dir, AUTOSIGN)
        path = os.path.join(folder, minion_id)
        if not os.path.lexists(path):
            return False
        safety.check_file(path)
        made = os.lstat(path).st_mtime
        taken = os.path.join(folder, f".{minion_id}.taken")
        try:
            os.rename(path, taken)
            os.unlink(taken)
        except FileNotFoundError:
            return False
        limit = self._rules.autosign_timeout * 60
        if limit and self._now() - made > limit:
            log.warning("%s was older than autosign_timeout (%d min); it is removed", path, limit // 60)
            return False
        return True

    def _has_grain(self, grains: Mapping[str, Any]) -> bool:
        folder = self._rules.autosign_grains_dir
        if not folder or not grains or not os.path.isdir(folder):
            return False
        for name in os.listdir(folder):
            if name not in grains:
                continue
            value = str(grains[name]).encode("utf-8", "replace")
            if len(value) > _MAX_VALUE:
                continue
            accepted = [line.encode() for line in self._read(os.path.join(folder, name))]
            if any([hmac.compare_digest(value, line) for line in accepted]):  # noqa: C419 - compares with each of them
                return True
        return False

    def _matches(self, minion_id: str, path: str) -> bool:
        return any(_means(line, minion_id) for line in self._read(path))

    def _read(self, path: str) -> list[str]:
        """The lines of a file that say something; none if there is no file.

        Raises:
            UnsafePath: somebody else could change it.
        """
        now = safety.signature(path) if path else None
        if now is None:
            return []
        safety.check_file(path)
        known = self._lines.get(path)
        if known is None or known[0] != now:
            content, now = safety.read_with_signature(path)
            lines = (line.strip() for line in content.decode("utf-8", "replace").splitlines())
            known = self._lines[path] = (now, [line for line in lines if line and not line.startswith("#")])
        return known[1]


def _means(line: str, minion_id: str) -> bool:
    """Whether a line names an id: literally, as a glob, or as a regular expression of all of it."""
    if line == minion_id or fnmatch.fnmatchcase(minion_id, line):
        return True
    if not _REGEX.search(line):
        return False
    with suppress(re.error):
        return re.fullmatch(line, minion_id) is not None
    return False
