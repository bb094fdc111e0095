"""What serves many minions: keys, request table, targets, job store, files, pillar, events, runners.

Imports `transports` and `minion`; needs Python 3.11.
"""
