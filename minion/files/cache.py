"""Where copies of files lie on the minion, and writing them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from typing import Any, BinaryIO, Iterator, List, Mapping, Optional
from urllib.parse import urlsplit

from minion.files import urls


class Cache:
    """The layout below `cachedir`.

    `files/<saltenv>/` holds files of the file server, `localfiles/` copies of the minion's own files,
    `extrn_files/<saltenv>/` what was fetched from elsewhere.
    """

    def __init__(self, opts: Mapping[str, Any]) -> None:
        self.folder = str(opts["cachedir"])

    def base(self, cachedir: Optional[str] = None) -> str:
        """The folder itself, or another one, given absolute or relative to it."""
        return os.path.join(self.folder, cachedir) if cachedir else self.folder

    def served(self, path: str, saltenv: str, cachedir: Optional[str] = None) -> str:
        """Place of a file of the file server."""
        parts = urls.path_parts(path) or []
        return os.path.join(self.base(cachedir), "files", saltenv, *parts)

    def local(self, path: str) -> str:
        """Place of a copy of the minion's own file."""
        return os.path.join(self.folder, "localfiles", path.lstrip("|/"))

    def fetched(self, url: str, saltenv: str, cachedir: Optional[str] = None) -> str:
        """Place of what a URL brings; no password is part of it."""
        parsed = urlsplit(url)
        host = parsed.netloc.split("@")[-1].replace(":", "").strip(".")
        name = f"{parsed.path}-{parsed.query}" if parsed.query else parsed.path
        if len(name) > 255 or ".." in name.split("/"):
            name = hashlib.sha256(name.encode()).hexdigest()
        return os.path.join(self.base(cachedir), "extrn_files", saltenv, host, name.lstrip("/")).rstrip("/")

    def find(self, path: str, saltenv: str, cachedir: Optional[str] = None) -> str:
        """The copy of a file, wherever it is; "" if there is none."""
        served = urls.parse(path)[0] if path.startswith(urls.SCHEME) else path
        places = [os.path.join(self.base(cachedir), "files", saltenv, served.lstrip("|/")), self.local(served)]
        if "://" in path:
            places.append(self.fetched(path, saltenv, cachedir))
        return next((place for place in places if os.path.exists(place)), "")

    def local_list(self, saltenv: str) -> List[str]:
        """All copies of files of an environment, and of the minion's own files."""
        folders = (os.path.join(self.folder, "files", saltenv), os.path.join(self.folder, "localfiles"))
        return sorted(
            os.path.join(folder, name) for top in folders for folder, _, names in os.walk(top) for name in names
        )

    def keep_local(self, path: str) -> str:
        """Copies one of the minion's own files."""
        place = self.local(path)
        with open(path, "rb") as source, replacing(place) as target:
            shutil.copyfileobj(source, target)
        return place


@contextlib.contextmanager
def replacing(path: str, private: bool = True) -> Iterator[BinaryIO]:
    """A stream whose content becomes the file when the block ends, and vanishes if the block fails.

    Args:
        path: the file.
        private: nobody else may read it; its folders are made. Otherwise it gets the permissions of the file it
            replaces, or those that new files have.
    """
    folder = os.path.dirname(path)
    if private:
        _make_private_folders(folder)
    handle, scratch = tempfile.mkstemp(prefix=f".{os.path.basename(path)[:200]}.", dir=folder)
    try:
        with os.fdopen(handle, "wb") as stream:
            if not private:
                os.fchmod(stream.fileno(), _mode_for(path))
            yield stream
        os.replace(scratch, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(scratch)
        raise


def _mode_for(path: str) -> int:
    try:
        return os.stat(path).st_mode & 0o7777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _make_private_folders(folder: str) -> None:
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    _make_private_folders(parent)
    with contextlib.suppress(FileExistsError):
        if os.path.isfile(folder) or os.path.islink(folder):
            os.unlink(folder)  # what is a folder now was a file before
        os.mkdir(folder, 0o700)
