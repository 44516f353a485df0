"""From SQLite to PostgreSQL: a copy of all that a data folder's database has, and of what its limits have counted.

    source   the SQLite side: one snapshot, read as it lies on the disk
    rows     a row on its way: as PostgreSQL takes it, and what it adds to the sum of its table
    target   the PostgreSQL side: how far the copy is, batches, indexes
    words    the search index, made of the texts
    check    whether all of it arrived
    copying  one after the other

Invariants
    1. The source is opened to be read only.
    2. A batch and how far it brings the copy are committed together: killed at any moment, the copy goes on where it
       was, with no row twice and none left out.
    3. Until all is there and was checked, the target's schema has a version that no gateway starts with.
    4. The spool is not touched. Cursors are copied with the calls that they stand behind, so the gateway, started with
       the new database on the same data folder, stores what waits there.
"""


class Refused(Exception):
    """It cannot be copied, or not yet: why, and what to do, for people."""
