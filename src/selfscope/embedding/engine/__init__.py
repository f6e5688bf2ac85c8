"""t-SNE, stage by stage, in compiled Python.

`reduction` finds the axes that neighbourhoods need; `neighbours` (all pairs, or `cells`) the nearest points;
`affinities` and `symmetry` make one joint distribution of them; `descent` moves the points by `attraction` along it
and by repulsion from all others, through a grid (`field`, `window`, `influence`) or pair by pair (`pairs`).
`layout` is the whole way.
"""
