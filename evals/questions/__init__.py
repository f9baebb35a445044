"""Questions with answers and evidence, made from a corpus, for a person to review; and files of
queries that nobody has judged.

By a language model:
draw         which chunks are asked about
draft        a question, found again in its chunk
filters      why one is left out
generate     all of that, resumable

Without one:
documents    a corpus, read a few documents at a time
counts       which words and names tell its passages apart
strata       the parts that it falls into
known_items  queries from all of them

review       the file that a person edits, and the data set that comes of it
queries      what to ask where nobody says what is right
"""
