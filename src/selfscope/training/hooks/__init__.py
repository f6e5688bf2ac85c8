"""What runs at the points of a training loop: logging, looking, and whatever users hang there."""
