"""The same as `selfscope browse`."""

import sys

from selfscope.cli import main

if __name__ == "__main__":
    sys.exit(main(["browse", *sys.argv[1:]]))
