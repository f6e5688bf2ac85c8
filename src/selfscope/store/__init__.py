"""The run folder: written append-only, readable at any moment, by anything."""
