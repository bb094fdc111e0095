"""Execution modules: what `salt TARGET MODULE.FUNCTION` calls on a minion."""
