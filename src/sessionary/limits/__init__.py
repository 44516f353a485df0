"""How much a key and a session may ask for: calls and tokens a minute, calls at a time, money in a period.

A worker *reserves* before the upstream is asked, what a call may use at most; the drain *settles* when it stores the
call's end, by what was really used. Both are transactions of one small database (`counters`), so that a limit holds
over all workers, restarts and kill -9; what is decided there is pure (`arithmetic`).
"""
