"""One question a file, asked in its first lines; ``suites`` puts them together."""
