"""The HTTP listener, and what it answers.

``server`` runs it in a thread of its own, ``doors`` lets in, ``login`` knows who has the token and
``guesses`` slows down who has not, ``guard`` keeps slow and hostile clients from holding anything;
``app`` answers, ``answers`` and ``assets`` are what the page in ``dashboard/`` asks for.
"""
