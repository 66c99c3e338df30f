"""What travels: requests, responses, operations, errors. Imports the standard library and msgspec only."""
