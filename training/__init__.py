"""From a manifest of permissively licensed sources to the model that ships."""

import os

# Read by torch's OpenMP when it is loaded. Its idle threads otherwise spin on the cores that the threads of
# training/native compute on: 12% of the samples of a run of training/base.toml, and 1% with this.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "2000")
