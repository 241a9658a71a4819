"""What `make bench` measures: the program against its goals, each figure beside a baseline of the same run."""
