"""What decodes and encodes, and how a call of it is measured."""
