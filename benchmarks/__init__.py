"""What the pools cost and what they save, measured as ratios inside one run.

``python -m benchmarks`` runs everything; ``scenarios`` holds one question a file, ``designs``
the four ways of lending buffers that were compared, ``harness`` the one way of measuring.
"""
