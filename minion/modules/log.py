"""Writes to the minion's log, for templates that have to be looked into."""

from __future__ import annotations

import logging
from typing import Any

_log = logging.getLogger(__name__)


def debug(message: Any) -> bool:
    """Logs a message at level DEBUG.

    Args:
        message: what to log.

    CLI Example:

    .. code-block:: jinja

        {%- do salt["log.debug"]("seen") -%}
    """
    _log.debug("%s", message)
    return True


def info(message: Any) -> bool:
    """Logs a message at level INFO.

    Args:
        message: what to log.

    CLI Example:

    .. code-block:: jinja

        {%- do salt["log.info"]("seen") -%}
    """
    _log.info("%s", message)
    return True


def warning(message: Any) -> bool:
    """Logs a message at level WARNING.

    Args:
        message: what to log.

    CLI Example:

    .. code-block:: jinja

        {%- do salt["log.warning"]("seen") -%}
    """
    _log.warning("%s", message)
    return True


def error(message: Any) -> bool:
    """Logs a message at level ERROR.

    Args:
        message: what to log.

    CLI Example:

    .. code-block:: jinja

        {%- do salt["log.error"]("seen") -%}
    """
    _log.error("%s", message)
    return True


def critical(message: Any) -> bool:
    """Logs a message at level CRITICAL.

    Args:
        message: what to log.

    CLI Example:

    .. code-block:: jinja

        {%- do salt["log.critical"]("seen") -%}
    """
    _log.critical("%s", message)
    return True


def exception(message: Any) -> bool:
    """Logs a message at level ERROR, with the exception that is being handled.

    Args:
        message: what to log.

    CLI Example:

    .. code-block:: jinja

        {%- do salt["log.exception"]("seen") -%}
    """
    _log.exception("%s", message)
    return True
