"""What is recorded of a call: the exchange, and the recorder that appends it to the spool."""
