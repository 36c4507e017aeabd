"""Faults on purpose: real workers, beats, brokers, databases and a Flow whose ledger is the judge of every case."""
