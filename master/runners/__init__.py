"""The runners: functions that run on the master, one file each. `_parts` has what they share."""
