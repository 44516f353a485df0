"""Replays: what was asked in a session is asked once more, of another model, in a session of its own."""
