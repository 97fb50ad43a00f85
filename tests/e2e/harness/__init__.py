"""What the end-to-end tests and tools/demo are built from; see conftest.py."""
