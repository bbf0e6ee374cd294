"""``python -m pipeline``: the same as the `counterclaim` command, whatever the PATH."""

from pipeline.cli import main

if __name__ == "__main__":
    main()
