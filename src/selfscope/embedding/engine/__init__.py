"""t-SNE, stage by stage, in compiled Python.

`search` finds a graph of neighbours: `units` and `reduction` choose how to look at the features, `neighbours` compares
all pairs or those in near `cells`. `layout` makes a map: `affinities` and `symmetry` turn the graph into one joint
distribution; `descent` moves the points by `attraction` along it and by repulsion from all others, through a grid
(`field`, `window`, `influence`) or pair by pair (`pairs`). `placing` puts further points on a finished map.
"""
