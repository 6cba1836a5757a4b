"""How faithfully, and in how many tokens, a tokenizer keeps an ECG."""
