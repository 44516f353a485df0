"""A span of each call that has ended, for an OpenTelemetry collector: figures and names, nothing that was said.

`span` says what is in one, `asked` whether anybody wants them, `export` has them sent by OpenTelemetry's SDK, which is
imported there and nowhere else. Spans are made of what is stored, after it is: no call waits for one or fails by it.
"""
