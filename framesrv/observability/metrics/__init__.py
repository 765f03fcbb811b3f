"""What Prometheus is told.

``scrape`` is the whole list, ``of_frames`` and ``of_pools`` its long parts, ``exposition`` the
text of it.
"""
