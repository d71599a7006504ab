"""`python -m daemon` is `somrr`."""

from daemon.cli import main

main()
