"""One operation a file, and their registry: see ``step`` for what an operation is."""
