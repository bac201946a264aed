"""A Japanese tea and sweets shop: food at 8 %, goods and drink with alcohol at 10 %."""

from __future__ import annotations

from decimal import Decimal

from noren.demo.words import comments, people
from noren.demo.words.profile import Branch, Makers, Member, Profile, Range, Word, words

_ORIGINS = words(
    "静岡=Shizuoka; 宇治=Uji*1.3; 八女=Yame*1.2; 知覧=Chiran*1.05; "
    "狭山=Sayama*1.05; 嬉野=Ureshino*1.1; 伊勢=Ise; 土佐=Tosa*1.05; "
    "朝宮=Asamiya*1.25"
)
_CULTIVARS = words(
    "やぶきた=Yabukita; さえみどり=Saemidori*1.25; "
    "つゆひかり=Tsuyuhikari*1.15; おくみどり=Okumidori*1.2; "
    "ゆたかみどり=Yutakamidori*1.05"
)
_BAGS = words("50g*0.6; 100g; 200g*1.85; 500g 業務用*4.2")
_TEA_BAGS = words("ティーバッグ 10個入*0.7; 80g; 150g*1.7; 300g 業務用*3.1")
_GRADES = words("上=superior*1.2; 特上=premium*1.7; 徳用=everyday*0.7")
_FLAVOURS = words(
    "抹茶=matcha*1.1; ほうじ茶=roasted tea; 黒糖=brown sugar; 柚子=yuzu*1.1; "
    "栗=chestnut*1.2; さつまいも=sweet potato; 黒ごま=black sesame; "
    "桜=cherry blossom*1.15"
)
_BOXES = words("5個入=box of 5; 10個入=box of 10*1.9; 20個入=box of 20*3.7")
_KILNS = words(
    "常滑焼=Tokoname ware; 有田焼=Arita ware*1.3; 萩焼=Hagi ware*1.25; "
    "備前焼=Bizen ware*1.35; 九谷焼=Kutani ware*1.5; "
    "信楽焼=Shigaraki ware*1.1"
)
_GLAZES = words(
    "朱泥=red clay; 青磁=celadon*1.1; 粉引=white slip; 黒釉=black glaze; 染付=blue and white*1.15"
)
_VOLUMES = words("小=small*0.85; 中=medium; 大=large*1.3")

