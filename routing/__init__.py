"""What follows from it?  Pure functions from a case's whole record to a decision."""
