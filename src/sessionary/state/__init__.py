"""What was said before a call, found again from an id: in memory, in the spool, in the store."""
