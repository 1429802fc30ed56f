"""Readers: a file's rows in chunks, whatever state the file is in. One file format each."""
