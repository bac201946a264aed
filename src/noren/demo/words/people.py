"""Names and addresses of people who do not exist, for customers and reviewers.

Towns are invented, mail addresses are in reserved domains (RFC 2606), and tax numbers have a
form that is never given out.
"""

from __future__ import annotations

import random

from noren.demo.words.profile import Buyer


def _listed(text: str) -> list[str]:
    """The names in a text, one behind the other with `|` between them."""
    return [name.strip() for name in text.split("|")]


def _pairs(text: str) -> list[tuple[str, str]]:
    """Names as they are written, and in Latin letters."""
    return [(written, latin) for written, latin in (name.split(" ") for name in _listed(text))]


_FAMILIES = _pairs(
    "佐藤 Sato|鈴木 Suzuki|高橋 Takahashi|田中 Tanaka|伊藤 Ito|渡辺 Watanabe|山本 Yamamoto"
    "|中村 Nakamura|小林 Kobayashi|加藤 Kato|吉田 Yoshida|山田 Yamada|佐々木 Sasaki"
    "|山口 Yamaguchi|松本 Matsumoto|井上 Inoue|木村 Kimura|林 Hayashi|斎藤 Saito|清水 Shimizu"
    "|山崎 Yamazaki|森 Mori|池田 Ikeda|橋本 Hashimoto|阿部 Abe|石川 Ishikawa|前田 Maeda"
    "|藤田 Fujita|小川 Ogawa|岡田 Okada|後藤 Goto|長谷川 Hasegawa|村上 Murakami|近藤 Kondo"
    "|石井 Ishii|坂本 Sakamoto|遠藤 Endo|青木 Aoki|藤井 Fujii|西村 Nishimura"
)
_GIVEN = _pairs(
    "陽菜 Hina|葵 Aoi|結衣 Yui|美咲 Misaki|さくら Sakura|凛 Rin|千尋 Chihiro|真由美 Mayumi"
    "|恵子 Keiko|由紀 Yuki|彩 Aya|直美 Naomi|香織 Kaori|智子 Tomoko|舞 Mai|蓮 Ren|陽翔 Haruto"
    "|湊 Minato|大輔 Daisuke|健太 Kenta|翔太 Shota|誠 Makoto|浩 Hiroshi|隆 Takashi|直樹 Naoki"
    "|拓也 Takuya|亮 Ryo|和也 Kazuya|修 Osamu|光 Hikaru"
)
_ENGLISH_FAMILIES = _listed(
    "Adams|Baker|Bennett|Brooks|Carter|Clarke|Collins|Cooper|Dawson|Ellis|Fletcher|Foster|Grant"
    "|Harper|Hayes|Hughes|Jennings|Kelly|Lawson|Marsh|Mitchell|Morgan|Murphy|Palmer|Parker"
    "|Porter|Reed|Russell|Shaw|Spencer|Sutton|Turner|Walsh|Webb|Winters"
)
_ENGLISH_GIVEN = _listed(
    "Alice|Amelia|Anna|Arthur|Ben|Charlotte|Claire|Daniel|David|Eleanor|Emily|Emma|Ethan|Fiona"
    "|George|Grace|Hannah|Harry|Henry|Isla|Jack|James|Julia|Laura|Leo|Lucy|Martha|Megan|Nathan"
    "|Oliver|Olivia|Rachel|Samuel|Sophie|Thomas|William"
)
_GULF_FAMILIES = _listed(
    "Al Najjar|Al Sayegh|Al Hashimi|Bukhari|Darwish|Fakhro|Haddad|Janahi|Khalifeh|Mansoor|Nasser"
    "|Qassim|Rashid|Saleh|Sharif|Yousif|Zayani"
)
_GULF_GIVEN = _listed(
    "Ahmed|Aisha|Ali|Amal|Dana|Fatima|Hamad|Hassan|Huda|Jassim|Khalid|Layla|Mariam|Mohammed|Noor"
    "|Omar|Rania|Salman|Sara|Yara|Yusuf|Zainab"
)

