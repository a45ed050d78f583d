"""Triton kernels, one operation per file. This file needs no Triton, the others do."""

import torch

DTYPES = (torch.bfloat16, torch.float16, torch.float32)
"""What the kernels take."""
