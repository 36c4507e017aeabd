"""How dates and times look in British English."""
