"""Sessions to look at before there are any: made up, and told from all others by their keys.

What a scene tells becomes the records that a worker would have written of it, in a spool folder of their own; the
drain stores, threads and prices them like any others, so nothing on the pages is a picture of itself.

    scenes/…    who said what, in the formats of real clients
    talk        one conversation: what its client sends, and what it is answered
    answers     the answers' bytes, as a provider of the format writes them
    stage       the clock of a session, and its records
    schedule    which scenes are played when
    filling     the records into the spool; and away with them again
    live        one session that goes on while one looks, through the gateway itself

The same seed gives the same sessions, apart from the clock.
"""
