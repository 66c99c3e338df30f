"""Table permissions as bkend evaluates them: who may do what with which rows and columns.

Pure: definitions and callers in, decisions and findings out. Reads no file, knows no database.
"""
