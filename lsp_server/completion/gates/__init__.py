"""Reasons not to show a text, one gate a file. Each says what it objects to, or nothing."""
