"""Small changes to the program, one at a time, that the tests must notice."""
