"""The commands of the agentless road."""
