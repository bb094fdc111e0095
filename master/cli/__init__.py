"""The master's commands, one file each, and `common`, what they share.

A command imports what it needs when it needs it: most of its time goes into imports.
"""
