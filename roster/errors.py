"""What can be wrong with a roster."""

from __future__ import annotations


class RosterError(Exception):
    """A roster that can't be used; says which file, host and field, and never shows a secret."""
