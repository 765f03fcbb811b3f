"""The command line. ``main`` knows the commands; each has a file of its own.

A command's file imports nothing heavy before the command runs, so that ``--help`` is quick.
"""
