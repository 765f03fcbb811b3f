"""What is logged: ``lines`` forms it, ``fields`` makes it harmless, ``rate`` bounds it,
``writer`` writes it where that may take long.
"""
