"""A tableware and stationery shop in Japan with prices that include tax; some food at 8 %."""

from __future__ import annotations

from decimal import Decimal

from noren.demo.words import comments, people
from noren.demo.words.profile import Branch, Makers, Member, Profile, Range, Word, words

_WARES = words(
    "美濃焼=Mino ware; 波佐見焼=Hasami ware*1.1; 益子焼=Mashiko ware*1.2; "
    "小石原焼=Koishiwara ware*1.25; 砥部焼=Tobe ware*1.3; 瀬戸焼=Seto ware; "
    "丹波焼=Tamba ware*1.2; 萬古焼=Banko ware*1.1"
)
_PATTERNS = words(
    "青磁=celadon*1.1; 白磁=white porcelain; 十草=stripes; "
    "唐草=arabesque*1.1; 市松=checks; 飛び鉋=chatter marks*1.2; 瑠璃=lapis blue*1.15"
)
_BOWLS = words("小=small*0.8; 中=medium; 大=large*1.35")
_PLATES = words("12cm*0.6; 18cm; 24cm*1.7")
_WOODS = words(
    "桜=cherry; 欅=zelkova*1.2; 栗=chestnut; 楓=maple*1.1; 竹=bamboo*0.7; "
    "越前漆器=Echizen lacquer*1.8"
)
_COLOURS = words(
    "藍=indigo; 紅=crimson; 若草=spring green; 墨=ink black; 生成り=natural; "
    "山吹=golden yellow; 桜=cherry pink; 藤=wisteria"
)
_PAPERS = words(
    "美濃和紙=Mino paper*1.3; 越前和紙=Echizen paper*1.4; "
    "上質紙=wood-free paper; 再生紙=recycled paper*0.85"
)
_FORMATS = words("A6*0.8; A5; B5*1.25; A4*1.6")

RANGES = (
    Range(
        "飯碗 Rice bowls",
        "MSW",
        Word("飯碗", "Rice bowl"),
        _WARES,
        _PATTERNS,
        _BOWLS,
        (1600, 2900),
        ("毎日のごはんがおいしくなる、軽くて丈夫な器です。", "Light, sturdy, made for every day."),
        ("食器", "和食器"),
    ),
    Range(
        "皿 Plates",
        "SAR",
        Word("皿", "Plate"),
        _WARES,
        _PATTERNS,
        _PLATES,
        (1400, 3200),
        ("和にも洋にも合う、使いやすい形です。", "A shape that suits any kitchen."),
        ("食器", "和食器"),
    ),
    Range(
        "マグ・湯呑み Mugs",
        "MUG",
        Word("マグカップ", "Mug"),
        _WARES,
        _PATTERNS,
        words("220ml*0.9; 300ml; 380ml*1.15"),
        (1500, 2800),
        ("持ち手に指がしっかりかかります。", "A handle that holds well."),
        ("食器", "ギフト"),
    ),
    Range(
        "ガラス Glass",
        "GLS",
        Word("ガラス", "Glass"),
        words("江戸切子=Edo cut glass*4; 津軽びいどろ=Tsugaru glass*1.5; 琉球=Ryukyu glass*1.3"),
        _COLOURS,
        words("猪口=sake cup*0.8; タンブラー=tumbler; 花器=vase*1.8"),
        (1800, 3600),
        ("光を受けて色が美しく映ります。", "Colours that live in the light."),
        ("食器", "ギフト", "職人"),
    ),
    Range(
        "箸・木のもの Wood",
        "WOD",
        Word("", "Woodenware"),
        _WOODS,
        words("箸=chopsticks*0.6; 椀=soup bowl*1.6; 盆=tray*2.2; スプーン=spoon*0.5"),
        _BOWLS,
        (1500, 2400),
        ("木の手触りを生かした仕上げです。", "Finished so that the wood can be felt."),
        ("食器", "木工"),
    ),
    Range(
        "庖丁 Knives",
        "KNF",
        Word("庖丁", "Knife"),
        words("堺=Sakai*1.3; 関=Seki; 越前=Echizen*1.15"),
        words("三徳=santoku; 牛刀=gyuto*1.2; ペティ=petty*0.7; 菜切=nakiri"),
        words("白紙鋼=white steel; ステンレス=stainless*0.8; ダマスカス=damascus*1.9"),
        (7800, 14500),
        ("研ぎ直しながら長く使えます。", "To be sharpened and kept for years."),
        ("台所", "職人"),
    ),
    Range(
        "ノート Notebooks",
        "NOT",
        Word("ノート", "Notebook"),
        _PAPERS,
        _COLOURS,
        _FORMATS,
        (480, 980),
        ("インクがにじみにくく、書き心地なめらか。", "Smooth to write on; ink does not bleed."),
        ("文具", "紙もの"),
    ),
    Range(
        "便箋・封筒 Letters",
        "LET",
        Word("便箋", "Letter set"),
        _PAPERS,
        _COLOURS,
        words("10枚=10 sheets*0.7; 20枚=20 sheets"),
        (420, 860),
        ("季節の便りに。封筒つきです。", "For letters in every season, with envelopes."),
        ("文具", "紙もの", "ギフト"),
    ),
    Range(
        "筆記具 Pens",
        "PEN",
        Word("", "Pen"),
        words(
            "万年筆=fountain pen*6; ボールペン=ballpoint; 筆ペン=brush pen*0.7; "
            "鉛筆 12本=12 pencils*0.9"
        ),
        _COLOURS,
        words("細=fine; 中=medium; 太=broad"),
        (700, 1500),
        ("長く書いても疲れにくい軸です。", "Comfortable to hold for long."),
        ("文具",),
    ),
    Range(
        "布・風呂敷 Cloth",
        "FRS",
        Word("風呂敷", "Wrapping cloth"),
        _COLOURS,
        words("麻の葉=hemp leaf; 七宝=seven treasures; 無地=plain*0.8"),
        words("50cm*0.6; 70cm; 100cm*1.6"),
        (1300, 2400),
        ("包む、敷く、飾る。使い方はさまざまです。", "To wrap, to lay, to hang."),
        ("布", "ギフト"),
    ),
    Range(
        "食卓の味 Pantry",
        "PAN",
        Word("", "Pantry"),
        words("小豆島=Shodoshima*1.2; 能登=Noto*1.1; 枕崎=Makurazaki"),
        words("醤油=soy sauce; だし=dashi*1.1; 塩=salt*0.6; 味噌=miso; 七味=seven spices*0.7"),
        words("小瓶=small*0.6; 大瓶=large; 詰合せ=gift box*2.6"),
        (780, 1300),
        ("器と一緒に贈りたい、つくり手の味です。", "From small makers, to give with a bowl."),
        ("食品", "ギフト"),
    ),
)

