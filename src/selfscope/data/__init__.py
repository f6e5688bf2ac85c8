"""Data sets and the training pipeline, with a record of everything that was sampled."""
