"""How many of the world's vision networks can be recorded whole, and run from their recording alone.

Run as `tools/record-study`.
"""
