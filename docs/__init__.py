"""Documents for operators and staff, and the script that writes their tables."""
