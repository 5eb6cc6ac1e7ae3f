"""``python -m ferromics``."""

from ferromics.cli import main

if __name__ == "__main__":
    main()
