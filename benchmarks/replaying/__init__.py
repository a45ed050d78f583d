"""What benchmarks.replay is made of: files, stretches of them, somebody who types these, and the figures."""
