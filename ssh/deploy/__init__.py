"""Bulk deployment: makes hosts of the roster minions of the master on this host, or upgrades or removes them.

`plan` is what is to be done, `target` the way to a host, `steps` what is done there one after the other, `home` what is
done on the master meanwhile, `run` all hosts together. What happens on a host are functions of the execution module
`deploy`, which the thin minion runs over the one connection that each host gets. Nothing here prints.
"""
