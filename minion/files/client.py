"""The minion's way to files: asks the file server, keeps copies, fetches URLs."""

from __future__ import annotations

import contextlib
import fnmatch
import gzip
import os
import re
import shutil
from typing import Any, BinaryIO, Dict, Iterator, List, Mapping, Optional, Protocol, Tuple, Union

from minion.errors import CommandExecutionError, MinionError
from minion.files import urls
from minion.files.cache import Cache, replacing
from minion.files.direct import states_among
from minion.files.hashing import hash_of
from minion.files.roots import stat_numbers

Hash = Union[Dict[str, str], str]
Pattern = Optional[str]


class Asks(Protocol):
    """Whoever takes requests for the master."""

    def request(self, cmd: str, **load: Any) -> Any: ...


class FileClient:
    """Files of the master, or of this host with `--local`.

    Args:
        opts: the minion's options.
        master: takes requests.
    """

    def __init__(self, opts: Mapping[str, Any], master: Asks) -> None:
        self.opts, self._master = opts, master
        self.cache = Cache(opts)
        self._verified: Optional[Dict[Tuple[str, str], str]] = None

    @contextlib.contextmanager
    def steady(self) -> Iterator[None]:
        """While it lasts, files that were looked at once are taken as unchanged: an SLS tree is compiled as it was."""
        before = self._verified
        self._verified = {} if before is None else before
        try:
            yield
        finally:
            self._verified = before

    @contextlib.contextmanager
    def asking(self, master: Asks) -> Iterator[None]:
        """Another master is asked for a while."""
        before = self._master
        self._master = master
        try:
            yield
        finally:
            self._master = before

    # questions

    def envs(self) -> List[str]:
        """The names of the environments."""
        return list(self._master.request("_file_envs") or [])

    def file_list(self, saltenv: str = "base", prefix: str = "") -> List[str]:
        """Relative paths of all files."""
        return list(self._master.request("_file_list", saltenv=saltenv, prefix=prefix) or [])

    def dir_list(self, saltenv: str = "base", prefix: str = "") -> List[str]:
        """Relative paths of all folders."""
        return list(self._master.request("_dir_list", saltenv=saltenv, prefix=prefix) or [])

    def file_list_emptydirs(self, saltenv: str = "base", prefix: str = "") -> List[str]:
        """Relative paths of the empty folders."""
        return list(self._master.request("_file_list_emptydirs", saltenv=saltenv, prefix=prefix) or [])

    def symlink_list(self, saltenv: str = "base", prefix: str = "") -> Dict[str, str]:
        """Links and where they point."""
        return dict(self._master.request("_symlink_list", saltenv=saltenv, prefix=prefix) or {})

    def list_states(self, saltenv: str = "base") -> List[str]:
        """Dotted names of all SLS files."""
        return states_among(self.file_list(saltenv))

    def master_opts(self) -> Dict[str, Any]:
        """The master's options that concern states."""
        return dict(self._master.request("_master_opts") or {})

    def master_tops(self) -> Dict[str, List[str]]:
        """States that the master's `master_tops` assign."""
        return dict(self._master.request("_master_tops", opts=_plain(self.opts)) or {})

    def hash_file(self, path: str, saltenv: str = "base") -> Hash:
        """`hsum` and `hash_type` of a `salt://` file, "" if there is none, or of a local one, {} if there is none."""
        if path.startswith(urls.SCHEME):
            path, own_env = urls.parse(path)
            found: Hash = self._master.request("_file_hash", path=path, saltenv=own_env or saltenv) or ""
            return found
        if not os.path.isfile(path):
            return {}
        kind = str(self.opts.get("hash_type") or "sha256")
        return {"hsum": hash_of(path, kind), "hash_type": kind}

    def hash_and_stat_file(self, path: str, saltenv: str = "base") -> Tuple[Hash, Optional[List[int]]]:
        """`hash_file`, and the ten numbers of `stat`."""
        if not path.startswith(urls.SCHEME):
            return self.hash_file(path, saltenv), stat_numbers(os.stat(path)) if os.path.isfile(path) else None
        path, own_env = urls.parse(path)
        found, numbers = self._master.request("_file_hash_and_stat", path=path, saltenv=own_env or saltenv) or (
            "",
            None,
        )
        return found or "", numbers

    # one file

    def get_file(
        self,
        path: str,
        dest: str = "",
        makedirs: bool = False,
        saltenv: str = "base",
        gzip: Optional[int] = None,
        cachedir: Optional[str] = None,
    ) -> str:
        """Brings a `salt://` file.

        Args:
            path: its URL.
            dest: where to put it; by default the cache.
            makedirs: make the folder of `dest`.
            saltenv: its environment.
            gzip: compress on the way, 1 to 9.
            cachedir: another cache folder.

        Returns:
            Where it lies now; "" if there is no such file, or no folder for it.
        """
        relative, own_env = urls.parse(path)
        saltenv = own_env or saltenv
        if not path.startswith(urls.SCHEME):
            raise MinionError(f"Unsupported path: {path}")
        if dest and (os.path.isdir(dest) or dest.endswith("/")):
            dest = os.path.join(dest, os.path.basename(relative))
        target = dest or self.cache.served(relative, saltenv, cachedir)
        if self._verified is not None and not dest and not cachedir:
            if (relative, saltenv) not in self._verified:
                self._verified[relative, saltenv] = self._bring(relative, saltenv, target, gzip, private=True)
            return self._verified[relative, saltenv]
        if dest and not _has_folder(dest, makedirs):
            return ""
        return self._bring(relative, saltenv, target, gzip, private=not dest)

    def _bring(self, path: str, saltenv: str, target: str, level: Optional[int], private: bool) -> str:
        wanted = self._master.request("_file_hash", path=path, saltenv=saltenv)
        if not wanted:
            return ""
        if _holds(target, wanted):
            return target
        if private and os.path.isdir(target) and not os.path.islink(target):
            shutil.rmtree(target)  # it was a folder when it was cached
        for _ in range(3):
            with replacing(target, private) as stream:
                served = self._receive(path, saltenv, stream, level)
            if not served or _holds(target, wanted):
                break
            wanted = self._master.request("_file_hash", path=path, saltenv=saltenv)  # it changed meanwhile
        return target

    def _receive(self, path: str, saltenv: str, stream: BinaryIO, level: Optional[int]) -> bool:
        while True:
            load: Dict[str, Any] = {"path": path, "saltenv": saltenv, "loc": stream.tell()}
            if level:
                load["gzip"] = level
            reply = self._master.request("_serve_file", **load)
            data = reply.get("data") or b""
            if not data:
                return bool(reply.get("dest"))
            raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
            stream.write(gzip.decompress(raw) if reply.get("gzip") else raw)

    def cache_file(
        self,
        path: str,
        saltenv: str = "base",
        cachedir: Optional[str] = None,
        source_hash: Optional[str] = None,
        verify_ssl: bool = True,
        use_etag: bool = False,
    ) -> str:
        """A local copy of a file given by any URL or path; "" if there is none."""
        found = self.get_url(path, "", True, saltenv, False, cachedir, source_hash, verify_ssl, use_etag)
        return str(found or "")

    def get_state(self, sls: str, saltenv: str, cachedir: Optional[str] = None) -> Dict[str, str]:
        """`source` (URL) and `dest` (path) of an SLS file given by its dotted name; {} if there is none."""
        base = sls.replace(".", "/")
        for name in (f"{base}.sls", f"{base}/init.sls"):
            dest = self.get_file(urls.create(name), "", True, saltenv, cachedir=cachedir)
            if dest:
                return {"source": urls.create(name), "dest": dest}
        return {}

    def get_url(
        self,
        url: str,
        dest: Optional[str],
        makedirs: bool = False,
        saltenv: str = "base",
        no_cache: bool = False,
        cachedir: Optional[str] = None,
        source_hash: Optional[str] = None,
        verify_ssl: bool = True,
        use_etag: bool = False,
    ) -> Union[str, bytes]:
        """Brings what a URL names: `salt://`, `http://`, `https://`, `ftp://`, `file://` or an absolute path.

        Args:
            url: what to bring.
            dest: where to put it; "" for the cache; None for its content instead of a path.
            makedirs: make the folder of `dest`.
            saltenv: environment of a `salt://` file.
            no_cache: with `dest` None: do not keep a copy.
            cachedir: another cache folder.
            source_hash: a copy with this hash is not fetched again.
            verify_ssl: check the server's certificate.
            use_etag: fetch again only if the server says that it changed.
        """
        from minion.files import web

        scheme = web.scheme_of(url)
        if scheme == "salt":
            path = self.get_file(url, dest or "", makedirs, saltenv, cachedir=cachedir)
            return _content(path) if dest is None and path else path
        if scheme == "file":
            path = web.file_path(url)
            if not os.path.isabs(path):
                raise CommandExecutionError(f"Path '{path}' is not absolute")
            return _content(path) if dest is None else path
        if dest is None:
            fetched: Union[str, bytes] = web.content(url, verify_ssl)
            return fetched
        if dest:
            target = os.path.join(dest, web.name_of(url)) if os.path.isdir(dest) or dest.endswith("/") else dest
            if not _has_folder(target, makedirs):
                return ""
            return web.download(url, target, private=False, verify_ssl=verify_ssl, use_etag=use_etag)
        target = self.cache.fetched(url, saltenv, cachedir)
        if source_hash and _has_hash(target, source_hash):
            return target
        return web.download(url, target, private=True, verify_ssl=verify_ssl, use_etag=use_etag)

    def is_cached(self, path: str, saltenv: str = "base", cachedir: Optional[str] = None) -> str:
        """The copy of a file, "" if there is none."""
        return self.cache.find(path, urls.parse(path)[1] or saltenv, cachedir)

    def cache_dest(self, url: str, saltenv: str = "base", cachedir: Optional[str] = None) -> str:
        """Where a copy would lie."""
        if "://" not in url:
            return url
        if url.startswith(urls.SCHEME):
            path, own_env = urls.parse(url)
            return self.cache.served(path, own_env or saltenv, cachedir)
        return self.cache.fetched(url, saltenv, cachedir)

    # many files

    def cache_files(
        self, paths: Union[str, List[str]], saltenv: str = "base", cachedir: Optional[str] = None
    ) -> List[str]:
        """Local copies of several files."""
        wanted = paths.split(",") if isinstance(paths, str) else paths
        return [self.cache_file(path, saltenv, cachedir) for path in wanted]

    def cache_master(self, saltenv: str = "base", cachedir: Optional[str] = None) -> List[str]:
        """Local copies of all files of an environment."""
        return self.cache_files([urls.create(path) for path in self.file_list(saltenv)], saltenv, cachedir)

    def cache_dir(
        self,
        path: str,
        saltenv: str = "base",
        include_empty: bool = False,
        include_pat: Pattern = None,
        exclude_pat: Pattern = None,
        cachedir: Optional[str] = None,
    ) -> List[str]:
        """Local copies of all files below a folder.

        Args:
            path: URL of the folder.
            saltenv: its environment.
            include_empty: make its empty folders too.
            include_pat, exclude_pat: a glob, or a regular expression after `E@`, of paths.
            cachedir: another cache folder.
        """
        prefix = urls.path_of(path).rstrip("/") + "/"
        wanted = [
            urls.create(name)
            for name in self.file_list(saltenv)
            if name.startswith(prefix) and check_include_exclude(name, include_pat, exclude_pat)
        ]
        copies = [copy for copy in self.cache_files(wanted, saltenv, cachedir) if copy]
        if include_empty:
            for name in self.file_list_emptydirs(saltenv):
                if name.startswith(prefix):
                    folder = self.cache.served(name, saltenv, cachedir)
                    os.makedirs(folder, exist_ok=True)
                    copies.append(folder)
        return copies

    def get_dir(
        self, path: str, dest: str = "", saltenv: str = "base", gzip: Optional[int] = None, cachedir: Any = None
    ) -> List[str]:
        """Brings a whole folder to `dest`; what it brought."""
        folder = urls.path_of(path).rstrip("/")
        cut = len(os.path.dirname(folder)) + 1 if "/" in folder else 0
        got = []
        for name in self.file_list(saltenv, folder):
            if name.startswith(f"{folder}/"):
                got.append(self.get_file(urls.create(name), f"{dest}/{name[cut:]}", True, saltenv, gzip))
        for name in self.file_list_emptydirs(saltenv, folder):
            if name.startswith(f"{folder}/"):
                os.makedirs(f"{dest}/{name[cut:]}", exist_ok=True)
                got.append(f"{dest}/{name[cut:]}")
        return sorted(got)

    def cache_local_file(self, path: str, **_: Any) -> str:
        """Copies one of the minion's own files into the cache."""
        return self.cache.keep_local(path)

    def file_local_list(self, saltenv: str = "base") -> List[str]:
        """All copies."""
        return self.cache.local_list(saltenv)


