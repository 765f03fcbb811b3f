"""What operators see: readiness, metrics, logs, and the HTTP listener that serves them.

Where to look: ``settings`` says where it listens, ``server`` runs it in a thread of its own,
``app`` answers, ``readiness`` is what /readyz tells, ``metrics`` reads the pools and the engine
when it is asked, ``guard`` keeps slow and hostile clients from holding anything.
"""
