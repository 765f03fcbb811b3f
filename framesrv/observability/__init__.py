"""What operators see: readiness, metrics, logs, and the HTTP listener that serves them.

Where to look: ``settings`` says where it listens, ``server`` runs it in a thread of its own,
``doors`` lets in, ``login`` knows who has the token, ``guard`` keeps slow and hostile clients from
holding anything; ``app`` answers, ``readiness`` is what /readyz tells, ``metrics`` reads the pools
and the engine when it is asked; ``board`` tells the dashboards once a second what ``reading`` has
read, ``history`` remembers of it and ``snapshot`` makes of both; ``live`` and ``assets`` are what
its page asks for, ``previews`` its pictures; ``logs`` writes lines of what is logged, ``log_rate``
says how many, ``tracing`` sends spans.
"""
