"""The first stage on a host that is driven by SSH: finds or makes the folder of the bundle, then hands over to it.

`ssh.bootstrap` streams the text of this file to an interpreter of the host, which has `stream` set to its stdin. It
may import nothing of ours before the bundle is known to be whole, and little else: it runs with every command.

The folder is this user's own (`~/.saltern`, or what the roster names): its files are trusted because nobody else but
root can have written there, which is checked each time, up to the root; and because what is in it is compared with
the manifest, whose hash comes with the stream. A folder that does not pass is not touched: a fresh one with a name that
nobody can guess takes its place for this run.
"""

from __future__ import annotations

import errno
import gc
import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` takes as long to load as all the rest of this, and with each command anew
    from typing import BinaryIO, Callable, List, NoReturn, Set, Tuple

_PLACES = ("/var/tmp", "/tmp", "/dev/shm")  # noqa: S108 - for folders with random names
_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_FULL = (errno.ENOSPC, errno.EDQUOT)
MANIFEST = "MANIFEST"


class Failure(Exception):
    """Ends the stage; its arguments are the name of the error and what happened."""


class Unsafe(Exception):
    """A folder that others might have prepared for us, or can't be used; says why."""


def check_parents(path: str) -> None:
    """Everything above a folder belongs to root or us, and nobody else can rename what is in it."""
    parent = os.path.dirname(path)
    while True:
        found = os.stat(parent)
        if found.st_uid not in (0, os.geteuid()):
            raise Unsafe(f"{parent} belongs to the user id {found.st_uid}")
        if found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX:
            raise Unsafe(f"{parent} can be written by others")
        if parent == "/":
            return
        parent = os.path.dirname(parent)


def open_folder(path: str) -> None:
    """Makes a folder that is ours alone, or checks that the one that is there is."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        found = os.fstat(handle)
    finally:
        os.close(handle)
    if found.st_uid != os.geteuid():
        raise Unsafe(f"{path} belongs to the user id {found.st_uid}")
    if found.st_mode & 0o077:
        raise Unsafe(f"{path} is open to others (mode {found.st_mode & 0o777:o})")
    if not os.access(path, os.W_OK | os.X_OK):
        raise Unsafe(f"{path} can't be written")
    check_parents(os.path.realpath(path))


def choose_folder(wanted: str, fresh: bool) -> Tuple[str, str]:
    """The folder for the bundle, and why it is not the wanted one ("" if it is)."""
    import pwd

    home = pwd.getpwuid(os.geteuid()).pw_dir
    if wanted.startswith("$HOME"):
        wanted = "~" + wanted[5:]
    path = os.path.normpath(os.path.join(home, wanted[2:]) if wanted.startswith("~") else wanted)
    # From here on links on the way do not count: whose they are is not looked at, and they could lead elsewhere later.
    path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    why = "a fresh folder was asked for"
    if not fresh:
        try:
            open_folder(path)
            return path, ""
        except Unsafe as exc:
            why = str(exc)
        except OSError as exc:
            if exc.errno in _FULL:
                raise
            why = f"{path} can't be used: {exc.strerror}"
    return fresh_folder(), why


def fresh_folder() -> str:
    """A folder with a name that nobody can guess; it goes when the run is over."""
    reasons: List[str] = []
    for place in _PLACES:
        path = os.path.join(place, ".saltern-" + os.urandom(8).hex())
        try:
            os.mkdir(path, 0o700)
            check_parents(path)
            return path
        except (Unsafe, OSError) as exc:
            reasons.append(f"{place}: {exc}")
    raise Failure("NoFolder", "no folder for the modules can be made; " + "; ".join(reasons))


def is_whole(folder: str, digest: str) -> bool:
    """Whether the bundle in a folder is the one of that digest, with each file as long as it must be."""
    try:
        with open(os.path.join(folder, MANIFEST), "rb") as file:
            text = file.read()
        if hash_of(text) != digest:
            return False
        for size, path in entries(text):
            found = os.lstat(os.path.join(folder, path))
            if not stat.S_ISREG(found.st_mode) or found.st_size != size:
                return False
    except (OSError, ValueError):
        return False
    return True


def entries(manifest: bytes) -> List[Tuple[int, str]]:
    """Size and path of each file; the paths lead nowhere but below the folder."""
    found = []
    for line in manifest.decode("ascii").splitlines()[1:]:
        size, _, path = line.partition(" ")
        parts = path.split("/")
        if "" in parts or "." in parts or ".." in parts:
            raise ValueError(path)
        found.append((int(size), path))
    return found


def hash_of(data: bytes) -> str:
    """SHA-256, without loading more of hashlib than there is need for."""
    try:
        from _sha256 import sha256  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        from hashlib import sha256
    digest: str = sha256(data).hexdigest()
    return digest


def unpack(base: str, digest: str, packed: bytes, method: str) -> str:
    """Puts the files of a bundle in place, all or none; returns their folder."""
    if method == "xz":
        import lzma

        data = lzma.decompress(packed)
    else:
        import zlib

        data = zlib.decompress(packed)
    length = int(data[:8])
    manifest, content = data[8 : 8 + length], data[8 + length :]
    if hash_of(manifest) != digest or not manifest.startswith(hash_of(content).encode()):
        raise Failure("Damaged", "the bundle arrived damaged")
    scratch = os.path.join(base, ".new-" + os.urandom(8).hex())
    os.mkdir(scratch, 0o700)
    try:
        write_files(scratch, manifest, content)
        place = os.path.join(base, digest)
        try:
            os.rename(scratch, place)
        except OSError as exc:
            if exc.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            if not is_whole(place, digest):  # damaged; else another run was faster
                os.rename(place, scratch + ".old")
                os.rename(scratch, place)
        return place
    finally:
        remove(scratch)
        remove(scratch + ".old")


def write_files(folder: str, manifest: bytes, content: bytes) -> None:
    """Writes each file of the manifest."""
    start = 0
    made: Set[str] = set()
    for size, path in entries(manifest):
        data = content[start : start + size]
        start += size
        place = os.path.join(folder, path)
        parent = os.path.dirname(place)
        if parent not in made:
            os.makedirs(parent, 0o700, exist_ok=True)
            made.add(parent)
        write(place, data)
    write(os.path.join(folder, MANIFEST), manifest)


def write(path: str, data: bytes) -> None:
    """Makes one new file."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)


def remove(folder: str) -> None:
    """Removes a folder of ours, if it is there."""
    if os.path.lexists(folder):
        import shutil

        shutil.rmtree(folder, ignore_errors=True)


def forget_others(base: str, digest: str, cachedir_age: float = 86400.0 * 7) -> None:
    """Removes bundles of other versions that were not used for a week, and what broken runs left."""
    import time

    for name in os.listdir(base):
        path = os.path.join(base, name)
        old = (len(name) == len(digest) and name != digest) or name.startswith(".new-")
        try:
            if old and os.lstat(path).st_mtime < time.time() - cachedir_age:
                remove(path)
        except FileNotFoundError:
            pass  # another run is done with it


def obtain(source: BinaryIO, base: str, digest: str, tell: Callable[[str, str], None]) -> str:
    """The folder of the bundle, which is asked for if it is not there."""
    place = os.path.join(base, digest)
    if is_whole(place, digest):
        return place
    try:
        import lzma  # noqa: F401 - only to know whether this interpreter has it

        method = "xz"
    except ImportError:
        method = "zlib"
    tell("need", method)
    length = source.read(8)
    packed = source.read(int(length or b"0"))
    if len(length) < 8 or len(packed) < int(length):
        raise Failure("ConnectionLost", "the connection ended while the bundle was sent")
    place = unpack(base, digest, packed, method)
    forget_others(base, digest)
    return place


def text_of(exc: OSError, base: str) -> Tuple[str, str]:
    """Name and words of an error of the operating system."""
    if exc.errno in _FULL:
        return "DiskFull", f"no space is left for {base or 'the modules'}"
    return "NoFolder", f"{exc.filename or base}: {exc.strerror}"


def become(place: str, base: str, link: int, setup: bytes, early: bytes) -> int:
    """Runs the thin minion of a bundle, with nothing to read or write for whatever it starts."""
    sys.path.insert(0, place)
    from minion.thin.serve import serve

    reading = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return serve(reading, link, base, setup, early)


def main(source: BinaryIO) -> NoReturn:
    """Reads its orders, obtains the bundle, and becomes the thin minion."""
    gc.disable()  # what is loaded from here on stays: to look for garbage in it would take a tenth of the time
    link = os.dup(1)  # what follows speaks on this; prints of modules go to stderr
    if os.isatty(1):  # then both are the same terminal, and messages would come between the frames
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 2)
        os.close(nothing)
    os.dup2(2, 1)
    orders = [source.readline().decode("utf-8").rstrip("\n") for _ in range(4)]
    marker, wanted, digest, mode = orders
    setup = source.read(int(source.read(8)))
    early = source.read(int(source.read(8)))

    def tell(word: str, text: str) -> None:
        text = text.replace("\n", " ")
        os.write(link, f"{marker} {word} {text}\n".encode("utf-8", "replace"))

    base, temporary, code = "", "", 1
    try:
        try:
            base, why = choose_folder(wanted, "fresh" in mode)
            temporary = base if why or "wipe" in mode else ""
            place = obtain(source, base, digest, tell)
        except Failure as exc:
            tell("error", " ".join(exc.args))
        except OSError as exc:
            tell("error", " ".join(text_of(exc, base)))
        else:
            tell("ready", why and f"{base} is used for this run: {why}")
            code = become(place, base, link, setup, early)
    finally:
        if temporary:
            remove(temporary)
    sys.stderr.flush()
    os._exit(code)
