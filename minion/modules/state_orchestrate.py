"""`state.orchestrate`: SLS files whose states act on other minions, or on this one without a master."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from minion.errors import SaltInvocationError
from minion.state.results import succeeded

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__virtualname__ = "state"
__outputter__ = {"orchestrate": "highstate"}


def orchestrate(
    mods: Any,
    saltenv: Optional[str] = "base",
    test: Optional[bool] = None,
    exclude: Any = None,
    pillar: Optional[Dict[str, Any]] = None,
    pillarenv: Optional[str] = None,
    pillar_enc: Optional[str] = None,
    orchestration_jid: Optional[str] = None,
) -> Dict[str, Any]:
    """Applies SLS files, beside other state runs: `data` (minion -> results), `outputter`, `retcode`.

    Args:
        mods: names of SLS files: a list, or text with commas.
        saltenv, pillarenv: environments of files and pillar.
        test: only say what would change.
        exclude: SLS files or IDs to leave out.
        pillar: merged over the pillar.
        pillar_enc: the renderer that decrypts it.
        orchestration_jid: the job that this is part of.

    CLI Example:

    .. code-block:: bash

        salt-call --local state.orchestrate webserver
        salt-call --local state.orchestrate webserver saltenv=dev test=True
    """
    if pillar is not None and not isinstance(pillar, dict):
        raise SaltInvocationError("Pillar data must be formatted as a dictionary")
    jid = {"__pub_jid": orchestration_jid, "orchestration_jid": orchestration_jid} if orchestration_jid else {}
    environment = {"pillarenv": pillarenv} if pillarenv is not None else {}
    results = __salt__["state.sls"](
        mods,
        test,
        exclude,
        pillar=pillar,
        pillar_enc=pillar_enc,
        saltenv=saltenv,
        concurrent=True,
        **environment,
        **jid,
    )
    code = 0 if succeeded(results) else 1
    return {"data": {__opts__["id"]: results}, "outputter": "highstate", "retcode": code}
