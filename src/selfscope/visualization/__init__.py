"""The Visualizer: draws, and hands records to storage backends."""
