"""Sources of values that `sdb://PROFILE/KEY` names, one per `driver`. Users' own ones lie in `_sdb` of the file roots.

A driver has `get(key, profile)`, and may have `set(key, value, profile)` and `delete(key, profile)`.
"""
