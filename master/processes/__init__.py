"""The processes of a master: each file is one of them, from its sockets to its loop. What they do lies above."""
