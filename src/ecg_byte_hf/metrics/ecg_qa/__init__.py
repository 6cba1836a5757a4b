"""The metric `ecg_qa`. Its files travel to a Space, so they import nothing of this package."""