RANGES = (
    Range(
        "煎茶",
        "SEN",
        Word("煎茶", "Sencha"),
        _ORIGINS,
        _CULTIVARS,
        _BAGS,
        (850, 1500),
        (
            "渋みと旨みの釣り合いがよく、毎日のお茶に向きます。",
            "Balanced and fresh, for every day.",
        ),
        ("緑茶", "日本茶"),
    ),
    Range(
        "深蒸し煎茶",
        "FUK",
        Word("深蒸し煎茶", "Deep-steamed sencha"),
        _ORIGINS[:5],
        _CULTIVARS,
        _BAGS,
        (800, 1400),
        ("濃い水色とまろやかな甘みが特長です。", "Deep green in the cup, round and sweet."),
        ("緑茶", "日本茶", "水出し"),
    ),
    Range(
        "玉露",
        "GYO",
        Word("玉露", "Gyokuro"),
        _ORIGINS[1:3],
        _CULTIVARS[1:4],
        words("30g*0.7; 50g; 100g*1.9"),
        (2400, 4200),
        (
            "覆いの下で育てた、とろりとした旨みのお茶です。",
            "Grown in the shade: thick, sweet, savoury.",
        ),
        ("緑茶", "高級", "ギフト"),
    ),
    Range(
        "抹茶",
        "MAT",
        Word("抹茶", "Matcha"),
        _ORIGINS[1:6],
        words("薄茶用=for thin tea; 濃茶用=for thick tea*1.8; 製菓用=for baking*0.5"),
        words("20g*0.6; 40g; 100g*2.2"),
        (1600, 2600),
        ("石臼でひいた、香り高い抹茶です。", "Stone-ground and fragrant."),
        ("抹茶", "茶道"),
    ),
    Range(
        "ほうじ茶",
        "HOJ",
        Word("ほうじ茶", "Roasted tea"),
        _ORIGINS,
        words("浅炒り=light roast; 深炒り=dark roast; 茎=stem*1.15"),
        _TEA_BAGS,
        (600, 950),
        ("香ばしく、食後や夜にも飲みやすいお茶です。", "Toasty and gentle, also in the evening."),
        ("ほうじ茶", "低カフェイン"),
    ),
    Range(
        "玄米茶",
        "GEN",
        Word("玄米茶", "Genmaicha"),
        _ORIGINS[:5],
        _GRADES,
        _TEA_BAGS,
        (550, 900),
        ("炒った玄米の香りが広がります。", "With the scent of toasted rice."),
        ("緑茶", "徳用"),
    ),
    Range(
        "紅茶",
        "KOU",
        Word("和紅茶", "Japanese black tea"),
        _ORIGINS[:6],
        words("べにふうき=Benifuuki*1.1; べにひかり=Benihikari*1.15; やぶきた=Yabukita"),
        _TEA_BAGS,
        (750, 1300),
        ("やわらかな渋みの国産紅茶です。", "A mellow black tea grown in Japan."),
        ("紅茶", "国産"),
    ),
    Range(
        "中国茶",
        "CHU",
        Word("", "Chinese tea"),
        words("台湾=Taiwan*1.2; 福建=Fujian; 雲南=Yunnan"),
        words("烏龍茶=oolong; 鉄観音=Tieguanyin*1.3; 普洱茶=Pu'er*1.2; 白牡丹=white peony*1.4"),
        _BAGS,
        (1000, 1800),
        ("何煎も楽しめる、花のような香りです。", "Floral, and good for many infusions."),
        ("中国茶",),
    ),
    Range(
        "焼き菓子",
        "YAK",
        Word("", "Cakes"),
        _FLAVOURS,
        words("どら焼き=dorayaki; カステラ=castella*1.3; フィナンシェ=financiers*1.2; 最中=monaka"),
        _BOXES,
        (900, 1400),
        ("お茶によく合う、しっとりした焼き菓子です。", "Soft cakes that go with tea."),
        ("和菓子", "ギフト"),
    ),
    Range(
        "羊羹・生菓子",
        "YOK",
        Word("", "Yokan"),
        _FLAVOURS,
        words("練り羊羹=firm; 水羊羹=soft*0.9; 蒸し羊羹=steamed"),
        words("一口 5本=five bites*0.8; 1本=one bar; 3本=three bars*2.8"),
        (950, 1500),
        ("北海道産の小豆をじっくり炊き上げました。", "Slowly cooked with beans from Hokkaido."),
        ("和菓子", "日持ち"),
    ),
    Range(
        "煎餅・あられ",
        "SBE",
        Word("", "Rice crackers"),
        words("醤油=soy sauce; 海苔=nori*1.1; えび=shrimp*1.2; ざらめ=sugar; 七味=seven spices"),
        words("厚焼き煎餅=thick; 薄焼き煎餅=thin; ぬれ煎餅=moist*1.1"),
        _BOXES,
        (500, 850),
        ("国産のうるち米を香ばしく焼きました。", "Made from Japanese rice, baked until crisp."),
        ("米菓", "おやつ"),
    ),
    Range(
        "急須",
        "KYU",
        Word("急須", "Teapot"),
        _KILNS,
        _GLAZES,
        _VOLUMES,
        (3800, 7200),
        (
            "茶葉が開きやすく、最後の一滴までよく切れます。",
            "Lets leaves open and pours to the last drop.",
        ),
        ("茶器", "陶磁器"),
    ),
    Range(
        "湯呑み・茶碗",
        "YUN",
        Word("湯呑み", "Tea cup"),
        _KILNS,
        _GLAZES,
        _VOLUMES,
        (1400, 3200),
        ("手になじむ形に仕上げました。", "Shaped to lie well in the hand."),
        ("茶器", "陶磁器"),
    ),
    Range(
        "茶道具",
        "DOG",
        Word("", "Tea utensils"),
        words("高山=Takayama*1.3; 京=Kyoto*1.4; 桜皮=cherry bark*1.5"),
        words("茶筅=whisk; 茶杓=scoop*0.7; 茶筒=canister*1.2; 茶こし=strainer*0.4"),
        words("並=plain; 上=fine*1.6"),
        (2200, 3600),
        ("職人がひとつずつ手でつくっています。", "Made one by one by hand."),
        ("茶器", "職人"),
    ),
    Range(
        "お酒",
        "SAK",
        Word("リキュール", "Liqueur"),
        words("梅=plum; 煎茶=sencha*1.1; 柚子=yuzu*1.1; ほうじ茶=roasted tea*1.1"),
        words("にごり=cloudy; 三年熟成=aged three years*1.6"),
        words("300ml*0.6; 720ml"),
        (1800, 2600),
        ("お酒は20歳になってから。", "Not sold to persons under 20."),
        ("お酒",),
    ),
)

