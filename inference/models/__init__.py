"""Models: configuration, checkpoints, forward passes. The only part of `inference` that imports torch."""
