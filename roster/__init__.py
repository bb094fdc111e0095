"""Where the hosts of the agentless road come from.  Imports none of the other packages.

`roster.host` declares what is known of a host, `roster.registry` finds the kinds of rosters; each further module is one
kind. What a kind needs of others (rendering, names, cached grains) is handed to it in `roster.source.Source`.
"""
