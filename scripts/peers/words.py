"""Lists of words and numbers on the command line of the scripts that measure."""

import argparse


def words(known):
    """Reads words with commas between them, all of which must be known."""
    def read(text):
        found = tuple(word for word in text.split(",") if word)
        if unknown := set(found) - set(known):
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))} not known: {', '.join(known)} are")
        return found
    return read


def numbers(text):
    """Reads whole numbers with commas between them."""
    return tuple(int(word) for word in text.split(","))
