"""What the end-to-end tests and tools/demo are built from; see conftest.py."""
import os

# Postfix and our daemons drop root and still read what we write.
os.umask(0o022)
