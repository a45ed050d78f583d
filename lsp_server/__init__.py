"""What an editor sees: the language server and the `midfill` command."""

__version__ = "0.1.0"
