"""A stand-in for Flow: the four calls, a page, and faults to rehearse. It spends no money and reaches nobody."""
