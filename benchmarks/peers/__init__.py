"""Other servers at the same work, each as its own documentation advises.

Where to look: ``roster`` says who they are and how each is run, a file ``*_server`` or ``*_app``
is what one of them serves, ``clients`` are the connections that drive them, all by one loop,
``running`` starts one, counts all its processes and ends them, ``findings`` makes rows, figures
and notes of what ``benchmarks/scenarios/peers.py`` measured.
"""
