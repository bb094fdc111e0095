"""Ways to call a function: `execute(opts, data, func, args, kwargs)`, by the names that `module_executors` lists.

One that returns None leaves the call to the next in the list.
"""
