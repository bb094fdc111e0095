"""Pillar: compiled for a minion, by the master or by a host that is its own."""
