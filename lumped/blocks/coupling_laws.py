"""What ties compartments together other than flow: pericardium, septum, pressure in a contracting wall."""

from __future__ import annotations

PERICARDIUM = 0
"""y = E0 Vk (exp((sum of volumes - V0) / Vk) - 1) + the pressure around it; [E0, V0, Vk]."""
SHARE = 1
"""y = share of a compartment's transmural pressure, such as that in a ventricle's wall; [share]."""
SEPTUM = 2
"""(Ed + (Es - Ed) a) y = p_left - p_right, y the volume by which the septum bulges to the right; [Ed, Es].

Smith et al., Med. Eng. Phys. 26, 2004, DOI 10.1016/j.medengphy.2003.10.001.
"""
