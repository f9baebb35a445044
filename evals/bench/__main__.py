"""`make bench`: how fast the kernel encodes, against a peer on the same texts in the same run."""

from evals.bench.encoding import main

if __name__ == "__main__":
    main()
