"""Returners: where a minion sends a result besides its master."""
