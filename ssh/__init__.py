"""The agentless road: thin bundle, salt-ssh, bulk deployment of minions."""
