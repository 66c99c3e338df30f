"""What travels: the requests, responses, operations and errors. Imports the standard library and msgspec only."""
