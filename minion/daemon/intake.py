"""What to do with a job that arrives: decided without I/O, from what is known of its id."""

from __future__ import annotations

import enum
from typing import Any, Dict, Mapping, Optional

from minion.journal import BEGUN, DONE
from transports.messages import Job

FIND_JOB = "saltutil.find_job"


class Decision(enum.Enum):
    """What happens to a job that is for this minion."""

    RUN = "run it"
    ACKNOWLEDGE = "it runs already: say so"
    RETURN_AGAIN = "it is done, and its return waits to be delivered: deliver it now"
    IGNORE = "it is done and returned"


def decide(known: str, undelivered: bool) -> Decision:
    """What to do with a job.

    Args:
        known: what the journal says of its id.
        undelivered: whether its return waits to be delivered.
    """
    if known == BEGUN:
        return Decision.ACKNOWLEDGE
    if undelivered:
        return Decision.RETURN_AGAIN
    return Decision.IGNORE if known == DONE else Decision.RUN


def asked_job(job: Job) -> Optional[str]:
    """The job id that a job asks after with `saltutil.find_job`, if that is all it does."""
    if job.fun != (FIND_JOB,) or job.ret:
        return None
    (args,) = job.arg
    if len(args) != 1:
        return None
    (asked,) = args
    if isinstance(asked, Mapping):
        asked = asked.get("jid") if set(asked) == {"__kwarg__", "jid"} else None
    return str(asked) if isinstance(asked, (str, int)) else None


def as_found(job: Job, pid: int) -> Dict[str, Any]:
    """What `saltutil.find_job` says of a job at work; one that waits for its turn has no process yet."""
    found = {**job.to_wire(), "pid": pid}
    return found if pid else {**found, "queued": True}
