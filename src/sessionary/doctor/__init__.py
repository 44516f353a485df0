"""`sessionary doctor`: what is wrong with an installation, or soon will be, and what to do about it.

It changes nothing and needs nothing: neither a server that runs, nor one that ever ran. No secret is in what it says.
"""
