"""`salt-key`: the keys of minions, listed, shown, accepted, rejected, deleted; key pairs and signatures made."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import click

from master.cli.common import CONTEXT, EX_FAILED, Common, Printer, Printing, options, output_options, run, switch_user
from master.config import MasterSettings
from master.errors import KeyStoreError
from master.keys import KeyStore, State
from minion.output.text import printable

if TYPE_CHECKING:
    from master.keys import Change

log = logging.getLogger(__name__)

_LISTS = {
    "acc": (State.ACCEPTED,),
    "pre": (State.PENDING,),
    "un": (State.PENDING,),
    "rej": (State.REJECTED,),
    "den": (State.DENIED,),
    "all": tuple(State),
}
_ADJECTIVES = {
    State.PENDING: "unaccepted",
    State.ACCEPTED: "accepted",
    State.REJECTED: "rejected",
    State.DENIED: "denied",
}
_LOCAL = "local"
_FEWEST_BITS, _MOST_BITS = 2048, 4096

Shown = dict[State, list[str]]


def _wants(value: str | None) -> bool | None:
    return None if value is None else value.lower() != "false"


@click.command(context_settings=CONTEXT, help="Manages the keys of minions. Without an action it lists them.")
@options(short_log_level=False)
@output_options
@click.option("-q", "--quiet", is_flag=True, help="Suppress messages about what failed.")
@click.option("-y", "--yes", is_flag=True, help="Answer yes to all questions.")
@click.option("--rotate-aes-key", help="False: keep the publication key when keys are deleted or rejected.")
@click.option("--preserve-minions", help="True: keep what is cached of minions whose keys are deleted.")
@click.option("--hash-type", help="Hash of the fingerprints.")
@click.option("-l", "--list", "list_", metavar="ARG", help="List keys: acc, pre (or un), rej, den or all.")
@click.option("-L", "--list-all", is_flag=True, help="List all keys.")
@click.option("-a", "--accept", metavar="GLOB", help="Accept these pending keys.")
@click.option("-A", "--accept-all", is_flag=True, help="Accept all pending keys.")
@click.option("-r", "--reject", metavar="GLOB", help="Reject these pending keys.")
@click.option("-R", "--reject-all", is_flag=True, help="Reject all pending keys.")
@click.option("--include-all", is_flag=True, help="Accept rejected keys as well, or reject accepted ones.")
@click.option("--include-accepted", is_flag=True, help="Reject accepted keys as well.")
@click.option("--include-rejected", is_flag=True, help="Accept rejected keys as well.")
@click.option("--include-denied", is_flag=True, help="Accept or reject denied keys as well.")
@click.option("--fingerprint", metavar="SHA256", help="Accept only a key with this SHA-256 fingerprint.")
@click.option("-p", "--print", "print_", metavar="GLOB", help="Print these keys.")
@click.option("-P", "--print-all", is_flag=True, help="Print all keys.")
@click.option("-d", "--delete", metavar="GLOB", help="Delete these keys.")
@click.option("-D", "--delete-all", is_flag=True, help="Delete all keys.")
@click.option("-f", "--finger", metavar="GLOB", help="Print the fingerprints of these keys.")
@click.option("-F", "--finger-all", is_flag=True, help="Print the fingerprints of all keys.")
@click.option("--gen-keys", metavar="NAME", help="Make a key pair NAME.pem and NAME.pub.")
@click.option("--gen-keys-dir", default=".", show_default=True, help="Where --gen-keys puts it.")
@click.option("--keysize", type=int, help="Bits of a new key, 2048 to 4096.")
@click.option("--gen-signature", is_flag=True, help="Sign the master's public key, into master_pubkey_signature.")
@click.option("--priv", help="Private key that signs.")
@click.option("--pub", help="Public key that is signed.")
@click.option("--signature-path", help="Folder for the signature.")
@click.option("--auto-create", is_flag=True, help="Make the signing key pair if there is none.")
@click.option("--auth", "--eauth", "--external-auth", "eauth", hidden=True)
@click.option("-T", "--make-token", is_flag=True, hidden=True)
@click.option("--username", hidden=True)
@click.option("--password", hidden=True)
@click.argument("extra", nargs=-1)
def command(common: Common, printing: Printing, extra: tuple[str, ...], **asked: Any) -> int:
    """The command; see `master.cli.common` for how it is run."""
    _check(asked, extra)
    settings = common.settings(
        "key_logfile",
        rotate_aes_key=_wants(asked["rotate_aes_key"]),
        hash_type=asked["hash_type"],
        keysize=asked["keysize"],
    )
    switch_user(settings.user)
    return _Keys(settings, printing.to(settings.opts()), asked).run()


def main() -> NoReturn:
    """The program `salt-key`."""
    run(command, "salt-key")


def _check(asked: dict[str, Any], extra: tuple[str, ...]) -> None:
    if asked["list_"] and not asked["list_"].startswith(tuple(_LISTS)):
        raise click.UsageError(f"'{asked['list_']}' is not a valid argument to '--list'")
    if asked["keysize"] is not None and asked["keysize"] < _FEWEST_BITS:
        raise click.UsageError(f"The minimum value for keysize is {_FEWEST_BITS}")
    if asked["keysize"] is not None and asked["keysize"] > _MOST_BITS:
        raise click.UsageError(f"The maximum value for keysize is {_MOST_BITS}")
    if asked["eauth"] or asked["make_token"] or asked["username"] or asked["password"]:
        raise click.UsageError("external authentication is not supported: run salt-key as the master's user")
    if asked["delete_all"] and extra:
        raise KeyStoreError("Delete all takes no arguments. Use -d to delete specified keys")


class _Keys:
    """One run of the command.

    Args:
        settings: the master's configuration.
        printer: prints results.
        asked: the options of the command line.
    """

    def __init__(self, settings: MasterSettings, printer: Printer, asked: dict[str, Any]) -> None:
        self._settings, self._printer, self._asked = settings, printer, asked
        self._store = KeyStore(settings.pki_dir, group_readable=settings.permissive_pki_access)
        self._shown: dict[tuple[State, str], str] = {}
        self._accepted: set[str] = set()

    def run(self) -> int:
        """Does the first thing that is asked for, in Salt's order; returns the exit code."""
        asked = self._asked
        actions: list[tuple[str, Callable[[str], int]]] = [
            ("list_", self._list),
            ("print_", self._print),
            ("accept", self._accept),
            ("reject", self._reject),
            ("delete", self._delete),
            ("finger", self._finger),
        ]
        if asked["gen_keys"]:
            return self._generate(asked["gen_keys"])
        if asked["gen_signature"]:
            return self._sign()
        for name, action in actions:
            if asked[name]:
                return action(asked[name])
            if asked[f"{name.rstrip('_')}_all"]:
                return action("all" if name == "list_" else "*")
        return self._list("all")

    # -------------------------------------------------------------- looking

    def _list(self, wanted: str) -> int:
        states = next(states for prefix, states in _LISTS.items() if wanted.startswith(prefix))
        self._printer.show({str(state): self._store.ids(state) for state in states}, "key")
        return 0

    def _print(self, pattern: str) -> int:
        self._printer.show(
            {
                str(state): {name: _one_or_all(self._store.text(name, state)) for name in names}
                for state, names in self._store.match(pattern).items()
            },
            "key",
        )
        return 0

    def _finger(self, pattern: str) -> int:
        from fnmatch import fnmatchcase

        shown: dict[str, dict[str, Any]] = {
            str(state): {name: self._fingerprint(name, state) for name in names}
            for state, names in self._store.match(pattern).items()
        }
        local = [name for name in self._local() if any(fnmatchcase(name, one) for one in pattern.split(","))]
        if local:
            shown[_LOCAL] = {name: self._local_fingerprint(name) for name in local}
        self._printer.show(shown, "key")
        return 0

    def _fingerprint(self, name: str, state: State) -> Any:
        try:
            return _one_or_all(self._store.fingerprint(name, state, self._settings.hash_type))
        except KeyStoreError as exc:
            return str(exc)

    def _local(self) -> list[str]:
        """The master's own key files; links are other names of the same."""
        try:
            found = [entry for entry in os.scandir(self._settings.pki_dir) if entry.is_file(follow_symlinks=False)]
        except FileNotFoundError:
            return []
        return sorted(entry.name for entry in found if entry.name.endswith((".pem", ".pub")))

    def _local_fingerprint(self, name: str) -> str:
        """Hash of the lines between BEGIN and END: for a public key, what minions have as `master_finger`."""
        import hashlib

        from master import safety

        text = safety.read(os.path.join(self._settings.pki_dir, name)).decode("ascii", "replace")
        body = "".join(line + "\n" for line in text.strip().splitlines()[1:-1])
        return hashlib.new(self._settings.hash_type, body.encode()).digest().hex(":")

    # ------------------------------------------------------------- changing

    def _accept(self, pattern: str) -> int:
        asked = self._asked
        included = {
            State.REJECTED: asked["include_all"] or asked["include_rejected"],
            State.DENIED: asked["include_denied"],
        }
        return self._change("accept", pattern, included, self._accept_one)

    def _reject(self, pattern: str) -> int:
        asked = self._asked
        included = {
            State.ACCEPTED: asked["include_all"] or asked["include_accepted"],
            State.DENIED: asked["include_denied"],
        }
        return self._change("reject", pattern, included, self._reject_one)

    def _delete(self, pattern: str) -> int:
        return self._change("delete", pattern, dict.fromkeys(State, True), self._delete_one)

    def _change(
        self, verb: str, pattern: str, included: dict[State, bool], change: Callable[[str, State], list[Change]]
    ) -> int:
        """Shows which keys are meant, asks, and changes exactly those."""
        found = self._store.match(pattern, [state for state in State if state is State.PENDING or included.get(state)])
        if not found:
            print(f"The key glob '{pattern}' does not match any {self._searched(verb, included)} keys.")
            return 0
        if verb == "accept":
            self._shown = self._prints(found)
        past = f"{verb.rstrip('e')}ed"
        print(f"The following keys are going to be {past}:")
        self._printer.show({str(state): names for state, names in found.items()}, "key")
        if not self._asked["yes"] and not _confirmed(verb, past):
            return 0
        return self._carry_out(found, past, change)

    def _carry_out(self, found: Shown, past: str, change: Callable[[str, State], list[Change]]) -> int:
        changes: list[Change] = []
        done: list[str] = []
        failed = False
        for state, name in [(state, name) for state, names in found.items() for name in names]:
            try:
                changes += change(name, state)
                done.append(name)
            except KeyStoreError as exc:
                failed = True
                if not self._asked["quiet"]:
                    print(printable(str(exc)), file=sys.stderr)
        self._announce(changes)
        for name in done:
            print(f"Key for minion {printable(name)} {past}.")
        return EX_FAILED if failed else 0

    def _accept_one(self, name: str, state: State) -> list[Change]:
        shown = self._shown.get((state, name))
        if shown == "":
            raise KeyStoreError(f"Unable to accept invalid key for {name}.")
        if name in self._accepted:
            raise KeyStoreError(f"Minion {name} has several keys: one was accepted, that in {state} was not.")
        changes = self._store.move(name, state, State.ACCEPTED, self._asked["fingerprint"] or shown)
        self._accepted.add(name)
        return changes

    def _reject_one(self, name: str, state: State) -> list[Change]:
        return self._store.move(name, state, State.REJECTED)

    def _delete_one(self, name: str, state: State) -> list[Change]:
        return self._store.delete(name, [state])

    def _prints(self, found: Shown) -> dict[tuple[State, str], str]:
        """The fingerprints of the keys that are shown, so that no other key is accepted; "" for what is no key."""
        prints = {}
        for state, name in [(state, name) for state, names in found.items() for name in names]:
            try:
                several = self._store.fingerprint(name, state)
            except KeyStoreError:
                several = [""]
            if len(several) == 1:
                prints[state, name] = several[0]
        return prints

    def _searched(self, verb: str, included: dict[State, bool]) -> str:
        """Where keys were looked for, in Salt's words, which for `delete` name the flags and not the folders."""
        asked = self._asked
        named = included
        if verb == "delete":
            named = {state: asked[f"include_{_ADJECTIVES[state]}"] for state in _ADJECTIVES if state != State.PENDING}
        words = [_ADJECTIVES[state] for state in _ADJECTIVES if state is State.PENDING or named.get(state)]
        return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

    def _announce(self, changes: list[Change]) -> None:
        if changes:
            from master.cli import _announce

            preserve = bool(_wants(self._asked["preserve_minions"]))
            _announce.announce(self._settings, changes, preserve)

    # --------------------------------------------------------- key material

    def _generate(self, name: str) -> int:
        from master.keypair import make_pair
        from transports.crypto import fingerprint

        folder = os.path.abspath(self._asked["gen_keys_dir"])
        if os.path.basename(name) != name:
            raise KeyStoreError(f"{name!r} is no name for key files: give the folder with --gen-keys-dir")
        os.makedirs(folder, 0o700, exist_ok=True)
        private = make_pair(folder, name, self._settings.keysize)
        self._printer.show({"return": fingerprint(private.public_key(), self._settings.hash_type)}, "key")
        return 0

    def _sign(self) -> int:
        from master.keypair import sign_public_key

        asked = self._asked
        done = sign_public_key(
            self._settings, asked["pub"], asked["priv"], asked["signature_path"], asked["auto_create"]
        )
        self._printer.show({"return": done}, "key")
        return 0 if done is True else EX_FAILED


def _one_or_all(values: list[str]) -> Any:
    return values[0] if len(values) == 1 else values


def _confirmed(verb: str, past: str) -> bool:
    usual, question = ("n", "Proceed? [N/y] ") if verb == "delete" else ("y", "Proceed? [n/Y] ")
    try:
        return (input(question) or usual).lower().startswith("y")
    except KeyboardInterrupt:
        raise SystemExit("\nExiting on CTRL-c") from None
    except EOFError:
        raise KeyStoreError(f"nothing was {past}: there is nobody to ask, use --yes") from None
