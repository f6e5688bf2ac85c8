"""Pictures in, pictures out: pure functions on `(H, W, 3)` uint8 RGB arrays."""
