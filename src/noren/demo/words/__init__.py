"""The demo's three shops, in the order in which they are made."""

from noren.demo.words import coffee, tableware, tea
from noren.demo.words.profile import Profile

PROFILES: tuple[Profile, ...] = (tea.PROFILE, tableware.PROFILE, coffee.PROFILE)

__all__ = ["PROFILES"]
