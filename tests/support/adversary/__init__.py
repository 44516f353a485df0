"""Conversations made to mislead threading, with the truth about each call: for the measuring of precision and recall.

`corpus.generate(seed, calls)` gives at least so many calls, in the order in which they begin; the same for the same
seed. `texts` has what people and models say, `wire` puts it into the three formats, `talk` is one client's
conversation, and `everyday`, `rewritten`, `harness` and `strangers` are the kinds of adversary.
"""
