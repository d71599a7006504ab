"""How packets come in: each source yields arrivals and changes nothing until told that we hold the bytes."""
