"""What is done with one host, step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from master.errors import NoWheels
from master.wheelhouse import Platform, Release
from roster.host import Host
from ssh.deploy import facts
from ssh.deploy.facts import Facts
from ssh.deploy.home import Home
from ssh.deploy.plan import Action, Plan
from ssh.deploy.target import Target
from ssh.errors import ConnectionLost, NotAnswering, StepFailed

SEND_SECONDS = 900.0
START_SECONDS = 120.0


@dataclass(frozen=True)
class Result:
    """What a host came to.

    Attributes:
        outcome: in a word.
        changed: whether anything was changed.
        notes: what else is to be said.
    """

    outcome: str = "answers"
    changed: bool = False
    notes: tuple[str, ...] = ()

    def and_then(self, changed: bool, *notes: str) -> Result:
        """The same with what came next."""
        return replace(self, changed=self.changed or changed, notes=(*self.notes, *filter(None, notes)))


class Deployment:
    """One host on its way; each method is a step, in this order.

    Args:
        host: the host.
        plan: what is to be done.
        home: the master's side.
        begun: told of each step that begins.
    """

    def __init__(self, host: Host, plan: Plan, home: Home, begun: Callable[[str], None]) -> None:
        self._host, self._plan, self._home, self._begun = host, plan, home, begun
        self._result = Result()
        self._lost: ConnectionLost | None = None

    async def run(self, target: Target, found: Any) -> Result:
        """Does what has to be done over the connection to the host.

        Args:
            target: the host.
            found: what `deploy.probe` returned.

        Raises:
            SSHError, MasterError: a step failed.
        """
        about = Facts.of(found)
        self._result = self._result.and_then(False, about.clock)
        if self._plan.action is Action.REMOVE:
            return await self._remove(target, about)
        about.check(self._plan.take_over)
        if self._plan.action is Action.UPGRADE and not about.release:
            raise StepFailed("there is no minion of ours to upgrade; without --upgrade one is deployed")
        name = await self._send(target, about)
        if self._plan.dry_run and not name:  # there is nothing yet that could be looked at
            self._result = self._result.and_then(False, "the minion would be started" if self._plan.service else "")
            return replace(self._result, outcome=self._outcome())
        return await self._start(target, name)

    async def finish(self, result: Result) -> Result:
        """What is left to be done once the host has been left.

        Args:
            result: what it came to so far.

        Raises:
            SSHError: the minion does not answer, or states fail.
        """
        if self._lost is not None:
            try:
                await self._answer()
            except NotAnswering as exc:
                raise ConnectionLost(f"{self._lost}; {exc}") from None
        if self._plan.answers and self._plan.apply:
            self._begun("apply")
            result = result.and_then(False, await self._home.apply(self._host.id, self._plan.apply))
        return result

    async def _send(self, target: Target, about: Facts) -> str:
        """Lays the minion down, configures it, and takes its key; returns the name of the release."""
        self._begun("send")
        release = (await self._release(about)).to_wire()
        plan, place, seconds = self._plan, self._plan.place, self._plan.seconds or SEND_SECONDS
        if plan.action is Action.UPGRADE:
            laid = await target.call("deploy.lay_down", seconds, release=release, prefix=plan.prefix, test=plan.dry_run)
            self._note(laid)
            return facts.text(laid, "name")
        options = plan.options_of(self._host)
        prepared = await target.call(
            "deploy.prepare",
            seconds,
            release=release,
            minion_id=self._host.id,
            master_key="" if plan.master_finger else self._home.public_key,
            options={name: value for name, value in options.items() if name != "grains"},
            grains=options.get("grains"),
            replace_master=plan.replace_key,
            **place,
        )
        self._note(prepared)
        if not plan.dry_run:
            await self._trust(facts.text(prepared, "public_key"))
        return facts.text(prepared, "name")

    async def _release(self, about: Facts) -> Release:
        try:
            return await self._home.release(Platform.of(about.platform))
        except NoWheels as exc:
            raise NoWheels(f"{about.os or 'this system'}: {exc}") from None

    async def _trust(self, public_key: str) -> None:
        self._begun("trust")
        plan, shown = self._plan, facts.fingerprint_of(public_key)
        if plan.master_finger:
            self._result = self._result.and_then(
                False, f"its key is {shown}: salt-key -a {self._host.id} on the master"
            )
            return
        changes = await self._home.trust(self._host.id, public_key, plan.pending, plan.replace_key)
        if changes:
            word = "waits for salt-key" if plan.pending else "accepted"
            self._result = self._result.and_then(True, f"key {shown} {word}")

    async def _start(self, target: Target, name: str) -> Result:
        """Switches to the release, starts it and waits for an answer. If the connection is lost on the way, the minion
        itself may still answer."""
        self._begun("start")
        plan = self._plan
        patience = plan.patience if plan.answers else 0.0
        try:
            started = await target.call(
                "deploy.start", plan.seconds or START_SECONDS + 2 * patience,
                name=name, service=plan.service, take_over=plan.take_over, patience=patience, **plan.place,
            )  # fmt: skip
            self._note(started)
            if plan.answers:
                await self._answer_or_roll_back(target, facts.flag(started, "changed"))
        except ConnectionLost as exc:
            if not plan.answers:
                raise
            self._lost = exc
            self._result = self._result.and_then(True, "the connection was lost on the way")
        return replace(self._result, outcome=self._outcome())

    async def _answer(self) -> None:
        self._begun("answer")
        await self._home.answers(self._host.id, self._plan.patience)

    async def _answer_or_roll_back(self, target: Target, changed: bool) -> None:
        """A minion that was let in and does not answer all the same is not left switched on."""
        try:
            await self._answer()
        except NotAnswering as exc:
            if not changed:
                raise
            self._begun("roll_back")
            back = await target.call("deploy.roll_back", self._plan.seconds or START_SECONDS, **self._plan.place)
            raise NotAnswering(f"{exc}; {facts.text(back, 'comment')}") from None

    def _outcome(self) -> str:
        plan = self._plan
        if plan.dry_run:
            return "would change" if self._result.changed else "as it should be"
        if not plan.service:
            return "laid down"
        return "answers" if plan.answers else "key pending"

    async def _remove(self, target: Target, about: Facts) -> Result:
        self._begun("remove")
        if about.uid != 0:
            about.check(True)
        removed = await target.call("deploy.remove", self._plan.seconds or START_SECONDS, **self._plan.place)
        self._note(removed)
        result = self._result
        if not self._plan.dry_run and about.fingerprint:
            self._begun("forget")
            result = result.and_then(False, await self._home.forget(self._host.id, about.fingerprint))
        word = "would change" if result.changed else "nothing there"
        return replace(result, outcome=word if self._plan.dry_run or not result.changed else "removed")

    def _note(self, returned: Any) -> None:
        """Takes up what a function on the host says that it did; in a dry run all of it is worth telling."""
        said = facts.texts(returned, "changes") or (facts.text(returned, "comment"),) if self._plan.dry_run else ()
        self._result = self._result.and_then(facts.flag(returned, "changed"), *said)
