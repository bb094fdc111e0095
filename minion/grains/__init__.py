"""Grains: facts about the host, found once when the minion starts."""
