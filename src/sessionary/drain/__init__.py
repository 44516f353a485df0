"""From the spool to the store, off the event loop, in a process of its own.

A round reads what the writers have appended (`intake`), takes requests apart into the message tree
(`requests`), finds what each call goes on from (`link`), reads answers, counts and prices them (`answers`),
folds calls into their sessions (`rollup`), and commits all of it with the cursors in one transaction (`loop`).
"""
