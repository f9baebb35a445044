"""Questions with answers and evidence, made from a corpus by a language model, for a person to
review.

draw      which chunks are asked about
draft     a question as the model wrote it, found again in its chunk
filters   why one is left out
generate  all of that, resumable
review    the file that a person edits, and the data set that comes of it
"""
