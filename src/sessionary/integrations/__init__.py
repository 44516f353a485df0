"""One module for each library that needs a hand to carry sessions."""
