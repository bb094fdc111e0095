"""The minion on a host that is driven by SSH: it lasts as long as somebody holds the connection."""
