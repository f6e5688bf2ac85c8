"""The same as `selfscope reconstruct`."""

import sys

from selfscope.cli import main

if __name__ == "__main__":
    sys.exit(main(["reconstruct", *sys.argv[1:]]))
