"""From the spool to the store, off the event loop, in a process of its own.

A round (`round`) reads what the writers have appended (`intake`), takes the requests of calls that begin apart into the
message tree (`begins`, `requests`), finds what each goes on from (`threads`, `link`), reads the answers of those that
end, counts and prices them (`ends`, `answers`), and folds calls into their sessions (`rollup`). `drain` commits all of
it with the cursors in one transaction; `loop` asks for one round after another.
"""
