"""The spool: what a worker has accepted and the store has not yet got. Append-only files, one writer each.

Invariants
    1. A record is in the file (the kernel has it) when `Writer.append` returns, so kill -9 cannot lose it; where it
       raises, nothing of the record is there, or what is there reads as damage and never as a record.
    2. Each writer owns a folder and holds its lock as long as it lives; nobody else writes there. Whoever sees the
       folder sees it whole and locked.
    3. Segments are numbered, and only the last is written to: once a higher number is there, a lower one is complete.
    4. A segment is deleted only by the drain, and only after the store committed a cursor beyond its end. A cursor is
       deleted only after nobody can read its segments again.
    5. Damage costs the damaged records alone: the reader finds the next frame and says what it skipped.
    6. Bytes within a record are never read as a record, whoever wrote them: a frame's mark cannot be known.

On disk
    spool/<writer>/lock                 flock held by the living writer
    spool/<writer>/00000001.seg         segments, in order
    spool/.<writer>/                    a folder that is being made, or removed: nobody reads it
    segment = magic "SPOOL\\x02\\n\\0" (8 bytes), then frames
    frame   = mark (8 bytes) | length u32 LE | crc32(length, payload) u32 LE | payload
    mark    = blake2b-64("<writer>/<number>"): drawn by lot with the writer's name, so that damage to the magic costs
              nothing, and another one in each segment
    Format 1 ("SPOOL\\x01\\n\\0", mark "\\xf5\\xa7", crc32 of the payload alone) is still read; nothing writes it, and
    invariant 6 does not hold of it.

Write    `append`: one write(2) of a whole frame. At `max_segment` bytes, or where the segment is sealed, a new one is
         begun first; it is there before the old one is let go of. A segment that never got a record is removed then.
Sync     by a thread each `fsync_interval` (0: by `append`): what was written, segments that were let go of, and the
         folders that name them. So a power failure costs the last interval.
Read     from the store's cursor (writer, segment, offset) on; an incomplete frame at the end of the last segment of a
         living writer is one still being written; anywhere else, a torn one.
Delete   `discard` removes segments before the cursor. A dead writer's folder goes when all of it is stored and its
         calls are ended: `retire` renames it, the store forgets the cursor, `remove` deletes the files.
Recover  nothing to do: a new process makes a new writer, the drain reads what the old one left.
Birth    mkdir `.<writer>`, lock, first segment, rename to `<writer>`. Records are appended after that alone, so a
         folder that a kill left unborn never has one. It is removed when nobody holds it and it is a minute old.

Failures
    no room (ENOSPC, EDQUOT, EFBIG)  `append` raises, the bytes that were written are truncated off, the segment is
                          sealed. Each later append tries again, in a new segment: nothing has to notice that there is
                          room again, and the drain can make some by removing the sealed one.
    EIO on write          the same. Where truncating fails too, the torn frame is damage in a sealed segment.
    EIO on fsync          counted, never tried again on that file (the kernel may have dropped the pages, and would
                          say that all is well); sealed. kill -9 costs nothing; a power failure may cost what came
                          before.
    EIO on read           the unreadable blocks read as zeros: damage.
    torn tail             of a living writer: waited for. Of a dead one: damage.
    flipped bits          the record they are in is damage; in the magic, nothing is lost.
    missing segment       the cursor goes on with the next number; missing or zero-length, it holds nothing.
    missing folder        nothing to read; the store forgets its cursor.
    missing or stale lock the writer is dead: flock ends with its process, whatever the file says.
    clock set back        names and numbers do not depend on it for order within a writer. A writer's name that sorts
                          too early costs nothing; the drain takes records that are from the future at once.
    kill while discarding the cursor is beyond: what is left of the segments is removed later, and never read again.
    kill while retiring   before the rename it is retired again; after it, nobody reads the folder, the cursor goes at
                          the drain's next start, and the files a minute later.
"""
