"""Pictures of ECGs and of their tokens (needs the extra `plot`: matplotlib)."""
