"""The daemon `salt-minion`: connections, journal of what arrives, and the processes that do jobs."""
