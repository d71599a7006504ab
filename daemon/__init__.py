"""The only room that knows all the others: wiring, the three loops, the command line."""
