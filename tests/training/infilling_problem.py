"""A problem in the form of HumanEval-Infilling."""

PROBLEM = {
    "task_id": "one",
    "prompt": "def one(x):\n",
    "suffix": "    return y\n",
    "canonical_solution": "    y = x + 1\n",
    "test": "def check(f):\n    assert f(1) == 2\n",
    "entry_point": "one",
}
