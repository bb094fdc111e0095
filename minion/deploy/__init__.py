"""What becomes of a host that is made a minion: releases, configuration, keys and the service on its disk.

The module `deploy` calls this on the host itself, over SSH, over ZeroMQ or from the command line. Everything here runs
with what the thin minion has (Python 3.8, no cryptography) and takes places as arguments, so that nothing depends on
which minion it runs in.
"""
