"""Sources of top data, the option `master_tops`: each module has a function `top(opts=..., grains=...)` that returns
environment -> SLS names for one minion.

`opts` are the minion's options with its proven `id`, `grains` its grains, `__opts__` the options of this host, which is
the master or a minion that is its own master.
"""
