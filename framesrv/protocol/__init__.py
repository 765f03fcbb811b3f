"""The wire: generated code, status codes, and the reader and writer of hot messages."""
