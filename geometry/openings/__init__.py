"""Where vessels end: finding the ends, cutting them flat, naming them, extending them."""
