"""`python -m release.cli`: the same as `mirrors`."""

from release.cli import main

if __name__ == "__main__":
    main()
