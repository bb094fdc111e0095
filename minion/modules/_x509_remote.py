"""Asks another minion, through the master, to sign a certificate."""

from __future__ import annotations

import logging
from typing import Any, Callable, Dict, Mapping

from minion.errors import CommandExecutionError, SaltInvocationError

log = logging.getLogger(__name__)

_TIMEOUT = 60  # seconds to wait for the minion that signs


def ask(
    salt: Mapping[str, Callable[..., Any]],
    ca_server: str,
    signing_policy: str,
    kwargs: Dict[str, Any],
    only_policy: bool = False,
) -> Any:
    """The certificate in DER, or what the policy fixes.

    Args:
        salt: the execution functions.
        ca_server: the minion that signs.
        signing_policy: its policy.
        kwargs: the arguments of `x509.create_certificate`.
        only_policy: sign nothing.
    """
    arguments = [signing_policy, kwargs, only_policy]
    answers = salt["publish.publish"](ca_server, "x509.sign_remote_certificate", arg=arguments, timeout=_TIMEOUT)
    if not answers:
        raise SaltInvocationError(
            "ca_server did not respond. Salt master must permit peers to call the sign_remote_certificate function."
        )
    answer = next(iter(answers.values()))
    if not isinstance(answer, dict) or "data" not in answer:
        log.error("Received invalid return value from ca_server: %s", answer)
        raise CommandExecutionError("Received invalid return value from ca_server. See minion log for details")
    if answer.get("errors"):
        raise CommandExecutionError("ca_server reported errors:\n" + "\n".join(answer["errors"]))
    return answer["data"]