_PREFECTURES = _listed(
    "北海道|宮城県|栃木県|埼玉県|千葉県|東京都|神奈川県|新潟県|石川県|長野県|静岡県|愛知県|三重県"
    "|京都府|大阪府|兵庫県|奈良県|岡山県|広島県|香川県|愛媛県|福岡県|熊本県|鹿児島県"
)
_TOWNS = _listed(
    "月見町|桜が丘|若葉台|緑川町|朝日野|松風町|花園通|小舟町|本宿町|水音町|竹ノ内|星見坂"
)
_BUILDINGS = ("", "", "", "メゾン若葉 203", "コーポ松風 101", "グランテラス朝日 1204")
_COMPANY_WORDS = _listed("青空|ひかり|みどり|三日月|やまびこ|千代|はるか|東雲|ことり|若竹")
_COMPANY_KINDS = _listed("旅館|カフェ|商事|百貨|ホテル|食堂|設計|製作所")

_STREETS = _listed("Harbour|Pearl|Palm|Garden|Market|Museum|Lighthouse|Orchard|Jasmine|Coral")
_DISTRICTS = _listed("North Harbour|Old Souq|Palm Gardens|Seaview|Coral Bay")
_GULF_COMPANIES = _listed(
    "Seaview Hotel|Coral Bay Catering|Palm Court Café|Old Souq Trading|Lighthouse Offices"
    "|Harbour House|Orchard School|Pearl Dive Club"
)


def _handle(*parts: str) -> str:
    return ".".join(part.lower().replace(" ", "") for part in parts)


def _japanese_address(rng: random.Random) -> str:
    prefecture = rng.choice(_PREFECTURES)
    block = f"{rng.randint(1, 9)}-{rng.randint(1, 28)}-{rng.randint(1, 20)}"
    return f"{prefecture}{rng.choice(_TOWNS)}{block} {rng.choice(_BUILDINGS)}".strip()


def _english(rng: random.Random, address: str) -> Buyer:
    given, family = rng.choice(_ENGLISH_GIVEN), rng.choice(_ENGLISH_FAMILIES)
    return Buyer(f"{given} {family}", _handle(given, family), address=address)


def japanese_buyer(rng: random.Random) -> Buyer:
    """Mostly Japanese people, some companies, some foreigners living in Japan."""
    address = _japanese_address(rng)
    if rng.random() < 0.12:
        return _english(rng, address)
    (family, latin_family), (given, latin_given) = (
        rng.choice(_FAMILIES),
        rng.choice(_GIVEN),
    )
    handle = _handle(latin_given, latin_family)
    if rng.random() > 0.22:
        return Buyer(f"{family} {given}", handle, address=address)
    company = f"株式会社{rng.choice(_COMPANY_WORDS)}{rng.choice(_COMPANY_KINDS)}"
    # T and a corporate number; its first digit checks the others and is never 0.
    tax_number = f"T0{rng.randrange(10**12):012d}"
    return Buyer(f"{family} {given}", handle, company, tax_number, address)


def gulf_buyer(rng: random.Random) -> Buyer:
    """People and companies in Bahrain, many of them from elsewhere."""
    address = (
        f"Villa {rng.randint(1, 400)}, {rng.choice(_STREETS)} Street, {rng.choice(_DISTRICTS)}"
    )
    chance = rng.random()
    if chance < 0.3:
        return _english(rng, address)
    if chance < 0.38:
        (_, family), (_, given) = rng.choice(_FAMILIES), rng.choice(_GIVEN)
        return Buyer(f"{given} {family}", _handle(given, family), address=address)
    given, family = rng.choice(_GULF_GIVEN), rng.choice(_GULF_FAMILIES)
    company, tax_number = "", ""
    if rng.random() < 0.3:
        # VAT account numbers have 15 digits and do not begin with 0.
        company, tax_number = rng.choice(_GULF_COMPANIES), f"0{rng.randrange(10**14):014d}"
    return Buyer(f"{given} {family}", _handle(given, family), company, tax_number, address)