def check_include_exclude(path: str, include_pat: Pattern = None, exclude_pat: Pattern = None) -> bool:
    """Does a path match the first pattern, if there is one, and not the second?"""
    return (not include_pat or _matches(path, include_pat)) and not (exclude_pat and _matches(path, exclude_pat))


def _matches(path: str, patterns: Any) -> bool:
    for pattern in patterns if isinstance(patterns, (list, tuple)) else [patterns]:
        found = re.search(pattern[2:], path) if pattern.startswith("E@") else fnmatch.fnmatch(path, pattern)
        if found:
            return True
    return False


def _plain(opts: Mapping[str, Any]) -> Dict[str, Any]:
    """Options as they can be sent: what is no plain data is left out."""
    plain = (str, int, float, bool, list, dict, type(None))
    return {key: value for key, value in opts.items() if isinstance(value, plain) and not key.startswith("__")}


def _has_folder(path: str, makedirs: bool) -> bool:
    folder = os.path.dirname(path) or "."
    if makedirs:
        os.makedirs(folder, exist_ok=True)
    return os.path.isdir(folder)


def _holds(path: str, wanted: Any) -> bool:
    return bool(wanted) and os.path.isfile(path) and hash_of(path, wanted["hash_type"]) == wanted["hsum"]


def _has_hash(path: str, source_hash: str) -> bool:
    """Has the file this hash, given as `sha256=...` or by its digits alone?"""
    digits = source_hash.rsplit("=", 1)[-1].lower()
    kind = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}.get(len(digits))
    return kind is not None and os.path.isfile(path) and hash_of(path, kind) == digits


def _content(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()
