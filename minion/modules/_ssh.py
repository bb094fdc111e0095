"""Files of SSH: authorized keys, known hosts, and writing them in folders that belong to users."""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
import os
import re
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from minion import atomic
from minion.errors import CommandExecutionError
from minion.modules import _tools

Salt = Mapping[str, Callable[..., Any]]

_KEY_TYPE = re.compile(r"(?:sk-)?(?:ssh-|ecdsa-|rsa-sha2-)[\w@.-]+")
_OPTION = re.compile(r'(?:[^,"]|"(?:\\.|[^"\\])*")+')
_OPTIONS_FIELD = re.compile(r'(?:[^\s"]|"(?:\\.|[^"\\])*")+')
_SHORT_TYPES = {
    "r": "ssh-rsa",
    "rsa": "ssh-rsa",
    "d": "ssh-dss",
    "dsa": "ssh-dss",
    "dss": "ssh-dss",
    "e": "ecdsa-sha2-nistp256",
    "ecdsa": "ecdsa-sha2-nistp256",
    "ed25519": "ssh-ed25519",
}
_CERTIFICATE = "-cert-v01@openssh.com"
_TYPES = (
    "ssh-rsa",
    "ssh-dss",
    "ssh-ed25519",
    *(f"ecdsa-sha2-nistp{size}" for size in (256, 384, 521)),
    "rsa-sha2-256",
    "rsa-sha2-512",
)
_HARDWARE_TYPES = ("sk-ecdsa-sha2-nistp256", "sk-ssh-ed25519")
DEFAULT_PORT = 22


def key_type(name: str) -> str:
    """The full name of a type of key."""
    full = _SHORT_TYPES.get(name, name)
    known = [
        *_TYPES,
        *(f"{kind}{_CERTIFICATE}" for kind in _TYPES),
        *(f"{kind}@openssh.com" for kind in _HARDWARE_TYPES),
    ]
    if full not in known and full not in [f"{kind}{_CERTIFICATE}" for kind in _HARDWARE_TYPES]:
        raise CommandExecutionError(f"Incorrect encryption key type '{name}'.")
    return full


def fingerprint(public_key: str, hash_type: Optional[str] = None) -> Optional[str]:
    """The fingerprint of a key as pairs of digits; None if it is no key."""
    kind = (hash_type or "sha256").lower()
    if kind not in hashlib.algorithms_available:
        raise CommandExecutionError(f"The fingerprint_hash_type {kind} is not supported.")
    try:
        digest = hashlib.new(kind, base64.b64decode(public_key, validate=True)).hexdigest()
    except (binascii.Error, ValueError):
        return None
    return ":".join(digest[index : index + 2] for index in range(0, len(digest), 2))


@dataclass
class PublicKey:
    """A line of an authorized_keys file."""

    key: str
    enc: str
    comment: str = ""
    options: List[str] = field(default_factory=list)

    def line(self) -> str:
        """The line, as it is written."""
        words = [",".join(self.options), self.enc, self.key, self.comment]
        return " ".join(word for word in words if word) + "\n"


def parse_key(line: str) -> Optional[PublicKey]:
    """The key on a line; None if there is none."""
    line = line.strip()
    if not line or line.startswith("#"):
        return None
    options: List[str] = []
    if not _KEY_TYPE.match(line):
        match = _OPTIONS_FIELD.match(line)
        if not match:
            return None
        options, line = _OPTION.findall(match.group()), line[match.end() :].lstrip()
    words = line.split(None, 2)
    if len(words) < 2 or not _KEY_TYPE.fullmatch(words[0]):
        return None
    return PublicKey(words[1], words[0], words[2] if len(words) > 2 else "", options)


def read_keys(path: str, hash_type: Optional[str]) -> Dict[str, Dict[str, Any]]:
    """Key -> enc, comment, options and fingerprint, of all keys in a file."""
    found = {}
    for line in read_lines(path):
        known = parse_key(line)
        print_ = fingerprint(known.key, hash_type) if known else None
        if known and print_:
            found[known.key] = {
                "enc": known.enc,
                "comment": known.comment,
                "options": known.options,
                "fingerprint": print_,
            }
    return found


