"""What a state returns."""

from __future__ import annotations

from typing import Any, Dict, Optional

Result = Dict[str, Any]


def begun(name: str, result: Optional[bool] = True) -> Result:
    """The result of a state that has changed nothing yet."""
    return {"name": name, "changes": {}, "result": result, "comment": ""}


def failed(ret: Result, comment: str) -> Result:
    """Marks a result as failed, and says why."""
    ret.update(result=False, comment=comment)
    return ret


def predicted(ret: Result, comment: str, **changes: Any) -> Result:
    """Marks a result as one of test mode: the state would change something."""
    ret["changes"].update(changes)
    ret.update(result=None, comment=comment)
    return ret
