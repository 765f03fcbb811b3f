"""What was asked (``spec``), the steps and buffers it takes (``plan``), the loop (``run``)."""
