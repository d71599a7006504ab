"""The shipped units under a real systemd: `make live-units`."""
