"""`python -m ecg_byte_hf.cli`."""

from . import main

main()
