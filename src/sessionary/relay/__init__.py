"""Passing a call on to a provider and its answer back."""
