"""The same as `selfscope train`."""

import sys

from selfscope.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
