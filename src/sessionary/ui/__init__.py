"""The pages: Jinja shells that are readable without script, and ES modules over the public API.

`routes` has them all. Nothing is imported here: a shell's command that shows a number as the pages do needs no server.
"""
