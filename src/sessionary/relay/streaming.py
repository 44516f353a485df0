"""A stream on its way to the client: what it gets of what came, what the log gets, and how it ended.

The log has everything before the client does, and the end of the record before the end of the answer.
"""

from sessionary.errors import GatewayError, UpstreamError
from sessionary.errors import body as error_body
from sessionary.record.recorder import Recording
from sessionary.relay.ends import Course
from sessionary.relay.passage import Passage
from sessionary.wire.canonical import Failed


class Streaming:
    def __init__(self, passage: Passage, recording: Recording) -> None:
        self.over = False
        """Whether nothing that follows is part of the answer."""
        self._passage = passage
        self._recording = recording
        self._course = Course(passage.endpoint, apart=passage.apart)
        self._within = False
        """Whether the client has the beginning of an event."""
        self._last = b""

    def feed(self, data: bytes) -> bytes:
        """What the client gets of it now: the end is held back until it is recorded. Raises UpstreamError."""
        course, passage = self._course, self._passage
        events, came = course.feed(data)
        said = passage.feed(events)
        if recorded := came if passage.records_upstream else said:
            self._recording.chunk(recorded)
        if course.over or passage.over:
            self.over = True
            self._last = said
            return b""
        if said:
            self._within = not said.endswith((b"\n", b"\r"))
        return said

    def close(self, failure: UpstreamError | None, *, refused: bool) -> tuple[bytes, UpstreamError | None]:
        """The end: what the client gets, and how it failed, if it did. `failure`: of the reading; `refused`: whether
        the answer is a failure by its status already."""
        course, passage = self._course, self._passage
        rest = course.close()
        if failure is not None and not course.over:
            return b"", failure
        told = passage.close(rest)
        if course.over and not rest:
            told += passage.behind
        if course.missing and not refused and not passage.over:
            return b"", UpstreamError("The provider broke off its answer", code="stream_incomplete")
        if not passage.records_upstream and (kept := told + passage.unasked):
            self._recording.chunk(kept)
        return self._last + told, None

    @property
    def missing(self) -> bool:
        """Whether its end has not come."""
        return self._course.missing

    def last_words(self, error: GatewayError) -> bytes:
        """The end of one that fails."""
        failed = self._passage.failure(Failed(error.type, error.message, error.code or ""))
        failed = failed or b"data: " + error_body(error, self._recording.call_id) + b"\n\n"
        return b"\n\n" + failed if self._within else failed
