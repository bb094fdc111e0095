"""Files for what no command line, environment or log may hold."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from typing import Iterator, Optional


@contextmanager
def private_file(text: str, user: Optional[str]) -> Iterator[str]:
    """A file that only one user may read, as long as the block runs."""
    import pwd

    handle, path = tempfile.mkstemp()
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            if user:
                entry = pwd.getpwnam(user)
                os.fchown(file.fileno(), entry.pw_uid, entry.pw_gid)
        yield path
    finally:
        os.unlink(path)
