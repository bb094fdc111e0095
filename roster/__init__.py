"""Where the hosts of the agentless road come from.  Imports none of the other packages."""
