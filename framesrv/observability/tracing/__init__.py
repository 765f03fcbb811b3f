"""Spans, where tracing is on: ``sender`` needs the extra ``otel``."""
