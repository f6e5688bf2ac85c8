"""Other people's training loops: their loggers and callbacks, which write our records and call our hooks."""
