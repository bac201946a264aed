"""A coffee and fragrance shop in Bahrain: a currency of three decimals, basic food at 0 %."""

from __future__ import annotations

from decimal import Decimal

from noren.demo.words import comments, people
from noren.demo.words.profile import Branch, Makers, Member, Profile, Range, Word, words

_ORIGINS = words(
    "Yemen Haraz*1.8; Ethiopia Yirgacheffe*1.2; Ethiopia Guji*1.25; "
    "Kenya Nyeri*1.3; Colombia Huila; Brazil Cerrado*0.85; "
    "Guatemala Antigua*1.1; Sumatra Mandheling; Rwanda Nyamasheke*1.1; House Blend*0.8"
)
_ROASTS = words("light roast; medium roast; dark roast; natural process*1.15; decaf*1.2")
_WEIGHTS = words("100 g*0.45; 250 g; 500 g*1.85; 1 kg*3.5")
_TEAS = words(
    "Assam; Darjeeling*1.4; Ceylon; Shizuoka Sencha*1.5; Uji Hojicha*1.4; "
    "Moroccan Mint*0.9; Kashmiri; Karak Blend*0.8"
)
_FINISHES = words("brushed steel; matt black*1.1; copper*1.4; walnut*1.3; white; brass*1.35")
_SCENTS = words(
    "Rose; Amber*1.1; Jasmine; Sandalwood*1.2; Saffron*1.5; White Musk; "
    "Cedar; Yuzu*1.1; Orange Blossom; Black Pepper"
)
_CUPS = words("single*0.6; set of 2; set of 6*2.6")

RANGES = (
    Range(
        "Coffee beans",
        "COF",
        Word("coffee"),
        _ORIGINS,
        _ROASTS,
        _WEIGHTS,
        (3.2, 5.6),
        ("Roasted every week in small batches.", "قهوة محمصة أسبوعياً"),
        ("coffee", "fresh"),
    ),
    Range(
        "Arabic coffee",
        "GAH",
        Word("gahwa"),
        words("Cardamom; Saffron*1.6; Clove; Plain*0.9"),
        words("blonde; golden; dark"),
        _WEIGHTS,
        (2.4, 3.9),
        ("Ground for the dallah, with whole spices.", "قهوة عربية"),
        ("coffee", "gahwa"),
    ),
    Range(
        "Tea",
        "TEA",
        Word("tea"),
        _TEAS,
        words("loose leaf; pyramid bags*1.2"),
        words("100 g; 250 g*2.2; 500 g*4"),
        (1.8, 3.1),
        ("Picked this season and packed by hand.", "شاي"),
        ("tea",),
    ),
    Range(
        "Dates",
        "DAT",
        Word("dates"),
        words("Khalas; Sukkari*1.2; Medjool*1.7; Ajwa*2.2; Barhi; Safawi*1.1"),
        words("plain; almond-filled*1.3; tahini-filled*1.2; chocolate-dipped*1.6"),
        words("400 g; 1 kg*2.2"),
        (1.5, 2.6),
        ("Soft dates of this year's harvest.", "تمور"),
        ("dates", "gift"),
    ),
    Range(
        "Sweets",
        "SWT",
        Word(""),
        words("Pistachio*1.4; Rose; Sesame*0.8; Matcha*1.3; Orange; Almond*1.2"),
        words("baklava*1.3; halwa; cookies*0.8; nougat"),
        words("box of 12; box of 24*1.9"),
        (2.2, 3.8),
        ("Made with real nuts and little sugar.", "حلويات"),
        ("sweets", "gift"),
    ),
    Range(
        "Brewers",
        "BRW",
        Word("brewer"),
        _FINISHES,
        words("pour-over; French press; dallah*1.6; moka pot; cold drip*2.2"),
        words("2 cups; 4 cups*1.3; 8 cups*1.8"),
        (8.5, 16),
        ("Easy to clean, with spare parts in stock.", "أدوات التحضير"),
        ("equipment",),
    ),
    Range(
        "Grinders & kettles",
        "GRK",
        Word(""),
        _FINISHES,
        words("hand grinder; burr grinder*2.8; gooseneck kettle*1.6; scale*0.9; milk jug*0.4"),
        words("standard; professional*1.9"),
        (12, 24),
        ("For cups that taste the same every morning.", "مطاحن وغلايات"),
        ("equipment",),
    ),
    Range(
        "Cups",
        "CUP",
        Word("cups"),
        words("Finjan*0.9; Espresso; Cappuccino*1.2; Arita*2.2; Hasami*1.8; Travel*1.3"),
        words("pearl white; sea blue; desert sand; gold rim*1.5; jade green"),
        _CUPS,
        (3.8, 7.5),
        ("Porcelain that keeps warm.", "فناجين"),
        ("tableware", "gift"),
    ),
    Range(
        "Incense",
        "INC",
        Word("incense"),
        _SCENTS,
        words("bakhoor; sticks*0.5; cones*0.6"),
        words("30 g; 80 g*2.2; 150 g*3.6; 300 g*6.5"),
        (2.9, 6.2),
        ("Burns slowly and clean.", "بخور"),
        ("fragrance",),
    ),
    Range(
        "Perfume",
        "PRF",
        Word(""),
        _SCENTS,
        words("eau de parfum; oil*1.3; hair mist*0.6; room spray*0.5; body lotion*0.7"),
        words("30 ml*0.6; 50 ml; 100 ml*1.7"),
        (11, 26),
        ("Blended in Manama.", "عطور"),
        ("fragrance", "gift"),
    ),
    Range(
        "Candles",
        "CND",
        Word("candle"),
        _SCENTS,
        _FINISHES,
        words("180 g; 400 g*1.8"),
        (4.2, 8.4),
        ("Soy wax with a cotton wick.", "شموع"),
        ("home", "gift"),
    ),
    Range(
        "Oud",
        "OUD",
        Word("oud"),
        words("Hindi*2.4; Cambodi*2; Borneo*1.5; Trat"),
        words("oil*1.6; chips; powder*0.4"),
        words("3 g*0.4; 6 g*0.7; 12 g"),
        (45, 120),
        ("From registered plantations, with certificate.", "عود"),
        ("fragrance", "precious"),
    ),
)

