"""What we say: composing is pure, sending answers one question, temporary or permanent."""
