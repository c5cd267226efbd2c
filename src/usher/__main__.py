"""`python -m usher` is `usher`."""

from usher.cli import main

if __name__ == "__main__":
    main()
