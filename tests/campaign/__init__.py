"""The campaign over returned forms: every state by every way it may come, in three languages and several layouts."""
