"""Wheel functions: they manage the master. Called by orchestration (`salt.wheel`) and by `saltutil.wheel`."""
