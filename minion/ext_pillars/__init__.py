"""External pillars: each module has a function `ext_pillar(minion_id, pillar, ...)` that returns pillar data.

They run on the master, or on a minion that is its own master. `__salt__` has all execution functions, `__loaders__`
those that templates of the pillar may use, `__grains__` are those of the minion, `__opts__` the options of this host.
"""
