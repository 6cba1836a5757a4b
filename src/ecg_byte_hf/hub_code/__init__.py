"""The code that travels to the Hub beside a tokenizer.

Flat, because the Hub's loader follows sibling imports only; it imports the standard library,
numpy, scipy, PyWavelets, transformers and its own siblings, and nothing else of this package.
"""
