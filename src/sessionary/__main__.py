"""`python -m sessionary`."""

from sessionary.cli import main

main()
