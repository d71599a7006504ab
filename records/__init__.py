"""What is kept: the nouns, the vault of bytes, the ledger of rows."""