def read_lines(path: str) -> List[str]:
    """The lines of a file, with their ends."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines(keepends=True)
    except OSError as exc:
        raise CommandExecutionError(f"Problem reading ssh key file {path}: {exc}") from exc


# Whose files


def user_info(salt: Salt, user: str) -> Dict[str, Any]:
    """What `user.info` says; an error if there is no such user."""
    info = salt["user.info"](user)
    if not info:
        raise CommandExecutionError(f"User '{user}' does not exist")
    return dict(info)


def key_file(info: Mapping[str, Any], config: str) -> str:
    """Path of an authorized_keys file; %h, %u and %% are replaced as sshd does."""

    def expand(match: re.Match[str]) -> str:
        values = {"%": "%", "u": info["name"], "h": info["home"]}
        if match.group(1) not in values:
            raise CommandExecutionError(f'AuthorizedKeysFile path: unknown token character "%{match.group(1)}"')
        return str(values[match.group(1)])

    return os.path.join(info["home"], re.sub(r"%(.?)", expand, config))


def write(salt: Salt, path: str, lines: List[str], owner: Optional[Mapping[str, Any]], mode: int = 0o600) -> None:
    """Writes a file; a new file, and a new folder for it, belong to `owner`.

    A user could have put a link there, to make us write elsewhere: links are only followed to what the user owns.
    """
    folder = os.path.dirname(path)
    new = [item for item in (folder, path) if not os.path.exists(item)]
    if owner is not None:
        for item in (folder, path):
            if os.path.lexists(item) and os.path.realpath(item) != os.path.abspath(item):
                _check_owner(item, owner)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        atomic.write(path, "".join(lines), mode if path in new else None)
        if owner is not None and os.geteuid() == 0:
            for item in new:
                os.chown(item, owner["uid"], owner["gid"])
    except OSError as exc:
        raise CommandExecutionError(f"Could not write to key file: {exc}") from exc
    if new and _tools.which("restorecon"):
        _tools.result(salt, ["restorecon", *new])


def _check_owner(item: str, owner: Mapping[str, Any]) -> None:
    home = os.path.realpath(owner["home"])
    target = os.path.realpath(item)
    if not os.path.abspath(item).startswith((home + os.sep, owner["home"] + os.sep)):
        return  # a path that the administrator chose
    if target == os.path.join(home, os.path.relpath(os.path.abspath(item), owner["home"])):
        return  # only the home itself is reached by a link
    if not os.path.exists(target) or os.stat(target).st_uid != owner["uid"]:
        raise CommandExecutionError(f"{item} is a link to {target}, which does not belong to {owner['name']}")


# Known hosts


def host_name(hostname: str, port: Any = None) -> str:
    """How known_hosts writes a host and a port."""
    return f"[{hostname}]:{port}" if port and int(port) != DEFAULT_PORT else hostname


def entries(lines: List[str], hash_type: Optional[str]) -> Iterator[Dict[str, str]]:
    """hostname, enc, key and fingerprint of lines of a known_hosts file."""
    for line in lines:
        words = line.split()
        print_ = fingerprint(words[2], hash_type) if len(words) in (3, 4) and words[0][0] not in "#@" else None
        if print_:
            yield {"hostname": words[0], "key": words[2], "enc": words[1], "fingerprint": print_}


def is_about(line: str, name: str) -> bool:
    """Whether a line of a known_hosts file is about a host."""
    words = line.split()
    if len(words) < 3 or words[0][0] in "#@":
        return False
    if words[0].startswith("|1|"):
        return _is_hash_of(words[0], name)
    matched = False
    for pattern in words[0].split(","):
        negated = pattern.startswith("!")
        if fnmatch.fnmatchcase(name.lower(), re.sub(r"\[", "[[]", pattern.lstrip("!").lower())):
            if negated:
                return False
            matched = True
    return matched


def _is_hash_of(text: str, name: str) -> bool:
    _, _, salt, digest = text.split("|", 3)
    try:
        expected = hmac.new(base64.b64decode(salt), name.encode(), "sha1").digest()
        return hmac.compare_digest(base64.b64decode(digest), expected)
    except binascii.Error:
        return False


def hashed(name: str) -> str:
    """A host's name so that nobody can read it from the file."""
    salt = os.urandom(20)
    digest = hmac.new(salt, name.encode(), "sha1").digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def hash_line(line: str) -> Tuple[List[str], bool]:
    """The line with its hosts hashed, one line for each; as it was if it has patterns or is hashed already."""
    words = line.split(None, 1)
    if len(words) < 2 or words[0][0] in "#@|" or re.search(r"[*?!]", words[0]):
        return [line], False
    return [f"{hashed(name)} {words[1]}" for name in words[0].split(",")], True
