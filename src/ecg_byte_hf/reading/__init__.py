"""How a Llama reads ECG tokens: vocabulary, sequences, training, evaluation, answers."""
