"""The Faust side of the data path."""
