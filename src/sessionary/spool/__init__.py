"""The spool: what a worker has accepted and the store has not yet got. Append-only files, one writer each.

Invariants
    1. A record is in the file (the kernel has it) when `Writer.append` returns, so kill -9 cannot lose it.
    2. Each writer owns a folder and holds its lock as long as it lives; nobody else writes there.
    3. A segment is deleted only by the drain, and only after the store committed a cursor beyond its end.
    4. Damage costs the damaged records alone: the reader finds the next frame and says what it skipped.

On disk
    spool/<writer>/lock                 flock held by the living writer
    spool/<writer>/00000001.seg         segments, in order
    segment = magic "SPOOL\\x01\\n\\0" (8 bytes), then frames
    frame   = mark "\\xf5\\xa7" | length u32 LE | crc32(payload) u32 LE | payload

Write    append: one write(2) of a whole frame; at `max_segment` bytes a new segment is begun.
Read     from the store's cursor (writer, segment, offset) on; an incomplete frame at the end of the last
         segment of a living writer is one still being written; of a dead writer, a torn one.
Delete   `discard` removes segments before the cursor; a dead writer's folder goes when all of it is stored.
Recover  nothing to do: a new process makes a new writer, the drain reads what the old one left.
"""
