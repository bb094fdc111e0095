"""The ZeroMQ road: publications on 4505, requests on 4506, in the wire format of Salt 3008 (docs/protocol.md)."""
