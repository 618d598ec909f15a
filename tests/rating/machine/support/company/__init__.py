"""A small company that lives for six months, and what every line of its bills must come to.

In: a seed. Out: a story (what happens at the source, night by night) and the amounts that follow
from it by the laws of billing, in plain fractions. Shares no code with the models or the loaders.
"""