PROFILE = Profile(
    slug="pearl-and-palm",
    name="Pearl & Palm",
    settings={
        "currency": "BHD",
        "standard_tax_rate": Decimal(10),
        "tax_rounding": "half_up",
        "prices_include_tax": True,
        "locale": "en",
        "time_zone": "Asia/Bahrain",
    },
    members=(
        Member("owner", "Olivia Harper"),
        Member("manager", "渡辺 亮 (Ryo Watanabe)"),
        Member("staff", "Daniel Brooks"),
        Member("viewer", "松本 彩 (Aya Matsumoto)"),
    ),
    branches=(
        Branch("Food & drink", None, "exempt"),
        Branch("Coffee", "Food & drink", "exempt"),
        Branch("Coffee beans", "Coffee", "exempt"),
        Branch("Arabic coffee", "Coffee", "exempt"),
        Branch("Tea", "Food & drink", "exempt"),
        Branch("Dates", "Food & drink", "exempt"),
        Branch("Sweets", "Food & drink", "standard"),
        Branch("Equipment", None, "standard"),
        Branch("Brewers", "Equipment", "standard"),
        Branch("Grinders & kettles", "Equipment", "standard"),
        Branch("Cups", "Equipment", "standard"),
        Branch("Fragrance", None, "standard"),
        Branch("Incense", "Fragrance", "standard"),
        Branch("Perfume", "Fragrance", "standard"),
        Branch("Candles", "Fragrance", "standard"),
        Branch("Oud", "Fragrance", "standard", requires_approval=True),
    ),
    ranges=RANGES,
    makers=(
        Makers(
            "Food & drink",
            ("Pearl & Palm", "Dilmun Roasters", "Karak & Co", "Northern Leaf", "Kissa 喫茶"),
            (
                ("gulf-green-coffee", "Gulf Green Coffee"),
                ("haraz-growers", "Haraz Growers"),
                ("date-gardens", "Date Gardens Cooperative"),
                ("kansai-export", "関西エクスポート Kansai Export"),
            ),
        ),
        Makers(
            "Equipment",
            ("Copperline", "Hinoki House", "Old Harbour"),
            (("brewline", "Brewline Equipment"), ("porcelain-road", "Porcelain Road")),
        ),
        Makers(
            "Fragrance",
            ("Desert Bloom", "Maison Lulu", "Amber Room", "Souq Lane"),
            (("attar-works", "Attar Works"), ("oud-registry", "Oud Registry Trading")),
        ),
    ),
    tags=("new", "bestseller", "gift wrap", "limited", "free delivery"),
    name_pattern="{first} {second} {noun}, {size}",
    description_pattern="{name}. {note}\n\n{note_gloss}",
    price_steps=(
        (Decimal(5), Decimal("0.025")),
        (Decimal(20), Decimal("0.250")),
        (Decimal(100_000), Decimal("0.500")),
    ),
    buyer=people.gulf_buyer,
    comments=comments.ENGLISH,
    order_notes=comments.ENGLISH_NOTES,
    pack_option="pack",
    packs=words("Pack of 2*1.9; Pack of 5*4.6; Gift box*2.2"),
)
