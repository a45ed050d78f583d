"""The worker that holds the model, and the channel to it."""
