"""Repositories on the Hub: what goes into them, their cards, how they are pushed."""
