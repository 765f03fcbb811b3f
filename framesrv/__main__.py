"""``python -m framesrv`` is ``framesrv``."""

from framesrv.cli.main import main

if __name__ == "__main__":
    main()
