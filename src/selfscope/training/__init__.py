"""Training: hooks that look inside, the loop, and doors into other people's loops."""
