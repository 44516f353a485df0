"""HTTP, from the clients' side."""
