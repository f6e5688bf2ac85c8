"""Backbones and masked-image models on timm's parts; checkpoints read safely and fitted without silence."""