PROFILE = Profile(
    slug="tsukimachi",
    name="月待茶舗 Tsukimachi Tea",
    settings={
        "currency": "JPY",
        "standard_tax_rate": Decimal(10),
        "tax_rounding": "floor",
        "prices_include_tax": False,
        "locale": "ja",
        "time_zone": "Asia/Tokyo",
    },
    members=(
        Member("owner", "月待 さくら (Sakura Tsukimachi)"),
        Member("manager", "高橋 健太 (Kenta Takahashi)"),
        Member("staff", "Emma Clarke"),
        Member("viewer", "小川 千尋 (Chihiro Ogawa)"),
    ),
    branches=(
        Branch("お茶", None, "reduced"),
        Branch("日本茶", "お茶", "reduced"),
        Branch("煎茶", "日本茶", "reduced"),
        Branch("深蒸し煎茶", "日本茶", "reduced"),
        Branch("玉露", "日本茶", "reduced"),
        Branch("抹茶", "日本茶", "reduced"),
        Branch("ほうじ茶", "日本茶", "reduced"),
        Branch("玄米茶", "日本茶", "reduced"),
        Branch("世界のお茶", "お茶", "reduced"),
        Branch("紅茶", "世界のお茶", "reduced"),
        Branch("中国茶", "世界のお茶", "reduced"),
        Branch("お菓子", None, "reduced"),
        Branch("焼き菓子", "お菓子", "reduced"),
        Branch("羊羹・生菓子", "お菓子", "reduced"),
        Branch("煎餅・あられ", "お菓子", "reduced"),
        Branch("茶器", None, "standard"),
        Branch("急須", "茶器", "standard"),
        Branch("湯呑み・茶碗", "茶器", "standard"),
        Branch("茶道具", "茶器", "standard"),
        Branch("お酒", None, "standard", requires_approval=True),
    ),
    ranges=RANGES,
    makers=(
        Makers(
            "お茶",
            ("月待", "山霧園", "露光堂", "茶のみち", "みどり舎", "翠明園", "丘の茶工房"),
            (
                ("makinohara-chagyo", "牧之原茶業"),
                ("uji-seicha", "宇治製茶販売"),
                ("yame-nouen", "八女の里農園"),
                ("tea-bridge", "Tea Bridge Trading"),
            ),
        ),
        Makers(
            "お菓子",
            ("古都の香", "木漏れ日菓子店", "笹舟", "鶴の子堂"),
            (("kita-azuki", "北の小豆本舗"), ("kome-no-hana", "米の花製菓")),
        ),
        Makers(
            "茶器",
            ("窯元あおい", "土と火", "Leaf & Stone"),
            (("toki-shokai", "陶器商会"), ("chikusen", "竹扇工芸")),
        ),
        Makers(
            "お酒",
            ("梅のしずく", "夜長"),
            (("umeda-shuzo", "梅田酒造"),),
        ),
    ),
    tags=("新茶", "人気", "ギフト", "季節限定", "送料無料"),
    name_pattern="{first} {noun} {second} {size}",
    description_pattern=(
        "{name}。{note}\n\n{noun_gloss}: {first_gloss}, {second_gloss}. {note_gloss}"
    ),
    price_steps=(
        (Decimal(1000), Decimal(10)),
        (Decimal(5000), Decimal(50)),
        (Decimal(100_000), Decimal(100)),
    ),
    buyer=people.japanese_buyer,
    comments=comments.JAPANESE,
    order_notes=comments.JAPANESE_NOTES,
    pack_option="内容量",
    packs=words("2個組=set of 2*1.9; 5個組=set of 5*4.6; ギフト箱入り=gift box*2.2"),
)
