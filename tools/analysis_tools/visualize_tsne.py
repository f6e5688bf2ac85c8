"""The same as `selfscope tsne`."""

import sys

from selfscope.cli import main

if __name__ == "__main__":
    sys.exit(main(["tsne", *sys.argv[1:]]))
