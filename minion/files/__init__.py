"""The file server's two sides: `client` asks and keeps copies, `roots` answers from the folders of `file_roots`.

The master daemon, `salt-ssh` and `salt-call --local` answer with the same code. Nothing here knows how requests travel.
"""
