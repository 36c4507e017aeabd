"""How dates and times look."""
