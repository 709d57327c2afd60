"""The SDK: logging that never stops training, and clients that read and change what is stored."""
