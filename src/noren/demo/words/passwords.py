"""Short, common, harmless words for passwords that people read off a screen."""

from __future__ import annotations

_LISTED = """
acorn amber anchor apple apron arrow aspen atlas bacon badge bagel bamboo banjo barley basil
basin beach beacon berry birch bison blanket bloom board bonnet bottle branch brass bread breeze
brick bridge bright brook broom brush bubble bucket butter button cabin cactus camel candle
canoe canvas canyon caramel carbon carpet carrot castle cedar cello cherry chess cinder circle
citrus clover cobalt cocoa comet compass copper coral cotton cradle crane crayon cricket crystal
curtain daisy dancer desert diamond dolphin domino dragon drum eagle early earth ember engine
fabric falcon feather fern fiddle field flame flint flower forest fossil fountain fox galaxy
garden garlic ginger glacier glass glider globe gold grape gravel guitar hammer hammock harbor
hazel heron hickory hollow honey horizon indigo island ivory jacket jasmine jungle juniper
kettle kitten ladder lagoon lantern lemon lilac linen lizard lotus lunar magnet maple marble
market meadow melon mercury mirror mitten monsoon morning mosaic mountain muffin museum needle
nickel noble north nutmeg oasis ocean olive onion orange orbit orchard otter oyster paddle panda
paper parade parrot pasta peach pearl pebble pencil pepper piano pigeon pillow planet plum
pocket polar poppy prairie puffin pumpkin quartz quiet quilt rabbit radish rain raven ribbon
river robin rocket rose saddle saffron sage salmon sandal satin scarf season shadow shell silver
sketch snow sparrow spice spring star stone summer sunset swan tiger timber toast tulip tunnel
valley velvet violet walnut water willow winter yarrow
"""

WORDS: tuple[str, ...] = tuple(_LISTED.split())
