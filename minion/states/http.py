"""Answers of web servers, as they shall be."""

from __future__ import annotations

import re
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from minion.errors import CommandExecutionError
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__monitor__ = ["query"]


def query(
    name: str,
    match: Any = None,
    match_type: str = "string",
    status: Any = None,
    status_type: str = "string",
    wait_for: Optional[float] = None,
    **kwargs: Any,
) -> Result:
    """Succeeds if a web server answers as it shall.

    Args:
        name: the URL.
        match: what the answer must contain.
        match_type: `string`, or `pcre` if that is a regular expression.
        status: the status that the answer must have.
        status_type: `string`, `pcre` for a regular expression, `list` for a list of which one will do.
        wait_for: ask again for so many seconds until the request succeeds.
        kwargs: as for `http.query`.
    """
    ret = {**begun(name, result=None), "data": {}}
    if match is None and status is None:
        return failed(ret, " Either match text (match) or a status code (status) is required.")
    options = {"decode": False, **kwargs, "text": True, "status": True}
    if __opts__["test"]:
        options["test"] = True
    if wait_for:
        data = __salt__["http.wait_for_successful_query"](name, wait_for=wait_for, **options)
    else:
        data = __salt__["http.query"](name, **options)
    verdicts = []
    if match is not None:
        verdicts.append(_check_text(match, match_type, str(data.get("text", ""))))
    if status is not None:
        verdicts += _check_status(status, status_type, str(data.get("status", "")))
    ret.update(result=all(ok for ok, _ in verdicts), comment=" ".join(said for _, said in verdicts), data=data)
    if __opts__["test"]:
        asked = f", TEST URL WAS: {kwargs['test_url']}" if "test_url" in kwargs else ""
        ret.update(result=None, comment=f"{ret['comment']} (TEST MODE{asked})")
    return ret


Verdict = Tuple[bool, str]


def _check_text(wanted: Any, kind: str, text: str) -> Verdict:
    if kind not in ("string", "pcre"):
        raise CommandExecutionError(f"match_type must be 'string' or 'pcre', not '{kind}'")
    found = bool(re.search(str(wanted), text)) if kind == "pcre" else str(wanted) in text
    what = "pattern" if kind == "pcre" else "text"
    return found, f'Match {what} "{wanted}" was {"found" if found else "not found"}.'


def _check_status(wanted: Any, kind: str, status: str) -> List[Verdict]:
    if kind == "list":
        found = [(True, f"Status {each} was found.") for each in wanted if str(each) == status]
        return found or [(False, f"Statuses {wanted} were not found.")]
    if kind not in ("string", "pcre"):
        raise CommandExecutionError(f"status_type must be 'string', 'pcre' or 'list', not '{kind}'")
    is_fine = bool(re.search(str(wanted), status)) if kind == "pcre" else str(wanted) == status
    what = f'Status pattern "{wanted}"' if kind == "pcre" else f"Status {wanted}"
    return [(is_fine, f"{what} was {'found' if is_fine else 'not found'}.")]


def wait_for_successful_query(name: str, wait_for: float = 300, **kwargs: Any) -> Result:
    """Asks until a web server answers as it shall, or until the time is over.

    Args:
        name: the URL.
        wait_for: so many seconds.
        kwargs: as for `http.query`; and `request_interval`, seconds between two requests.
    """
    interval = float(kwargs.pop("request_interval", 1))
    deadline = time.monotonic() + float(wait_for)
    while True:
        error: Optional[Exception] = None
        try:
            ret = query(name, **kwargs)
        except CommandExecutionError as exc:
            ret, error = {}, exc
        left = deadline - time.monotonic()
        if ret.get("result") or __opts__["test"] or left <= 0:
            if error:
                raise error
            return ret
        time.sleep(min(interval, left))
