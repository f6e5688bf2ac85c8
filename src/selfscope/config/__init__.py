"""Reads OpenMMLab-style Python configs without executing them, and builds what they name."""
