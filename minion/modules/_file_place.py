"""Puts the content of a managed file in place: from a source that is fetched and verified, or as it is given."""

from __future__ import annotations

import dataclasses
import os
import urllib.parse
from typing import Any, Callable, Dict, Mapping, Optional

from minion import atomic
from minion.errors import CommandExecutionError
from minion.modules._file_common import back_up, backup_mode, current_umask, digest, remove_scratch, scratch_file
from minion.modules._file_diff import Comparison, Difference, content_of
from minion.modules._file_signature import Signers, verify_signature

_HASH_HINT = (
    ". If the 'source_hash' value refers to a remote file with multiple possible matches, then it may be necessary "
    "to set 'source_hash_name'."
)


class Refused(Exception):
    """The file can't be managed; the text says why."""


@dataclasses.dataclass
class Origin:
    """Where the content of a managed file comes from; it is fetched when it is needed, and verified then."""

    salt: Mapping[str, Callable[..., Any]]
    opts: Mapping[str, Any]
    source: str
    path: str  # of what was fetched; empty if nothing was yet
    source_sum: Mapping[str, str]
    saltenv: str
    verify_ssl: bool
    skip_verify: bool
    use_etag: bool
    signature: Any
    signers: Signers

    @property
    def scheme(self) -> str:
        return urllib.parse.urlparse(self.source).scheme

    @property
    def hash_type(self) -> str:
        return str(self.source_sum.get("hash_type") or self.opts["hash_type"])

    @property
    def hsum(self) -> str:
        return str(self.source_sum.get("hsum", "")).lower()

    def differs_from(self, path: str) -> bool:
        """Whether a file holds something else."""
        return digest(path, self.hash_type) != (self.hsum or digest(self._fetched(), self.hash_type))

    def content(self, managed: str, hint: str = "") -> str:
        """The path of a file that holds the content, verified.

        Args:
            managed: what the message of a wrong checksum names.
            hint: what it adds.
        """
        path = self._fetched()
        verify = self.scheme != "salt" and not self.skip_verify and not self.use_etag and self.hsum
        actual = digest(path, self.hash_type) if verify else self.hsum
        if actual != self.hsum:
            raise Refused(
                f"Specified {self.hash_type} checksum for {managed} ({self.hsum}) does not match actual checksum "
                f"({actual}){hint}"
            )
        if self.signature:
            try:
                verify_signature(
                    self.salt, path, self.signature, self.signers, self.saltenv, self.verify_ssl, self.opts["cachedir"]
                )
            except CommandExecutionError as exc:
                raise Refused(f"Failed checking new file's signature: {exc}") from exc
        return path

    def _fetched(self) -> str:
        if not self.path:
            self.path = self.salt["cp.cache_file"](
                self.source, self.saltenv, verify_ssl=self.verify_ssl, use_etag=self.use_etag
            )
        if not self.path:
            raise Refused(f"Source file '{self.source}' not found")
        return self.path


@dataclasses.dataclass
class Placement:
    """A managed file, and what it shall hold: what comes from `origin`, or else `contents`, or else nothing."""

    name: str
    origin: Optional[Origin]
    contents: Optional[bytes]
    comparison: Comparison
    changes: Dict[str, Any]
    opts: Mapping[str, Any]
    substantial: bool = False  # whether more has changed than what is ignored

    def update(self, follow_symlinks: bool, backup: Any) -> None:
        """Changes the content of a file that exists, if it has to be changed."""
        is_link = os.path.islink(self.name) and not follow_symlinks
        target = self.name if is_link else os.path.realpath(self.name)
        if self.origin:
            if not is_link and not self.origin.differs_from(target):
                return
            path = self.origin.content(self.origin.source, _HASH_HINT)
            difference = self._difference(target, lambda: self.comparison.of_files(target, path))
            self._replace(path, target, is_link, difference, backup)
        elif self.contents is not None:
            contents = self.contents
            difference = self._difference(target, lambda: self.comparison.of(content_of(target), contents))
            if difference.text or is_link:
                path = scratch_file(contents)
                try:
                    self._replace(path, target, is_link, difference, backup)
                finally:
                    remove_scratch(path, self.opts)

    def _difference(self, target: str, compare: Callable[[], Difference]) -> Difference:
        if not os.path.exists(target):  # a link that leads nowhere
            return Difference("", True)
        try:
            return compare()
        except CommandExecutionError as exc:
            return Difference(str(exc), True)

    def _replace(self, path: str, target: str, is_link: bool, difference: Difference, backup: Any) -> None:
        text = difference.text or ("Replace symbolic link with regular file" if is_link else "")
        try:
            if backup_mode(backup, self.opts) in ("minion", "both") and os.path.exists(target):
                back_up(target, self.opts)
            atomic.copy(path, target, follow=not is_link)
        except OSError as exc:
            raise Refused(f"Failed to commit change: {exc}") from exc
        self.substantial = difference.substantial
        if text:
            self.changes["diff"] = text

    def create(self, private: bool, new_file_diff: bool, make_folder: Optional[Callable[[], Any]]) -> None:
        """Makes a file that does not exist, or that a link leads to.

        Args:
            private: let nobody else read it before its permissions are set.
            new_file_diff: tell what it holds.
            make_folder: makes the folder of the file.
        """
        path = self.origin.content(self.name) if self.origin else None
        if not os.path.isdir(os.path.dirname(self.name)):
            if make_folder is None:
                raise Refused("Parent directory not present")
            make_folder()
        mode = 0o600 if path or private else 0o666 & ~current_umask()
        try:
            if path:
                atomic.copy(path, self.name, mode)
            else:
                atomic.write(self.name, self.contents or b"", mode)
        except OSError as exc:
            raise Refused(f"Failed to commit change: {exc}") from exc
        self.substantial = True
        if path is None and self.contents is None:
            self.changes["new"] = f"file {self.name} created"
        elif new_file_diff:
            self.changes["diff"] = self.comparison.of_files(os.devnull, self.name).text
        else:
            self.changes["diff"] = "New file"
