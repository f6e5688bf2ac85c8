"""Backbones, masked-image models, and checkpoints in the dialects that people have."""
