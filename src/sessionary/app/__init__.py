"""The composition root: builds every part of a process and passes each what it needs. Nothing else constructs.

`worker` builds what serves, `drain` what stores, `upkeep` what the command line does beside them.
"""
