"""Conditions of partial indexes, in the words by which SQLite knows them."""

from django.db.models import BooleanField, F, Func


def word_by_word(column: str, condition: str) -> Func:
    """Return the condition of a partial index: SQLite knows one by its words alone, and not by values that are bound."""
    return Func(F(column), template=condition, output_field=BooleanField())


def one_of(column: str, words: tuple[str, ...] | list[str]) -> Func:
    """Return the condition that the column is one of the words, which are the program's own."""
    return word_by_word(column, f"%(expressions)s IN ({', '.join(map(repr, words))})")
