"""What operators see, a folder for each way to look.

``http`` is the listener and its page, ``live`` what the page is told, ``metrics`` what Prometheus
is, ``logs`` and ``tracing`` what leaves by itself. Beside them: ``watched`` is where all the
numbers are, ``readiness`` what /readyz and gRPC's health tell, ``pauses`` those of the garbage
collector, ``refusals`` how a request is turned away.
"""
