"""What dashboards are told, whatever it is sent with.

``reading`` reads all numbers of a moment, ``history`` remembers the last minutes, ``snapshot``
makes one picture of both, ``events`` its bytes, and ``board`` hands them, once a second, to all
that watch. ``previews`` has the pictures of published streams.
"""
