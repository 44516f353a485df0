"""Which session a call belongs to."""
