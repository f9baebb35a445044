"""Was the answer right, and if not, where was it lost?"""
