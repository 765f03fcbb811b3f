"""A real server as a process of its own, measured by the operating system's accounting.

Where to look: ``scene`` renders what is sent, ``loops`` does the same work without a server,
``processes`` starts servers and reads what they cost, ``load`` sends. Other servers at the same
work are in ``benchmarks.peers``.
"""
