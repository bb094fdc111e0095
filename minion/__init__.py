"""What runs on a managed host: link, executor, loader, modules, states, grains, renderers.

Imports `transports` and nothing else of this project; runs on Python 3.8 with pure-Python dependencies, because this
package is what is pushed to hosts that have nothing but sshd and Python.
"""
