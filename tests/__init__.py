import os

# Two test processes on two cores: threads of their own would only get in each other's way. This stands here because
# numpy's BLAS counts its threads when numpy is first imported, which `conftest.py` does.
os.environ.setdefault("OMP_NUM_THREADS", "1")
