"""A Google and a GitHub for development: consent page, codes, tokens, profiles; and failures on demand."""
