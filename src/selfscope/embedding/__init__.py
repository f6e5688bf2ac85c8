"""From features `(N, D)` to a map `(N, 1..3)`, and numbers that say how far to trust it."""
