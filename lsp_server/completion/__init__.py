"""From a cursor to the text shown there: one file per stage."""
