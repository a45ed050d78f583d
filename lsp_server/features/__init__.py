"""What the server answers: one file per LSP method, each a thin layer over what it calls."""
