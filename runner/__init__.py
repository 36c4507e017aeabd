"""`make run`: starts web, worker, beat and sandbox together, keeps them running, and ends them in good order."""
