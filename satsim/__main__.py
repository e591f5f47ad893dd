"""`python -m satsim`, where the command is not on the path."""

from satsim.commands.main import main

if __name__ == "__main__":
    main()
