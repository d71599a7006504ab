"""Fuzzing: every place where bytes from outside are first understood (`make fuzz`; the tests run a short form)."""
