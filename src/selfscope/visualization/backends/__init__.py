"""Places that records go to, a file each."""