PROFILE = Profile(
    slug="utsuwa",
    name="器と紙 Utsuwa & Paper",
    settings={
        "currency": "JPY",
        "standard_tax_rate": Decimal(10),
        "tax_rounding": "half_up",
        "prices_include_tax": True,
        "locale": "ja",
        "time_zone": "Asia/Tokyo",
    },
    members=(
        Member("owner", "森 直樹 (Naoki Mori)"),
        Member("manager", "Charlotte Bennett"),
        Member("staff", "青木 葵 (Aoi Aoki)"),
        Member("viewer", "James Porter"),
    ),
    branches=(
        Branch("器 Tableware", None, "standard"),
        Branch("陶磁器 Ceramics", "器 Tableware", "standard"),
        Branch("飯碗 Rice bowls", "陶磁器 Ceramics", "standard"),
        Branch("皿 Plates", "陶磁器 Ceramics", "standard"),
        Branch("マグ・湯呑み Mugs", "陶磁器 Ceramics", "standard"),
        Branch("ガラス Glass", "器 Tableware", "standard"),
        Branch("箸・木のもの Wood", "器 Tableware", "standard"),
        Branch("台所 Kitchen", None, "standard"),
        Branch("庖丁 Knives", "台所 Kitchen", "standard", requires_approval=True),
        Branch("食卓の味 Pantry", "台所 Kitchen", "reduced"),
        Branch("紙と文具 Paper", None, "standard"),
        Branch("ノート Notebooks", "紙と文具 Paper", "standard"),
        Branch("便箋・封筒 Letters", "紙と文具 Paper", "standard"),
        Branch("筆記具 Pens", "紙と文具 Paper", "standard"),
        Branch("布・風呂敷 Cloth", None, "standard"),
    ),
    ranges=RANGES,
    makers=(
        Makers(
            "器 Tableware",
            ("うつわ日和", "白磁堂", "窯 Kama", "ことりの木工", "硝子工房ひかり", "Nordlys & Niwa"),
            (
                ("mino-togyo", "美濃陶業"),
                ("hasami-works", "Hasami Works"),
                ("mokkou-sato", "木工さとう"),
                ("ryukyu-glass", "琉球硝子舎"),
            ),
        ),
        Makers(
            "台所 Kitchen",
            ("刃物屋まつ", "里山の味", "台所道具はる"),
            (("seki-hamono", "関刃物組合"), ("shima-foods", "島の食品")),
        ),
        Makers(
            "紙と文具 Paper",
            ("紙の森", "Inkwell Kyoto", "手紙舎みずいろ"),
            (("washi-donya", "和紙問屋つばき"), ("paper-lane", "Paper Lane Ltd")),
        ),
        Makers(
            "布・風呂敷 Cloth",
            ("藍と布", "包みや"),
            (("aizome", "藍染工房"),),
        ),
    ),
    tags=("新着", "人気", "一点もの", "電子レンジ可", "名入れ可"),
    name_pattern="{first} {noun} {second} {size} / {noun_gloss}, {second_gloss}, {first_gloss}",
    description_pattern=(
        "{first}・{second}。{note}\n\n{noun_gloss}: {first_gloss}, {second_gloss}. {note_gloss}"
    ),
    price_steps=(
        (Decimal(1000), Decimal(11)),
        (Decimal(5000), Decimal(55)),
        (Decimal(100_000), Decimal(110)),
    ),
    buyer=people.japanese_buyer,
    comments=comments.JAPANESE,
    order_notes=comments.JAPANESE_NOTES,
    pack_option="入数",
    packs=words("2客組=set of 2*1.9; 5客組=set of 5*4.6; 桐箱入り=wooden box*2.4"),
)
