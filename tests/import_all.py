"""Imports every file of some packages: `import_all.py PACKAGE...`. Fails if one can't be imported on this Python."""

import importlib.util
import pkgutil
import sys

failed = 0
for package in sys.argv[1:]:
    root = importlib.import_module(package)
    for module in pkgutil.walk_packages(root.__path__, package + "."):
        try:
            importlib.import_module(module.name)
        except Exception as exc:  # noqa: BLE001 - each failure is reported
            failed += 1
            print(f"{module.name}: {type(exc).__name__}: {exc}")
print(f"{'/'.join(sys.argv[1:])} on Python {sys.version.split()[0]}: {failed} files can't be imported")
sys.exit(bool(failed))
