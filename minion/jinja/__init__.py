"""Jinja as Salt's users know it: sandboxed, strict about undefined names, with Salt's filters, tests, globals and tags.

`render` is what the rest of the minion calls. Importing this package imports Jinja2, so it is imported when the first
template is rendered.
"""

from minion.jinja.environment import render

__all__ = ["render"]
