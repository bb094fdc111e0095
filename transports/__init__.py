"""How payloads travel between a master and its minions.

Here live the messages, the codec, the crypto, and the roads that carry them: ZeroMQ, framed streams (SSH, job
processes) and in-process queues.  Nothing here knows of masters, minions or modules.  Runs on Python 3.8.
"""

__version__ = "0.1.0"

SALT_VERSION = "3008.3"
"""The Salt whose behaviour users can count on: what `test.version` and the grain `saltversion` tell formulas."""
