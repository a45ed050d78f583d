"""What benchmarks.storm is made of: what is sent, over what, and who keeps count."""
