"""What ECG-Byte is measured against: a ResNet on signals, and a Llama that reads its features."""
