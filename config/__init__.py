"""Settings of the machine and rules of the programme; imports nothing of the project."""
