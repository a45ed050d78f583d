"""How good a checkpoint is: a file per measure, each a function from cursors or problems to figures."""
