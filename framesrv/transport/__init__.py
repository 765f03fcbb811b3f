"""The gRPC server: calls in, answers out. Pixels are touched by the engine's workers only.

Where to look: ``server`` builds, starts and stops it; ``service`` takes unary calls, ``stream``
the long-lived ones; ``answers`` is written by workers; ``errors`` ends a call with its status;
``address`` and ``settings`` say where and how it listens.
"""
