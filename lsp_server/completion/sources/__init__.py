"""What other files may say about a place, one source a file; `nearby.py` asks them all."""
