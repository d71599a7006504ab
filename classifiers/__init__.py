"""What is it?  Pure functions from a reading to documents with kind, confidence and evidence."""
