"""Makes links of a minion's configuration: which masters there are, how to be connected to them, what is remembered."""

from __future__ import annotations

import ipaddress
import json
import logging
import os
import random
import re
from typing import Any, Dict, List, Mapping, Tuple

from minion.config import MinionSettings
from minion.daemon.keyring import KeyRing
from minion.errors import ConfigError
from transports.crypto import ENCRYPTION, SIGNING, PublicKey
from transports.errors import SignInError
from transports.signin import Identity, Trust
from transports.zeromq.course import Timing
from transports.zeromq.minion import LinkConfig
from transports.zeromq.sockets import Tuning

log = logging.getLogger(__name__)

_NAME = re.compile(r"([A-Za-z0-9_.-]+)(?::([0-9]{1,5}))?")
_BRACKETS = re.compile(r"\[([^\[\]]+)\](?::([0-9]{1,5}))?")


def parse_master(text: str, port: int) -> Tuple[str, int]:
    """Host and port of `host`, `host:port`, `address`, `[address]:port`.

    Raises:
        ConfigError: it is none of these.
    """
    words = text.strip()
    named, bracketed = _NAME.fullmatch(words), _BRACKETS.fullmatch(words)
    if named:
        return named.group(1), int(named.group(2) or port)
    address, own_port = bracketed.groups() if bracketed else (words, None)
    try:
        ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        raise ConfigError(f"option master: {text!r} is no host, host:port or [IPv6 address]:port") from None
    return address, int(own_port or port)


def masters(settings: MinionSettings) -> List[LinkConfig]:
    """All masters that the configuration names, in the order to try them.

    Raises:
        ConfigError: an address can't be read.
    """
    if settings.master_type == "disable":
        return []
    named = settings.master if isinstance(settings.master, list) else [settings.master]
    addresses = [parse_master(str(name), settings.master_port) for name in named]
    if settings.master_shuffle or settings.random_master:
        random.shuffle(addresses)
    return [_config(settings, host, port) for host, port in addresses]


def _config(settings: MinionSettings, host: str, port: int) -> LinkConfig:
    return LinkConfig(
        host=host,
        port=port,
        publish_port=settings.publish_port,
        filtering=settings.zmq_filtering,
        signed_only=settings.require_signed_publications,
        auth_timeout=settings.auth_timeout,
        auth_tries=1 if settings.master_type == "failover" else settings.auth_tries,
        timing=Timing(
            pending=settings.acceptance_wait_time,
            pending_longest=settings.acceptance_wait_time_max,
            unreachable=settings.recon_default / 1000,
            unreachable_longest=settings.recon_max / 1000,
            retry_rejected=settings.rejected_retry,
        ),
        tuning=Tuning(
            heartbeat=settings.heartbeat,
            reconnect=settings.recon_default,
            reconnect_longest=settings.recon_max,
            spread=settings.recon_randomize,
            keepalive=settings.tcp_keepalive,
            ipv6=settings.ipv6,
            source=settings.source_address,
        ),
    )


def name_of(config: LinkConfig) -> str:
    """A name for a master that can be a folder's."""
    return re.sub(r"[^A-Za-z0-9.-]", "_", f"{config.host}_{config.port}")


def identity(opts: Mapping[str, Any], ring: KeyRing, grains: Mapping[str, Any]) -> Identity:
    """Who the minion is to its masters.

    Raises:
        ConfigError: the key is not usable, or an algorithm is unknown.
    """
    for option, known in (("encryption_algorithm", ENCRYPTION), ("signing_algorithm", SIGNING)):
        if opts[option] not in known:
            raise ConfigError(f"option {option} must be one of {', '.join(known)}, not {opts[option]!r}")
    wanted = {str(name): grains.get(name) for name in opts["autosign_grains"]}
    return Identity(opts["id"], ring.own(), opts["encryption_algorithm"], opts["signing_algorithm"], wanted)


class LinkMemory:
    """What a link keeps on disk.

    Args:
        settings: what the configuration says of trust.
        ring: the keys.
        path: file of the serials.
    """

    def __init__(self, settings: MinionSettings, ring: KeyRing, path: str) -> None:
        self._settings, self._ring, self._path = settings, ring, path

    def trust(self) -> Trust:
        """What is known of the master by now.

        Raises:
            SignInError: a key file is not usable; nobody is trusted then.
        """
        settings = self._settings
        wanted = settings.verify_master_pubkey_sign
        try:
            return Trust(
                remembered=self._ring.master(),
                finger=settings.master_finger,
                finger_hash=settings.hash_type,
                voucher=self._ring.voucher(settings.master_sign_key_name) if wanted else None,
            )
        except ConfigError as exc:
            raise SignInError(str(exc)) from None

    def remember(self, key: PublicKey) -> None:
        """Stores the key of the master that is trusted on first use."""
        self._ring.remember(key)

    def serials(self) -> Mapping[str, Any]:
        """The serials that were stored last."""
        try:
            with open(self._path, encoding="ascii") as file:
                found = json.load(file)
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def store_serials(self, serials: Dict[str, int]) -> None:
        """Stores them; a disk that is full costs their memory, not the job."""
        scratch = f"{self._path}.tmp"
        try:
            with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w") as file:
                json.dump(serials, file)
            os.rename(scratch, self._path)
        except OSError as exc:
            log.error("%s can't be written: %s", self._path, exc)
