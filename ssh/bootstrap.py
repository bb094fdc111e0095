"""What a host is told first: one fixed command, and on its stdin everything that differs from run to run.

The command is a line for /bin/sh that any login shell passes on unchanged. It reads a few lines, finds the newest
Python and starts it, by sudo if that is asked for; Python reads `minion.thin.stage` from the same stdin, exactly as
many bytes as were announced, and becomes the thin minion.

On the way back two marks, drawn anew for each run, tell what is ours from what login scripts print. The first is the
prompt of a sudo that wants a password; backwards it says that Python waits for its text. The second, which never was on
a command line, begins each line of the stage.
"""

from __future__ import annotations

import functools
import importlib.util
import secrets
from dataclasses import dataclass, field
from typing import Any

from transports import codec

# Exit codes of the command that are its own.
NO_PYTHON, OLD_PYTHON, NO_SUDO, CUT_SHORT = 72, 73, 74, 75
_TOO_OLD = 77
_NAMES = [f"python3.{minor}" for minor in range(20, 7, -1)]
_PLACES = ("python3", "/usr/libexec/platform-python", "/usr/bin/python3", "/usr/local/bin/python3", "/opt/bin/python3")

# Neither quotes nor backslashes nor exclamation marks: it stands in quotes within quotes for whatever login shell.
_PYTHON = (
    f"import io,sys;sys.version_info<(3,8)and sys.exit({_TOO_OLD});"
    "sys.stdout.write(sys.argv[1][::-1]);sys.stdout.flush();"
    "stream=io.BufferedReader(io.FileIO(0,closefd=False),1);exec(stream.read(int(stream.read(8))));main(stream)"
)
_SHELL = (
    f"IFS= read -r m && IFS= read -r w && IFS= read -r b && IFS= read -r k && IFS= read -r a && IFS= read -r y "
    f"|| exit {CUT_SHORT}; "
    'PATH="$b${k:+$PATH}$a"; export PATH; o=; '
    'if [ -n "$w" ]; then [ "$w" = root ] && [ "$(id -u)" = 0 ] && w=; fi; '
    f'if [ -n "$w" ]; then command -v sudo >/dev/null 2>&1 || exit {NO_SUDO}; fi; '
    f"for c in ${{y:-{' '.join(_NAMES)} {' '.join(_PLACES)}}}; do "
    "command -v $c >/dev/null 2>&1 || continue; "
    f'if [ -n "$w" ]; then x=$(command -v $c); $x -c "import sys;sys.exit({_TOO_OLD}*(sys.version_info<(3,8)))" '
    f"</dev/null >/dev/null 2>&1; r=$?; "
    f'if [ $r = 0 ]; then exec sudo -S -H -p "$m" -u "$w" -- $x -ISc "{_PYTHON}" "$m"; fi; '
    f'else $c -ISc "{_PYTHON}" "$m"; r=$?; fi; '
    f"case $r in {_TOO_OLD}) o=$c; continue;; 126|127) continue;; esac; exit $r; done; "
    f'if [ -n "$o" ]; then exit {OLD_PYTHON}; fi; exit {NO_PYTHON}'
)
COMMAND = f"exec /bin/sh -c '{_SHELL}'"


@dataclass(frozen=True)
class Start:
    """How the thin minion is to be started on a host.

    Attributes:
        opts: the minion's options.
        digest: of the bundle.
        folder: where bundles and caches go.
        fresh: use a folder with a random name, that goes afterwards.
        wipe: remove the folder afterwards.
        sudo_user: become this user; "" to stay who logs in.
        set_path: search path, in which `$PATH` stands for the host's own.
        python: interpreter to use; "" for the newest.
        umask: file mode creation mask; -1 for the usual one.
        extmods: digest of the user's own modules; "" if there are none.
        log_level: of the messages that come back on stderr.
        prompt, mark: see above.
    """

    opts: dict[str, Any]
    digest: str
    folder: str = "~/.saltern"
    fresh: bool = False
    wipe: bool = False
    sudo_user: str = ""
    set_path: str = ""
    python: str = ""
    umask: int = -1
    extmods: str = ""
    log_level: int = 30
    prompt: str = field(default_factory=lambda: secrets.token_hex(16))
    mark: str = field(default_factory=lambda: secrets.token_hex(16))

    def head(self) -> bytes:
        """What the shell reads."""
        before, own, after = self.set_path.partition("$PATH") if self.set_path else ("", "1", "")
        lines = (self.prompt, self.sudo_user, before, own and "1", after, self.python)
        return _lines(lines)

    def body(self, early: bytes = b"") -> bytes:
        """What Python reads.

        Args:
            early: frames for the thin minion that need not wait until it runs.
        """
        mode = ",".join(name for name in ("fresh", "wipe") if getattr(self, name))
        setup = codec.pack(
            {"opts": self.opts, "umask": self.umask, "extmods": self.extmods, "log_level": self.log_level}
        )
        orders = _lines((self.mark, self.folder, self.digest, mode))
        return counted(stage()) + orders + counted(setup) + counted(early)


def counted(data: bytes) -> bytes:
    """Data with its length before it, in eight digits."""
    return b"%08d" % len(data) + data


@functools.cache
def stage() -> bytes:
    """The text of `minion.thin.stage`."""
    spec = importlib.util.find_spec("minion.thin.stage")
    assert spec is not None and spec.origin is not None
    with open(spec.origin, "rb") as file:
        return file.read()


def _lines(values: tuple[str, ...]) -> bytes:
    if any("\n" in value for value in values):
        raise ValueError("a line break where there is one line")
    return "".join(f"{value}\n" for value in values).encode()
