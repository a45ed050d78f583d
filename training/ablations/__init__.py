"""What others claim makes such models better, each claim tried at equal compute with seeds: a file per claim.

    python -m training.ablations --corpus DIR --tokenizer FILE --out DIR

An arm is one way of training or asking, told from its control by what its file says and nothing else.
"""
