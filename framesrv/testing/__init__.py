"""For the tests of framesrv and of whoever builds on it: clocks, and suites for contracts.

Nothing of the server imports this room.
"""
