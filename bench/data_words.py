"""The words that the benchmark's products are named and described with."""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


NAMES = _words("""
Copper Walnut Linen Porcelain Kettle Lantern Blanket Mug Bowl Tray Ceramic Wool Cedar
Bamboo Brass Steel Cotton Velvet Glass Marble Oak Maple Cherry Slate Granite Leather
Canvas Denim Silk Hemp Cork Teal Crimson Amber Ivory Indigo Olive Charcoal Sienna Cobalt
Small Large Slim Wide Round Square Folding Nested Stackable Quilted Woven Carved Glazed
Brushed Polished Vintage Modern Rustic Nordic Garden Kitchen Travel Desk Evening Morning
Winter Summer Apron Basket Bench Candle Cushion Drawer Flask Goblet Hammock Jug Ladle
Napkin Ottoman Pitcher Rug Saucer Tumbler Umbrella Vase Whisk Hook Shelf Stool Tongs
Clock Mirror Frame Planter 抹茶 急須 茶碗 漆器 竹籠 手拭い 風呂敷 南部鉄器 湯呑み 和紙 線香 桐箱
""")

DESCRIPTION = _words("""
a and the of for with from by in each this our your made finished designed shaped pressed
fired dyed oiled tested packed shipped comes fits holds keeps suits brings lasts ages
wears cleans dries folds stacks hangs stands soft firm warm cool light heavy quiet bright
plain simple careful honest lasting daily seasonal traditional everyday small-batch hand
two three four six eight pieces set pair box care water heat cold hands home table room
window workshop family maker studio village mountain river coast forest field colour
surface edge handle lid base grain weight size shape gift guests meals tea coffee bread
books flowers letters music rest sleep play work years 手作り 日本 職人 伝統 四季 毎日 贈り物
""")

TAGS = _words("""
new sale gift eco handmade limited bestseller outlet seasonal premium organic recycled
vegan fragile bulky online office outdoor indoor kids pets baby festive wedding birthday
picnic camping winterproof dishwasher microwave oven freezer waterproof lightweight
refill sample bundle exclusive imported local 季節限定 新着 定番 送料無料 父の日 母の日
""")

SIZES_WORN = ("XS", "S", "M", "L", "XL")
COLOURS = ("red", "blue", "green", "black", "white", "藍", "紅")

# In no other word, so that a part of a word, a prefix and a whole word find the same.
COMMON = ("walnut", "porcelain", "kettle", "crimson", "漆器", "風呂敷", "quilted", "umbrella")

_CONSONANTS, _VOWELS = "kstnmrbdgz", "aiueo"
_SYLLABLES = [first + second for first in _CONSONANTS for second in _VOWELS]
SERIES_SIZE = 50


def series_name(number: int) -> str:
    """The name of a series: eight letters, different for each of the first 6,250,000 numbers."""
    rest, letters = number * 2_654_435_761 % len(_SYLLABLES) ** 4, ""
    for _at in range(4):
        rest, syllable = divmod(rest, len(_SYLLABLES))
        letters += _SYLLABLES[syllable]
    return letters.capitalize()


def search_terms(products: int) -> list[str]:
    """What is searched for: six series of 50 products for each two common words."""
    words = {word.lower() for word in (*NAMES, *DESCRIPTION, *TAGS)}
    shared = [term for term in COMMON if sum(term in word for word in words) != 1]
    if shared:
        raise AssertionError(f"Parts of several words: {shared}")
    last = products // SERIES_SIZE
    series = [series_name(at * last // 24).lower() for at in range(24)]
    return [*series, *COMMON]
