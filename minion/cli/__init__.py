"""The commands of a managed host, one file each, and `common`, what all commands share.

A command imports what it needs when it needs it: most of its time goes into imports.
"""
