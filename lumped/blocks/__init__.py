"""What a circulation is made of: kinds of block with their parameter records, and the pure laws that they follow.

`record` says what a block and its parameters are; `compartments`, `connections`, `couplings` and `rhythms` are the
catalogue; the `*_laws` are compiled and hold the equations. A law takes numbers and gives a value with its derivatives;
it knows nothing of the graph. Laws accept complex numbers, so that derivatives with respect to parameters follow
from a complex step (Squire & Trapp, SIAM Rev. 40, 1998, DOI 10.1137/S003614459631241X).
"""
