"""What the rows of training.examples are made of, for those who only read them."""

ROW = 512
"""Tokens a row, unless training.examples is told otherwise."""
MIDDLE_WEIGHT, END_WEIGHT = 3, 4
"""In the loss, of a middle's tokens and of its end. Others weigh 1, or 0 where nothing is to be learnt."""
