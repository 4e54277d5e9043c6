"""The state of the sandbox and its state machines; nothing in here knows HTTP, sockets or the event loop."""
