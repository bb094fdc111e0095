"""Which of the options that a file system shall be mounted with it is not mounted with."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Callable, Dict, List, Mapping, Sequence, Set

# options that the kernel does not tell of
_INVISIBLE = {
    "_netdev", "actimeo", "auto", "backup-volfile-servers", "bg", "bind", "comment", "defaults", "delay_connect",
    "direct-io-mode", "intr", "loop", "nobootwait", "nofail", "nointr", "nonempty", "password", "port", "reconnect",
    "retry", "soft", "transform_symlinks", "users",
}  # fmt: skip
_INVISIBLE_KEYS = {
    "actimeo", "comment", "credentials", "direct-io-mode", "password", "port", "retry", "secretfile",
}  # fmt: skip
_IGNORED_KEYS = {"ramfs": ["size"]}
_TRANSLATED = {"tcp": "proto=tcp", "udp": "proto=udp"}
_FACTORS = {"k": 1, "m": 1024, "g": 1024 * 1024}
_IDS = {"uid": "user.info", "gid": "group.info"}


@dataclasses.dataclass(frozen=True)
class Invisible:
    """What the user knows of options besides; the fields are arguments of `mount.mounted`."""

    extra_mount_invisible_options: Sequence[str] = ()
    extra_mount_invisible_keys: Sequence[str] = ()
    extra_mount_ignore_fs_keys: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    extra_mount_translate_options: Mapping[str, str] = dataclasses.field(default_factory=dict)
    hidden_opts: Sequence[str] = ()

    def missing(
        self, salt: Mapping[str, Callable[..., Any]], wanted: Sequence[str], mount: Mapping[str, Any], fstype: str
    ) -> List[str]:
        """The options that are wanted and can be seen to be missing.

        Args:
            wanted: options.
            mount: what is known of the mounted file system.
            fstype: its type.
        """
        active = {_in_kilobytes(option) for option in [*mount["opts"], *mount.get("superopts", ())]}
        ignored = {**_IGNORED_KEYS, **self.extra_mount_ignore_fs_keys}.get(fstype, ())
        translated = {**_TRANSLATED, **self.extra_mount_translate_options}
        hidden: Set[str] = {*_INVISIBLE, *_INVISIBLE_KEYS, *self.extra_mount_invisible_options, *self.hidden_opts}
        hidden |= {*self.extra_mount_invisible_keys, *ignored}
        keys = {*_INVISIBLE_KEYS, *self.extra_mount_invisible_keys, *ignored}
        missing = []
        for option in wanted:
            option = _as_seen(salt, translated.get(option, option), fstype)
            key = option.split("=")[0]
            if option not in active and option not in hidden and key not in keys:
                missing.append(option)
        return missing


def _as_seen(salt: Mapping[str, Callable[..., Any]], option: str, fstype: str) -> str:
    """An option in the form in which the kernel tells of it."""
    key, given, value = option.partition("=")
    if key == "user" and fstype == "cifs":
        return f"username={value}"
    if key in _IDS and given and not value.isdigit():
        return f"{key}={salt[_IDS[key]](value).get(key, value)}"
    return _in_kilobytes(option)


def _in_kilobytes(option: str) -> str:
    size = re.match(r"size=(\d+)([kmg])", option)
    return f"size={int(size.group(1)) * _FACTORS[size.group(2)]}k" if size else option


def as_list(options: Any) -> List[str]:
    """Options as a list, however they are given."""
    return options.split(",") if isinstance(options, str) else [str(option) for option in options or ()]


def as_mapping(value: Any) -> Dict[str, Any]:
    """A mapping that may not be given."""
    return dict(value or {})
