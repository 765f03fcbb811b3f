"""The same calls over WebSocket, for browsers: a binary message is a message of the contract.

Where to look: ``calls`` takes a socket of the HTTP listener and has its call answered by the gRPC
server's own handlers, ``context`` is what these see of it, ``pipe`` brings messages from one event
loop to the other, ``status`` is how a call ends.
"""
