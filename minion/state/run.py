"""State runs: from top files, SLS files or high data to results."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Optional, Tuple, Union

from minion.errors import SaltRenderError, format_traceback
from minion.matchers import MinionView
from minion.rendering import Template
from minion.state import high as high_data
from minion.state import tops
from minion.state.caller import Caller
from minion.state.high import Errors
from minion.state.low import LowCompiler
from minion.state.pauses import Pauses
from minion.state.requisite_in import apply_requisite_in
from minion.state.runner import Runner
from minion.state.session import Session
from minion.state.sls import Available, SlsCompiler
from minion.state.tags import Chunks, High, Running

Exclude = Union[str, List[Any], None]
NO_STATES = "no_|-states_|-states_|-None"


class StateRun:
    """Compiles and runs states within a session that is active.

    Args:
        session: what the run works with.
        tree: the run reads the state tree, whose options are the master's.
    """

    def __init__(self, session: Session, tree: bool = True) -> None:
        self._session = session
        self._files = session.loaders.files
        if tree:
            session.take_master_options()
        opts = session.opts
        self._template = Template(opts, session.loaders.renderers)
        self.available = Available(self._files, list(opts.get("file_roots") or ()))
        self._sls = SlsCompiler(self._template, self._files, self.available, bool(opts.get("state_auto_order", True)))
        disabled = session.grains.get("state_runs_disabled")
        self.low = LowCompiler(
            session.states,
            opts.get("state_aggregate") or False,
            _listed(opts.get("disabled_requisites")),
            disabled if isinstance(disabled, list) else [],
        )
        self.high: High = {}  # of the last run that began with top files

    # high data

    def compile_sls(self, matches: tops.Matches) -> Tuple[High, Errors]:
        """High data of SLS files, by environment, and what is wrong with them."""
        with self._files.steady():
            return self._sls.compile(matches)

    def compile_file(self, path: str, saltenv: str) -> Tuple[High, Errors]:
        """High data of one SLS file outside the file roots."""
        with self._files.steady():
            return self._sls.compile_local(path, saltenv)

    def compile_text(self, text: str) -> Tuple[Any, Errors]:
        """High data of an SLS file given as text."""
        name = "<template-str>"
        data = self._template.render(":string:", "base", input_data=text)
        if not data:
            return data, []
        if not isinstance(data, dict):
            return data, [f"Template {name} does not render to a dictionary"]
        for key in ("include", "exclude", "extends"):
            if key in data:
                return data, [f"The '{key}' declaration found on '{name}' is invalid when rendering single templates"]
        return data, self._sls.complete(data, name)

    # top files

    @property
    def _tops(self) -> tops.TopFiles:
        view = MinionView(self._session.opts["id"], self._session.grains, self._session.pillar)
        return tops.TopFiles(self._session.opts, self._template, self._files, self.available, view)

    def use_top(self, name: str, saltenv: Optional[str]) -> None:
        """Reads another top file, perhaps of a certain environment."""
        self._session.set_top(name)
        if saltenv:
            self._session.opts["state_top_saltenv"] = saltenv

    def top_matches(self) -> Tuple[tops.Matches, Errors]:
        """Environment -> SLS files of this minion, and what is wrong with the top files."""
        files = self._tops
        top = files.read()
        errors = tops.verify(top)
        return ({} if errors else files.matches(top)), errors

    def compile_top(self) -> Tuple[High, Errors]:
        """High data of all that the top files assign."""
        matches, errors = self.top_matches()
        self.high, sls_errors = self.compile_sls(matches)
        return self.high, errors + sls_errors

    def usage(self) -> Tuple[Dict[str, Any], Errors]:
        """Which SLS files are assigned, which are not, by environment."""
        matches, errors = self.top_matches()
        usage = {}
        for saltenv in self.available.envs():
            known, wanted = self.available[saltenv], matches.get(saltenv, [])
            used = [sls for sls in known if sls in wanted]
            unused = [sls for sls in known if sls not in wanted]
            usage[saltenv] = {
                "used": used,
                "unused": unused,
                "count_all": len(known),
                "count_used": len(used),
                "count_unused": len(unused),
            }
        return usage, errors

    # low data

    def compile_low(self, high: High, extra: Optional[Dict[str, Any]] = None) -> Tuple[Chunks, Errors]:
        """Chunks of high data that has been completed, and what is wrong with their requisites."""
        return self.low.compile(high, extra or {})

    def complete(self, high: High) -> Errors:
        """Applies `extend`, requisites in others and `exclude`; what is wrong."""
        errors = high_data.reconcile_extend(high) if isinstance(high, dict) else []
        errors.extend(high_data.verify(high))
        if errors:
            return errors
        errors.extend(apply_requisite_in(high, _listed(self._session.opts.get("disabled_requisites"))))
        high_data.apply_exclude(high)
        return errors

    # running

    def run_high(self, high: High, orchestration_jid: Any = None) -> Union[Running, Errors]:
        """The results of high data, or what is wrong with it."""
        errors = self.complete(high)
        if errors:
            return errors
        chunks, errors = self.compile_low(
            high, {"__orchestration_jid__": orchestration_jid} if orchestration_jid else {}
        )
        return errors or self.run_low(chunks)

    def run_low(self, chunks: Chunks) -> Running:
        """The results of chunks."""
        session = self._session
        pauses = Pauses(session.opts["cachedir"], session.jid) if session.jid else None
        try:
            return Runner(session, self.low, pauses).run(chunks)
        finally:
            if pauses is not None:
                pauses.forget()
            accumulated = os.path.join(session.opts["cachedir"], "accumulator", session.instance_id)
            if os.path.exists(accumulated):
                os.unlink(accumulated)

    def caller(self) -> Caller:
        """Calls chunks one by one, without regard to requisites."""
        return Caller(self._session)

    def run_id(self, state_id: str, chunks: Chunks) -> Running:
        """The results of the chunks of one ID, and of what they require."""
        results: Running = {}
        for chunk in chunks:
            if chunk.get("__id__") == state_id:
                results.update(Runner(self._session, self.low).run_one(chunk, chunks))
        return results

    def run_top(
        self, exclude: Exclude = None, whitelist: Any = None, orchestration_jid: Any = None
    ) -> Union[Running, Errors]:
        """The results of all that the top files assign.

        Args:
            exclude: SLS files, or `{sls: ...}` and `{id: ...}`, to leave out.
            whitelist: if given, the only SLS files.
            orchestration_jid: job of the orchestration that this is part of.
        """
        nothing = {"result": False, "comment": "", "name": "No States", "changes": {}, "__run_num__": 0}
        try:
            matches, errors = self.top_matches()
        except SaltRenderError as exc:
            return {NO_STATES: {**nothing, "comment": f"Unable to render top file: {exc.error}"}}
        except Exception:  # noqa: BLE001 - a top file is a template, which may fail in any way
            return [format_traceback()]
        if errors:
            return errors
        if not matches:
            comment = "No Top file or master_tops data matches found. Please see master log for details."
            return {NO_STATES: {**nothing, "comment": comment}}
        matches = _only(matches, whitelist)
        self.sync_modules(list(matches))
        self.high, errors = self.compile_sls(matches)
        add_exclude(self.high, exclude)
        if errors:
            return errors
        if not self.high:
            return {NO_STATES: {**nothing, "comment": "No states found for this minion"}}
        return self.run_high(self.high, orchestration_jid)

    def sync_modules(self, saltenvs: List[str]) -> None:
        """Brings the user's modules of these environments, if the options say so."""
        session = self._session
        if not session.opts.get("autoload_dynamic_modules") or "saltutil.sync_all" not in session.functions:
            return
        synced = session.functions["saltutil.sync_all"](saltenvs, refresh=False)
        if any(synced.values()):
            session.refresh_synced(bool(synced.get("grains")))


def _only(matches: tops.Matches, whitelist: Any) -> tops.Matches:
    if not whitelist:
        return matches
    wanted = whitelist if isinstance(whitelist, list) else str(whitelist).split(",")
    kept = {saltenv: [sls for sls in names if sls in wanted] for saltenv, names in matches.items()}
    return {saltenv: names for saltenv, names in kept.items() if names}


def _listed(value: Any) -> List[Any]:
    return value if isinstance(value, list) else [value] if value else []


def add_exclude(high: High, exclude: Exclude) -> None:
    """Adds what the command line excludes to what the SLS files exclude."""
    if exclude:
        entries = exclude if isinstance(exclude, list) else [part.strip() for part in str(exclude).split(",")]
        high.setdefault("__exclude__", []).extend(entries)
