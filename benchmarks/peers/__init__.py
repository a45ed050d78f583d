"""What the engine is measured beside: one file for each, all asked in one way (side.py)."""
