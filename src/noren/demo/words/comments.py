"""What reviewers write, by the number of stars, and what customers note on orders."""

from __future__ import annotations

JAPANESE: dict[int, tuple[str, ...]] = {
    5: (
        "期待以上でした。また注文します。",
        "香りがよく、家族みんなのお気に入りです。",
        "贈り物にしたところ、とても喜ばれました。",
        "丁寧な梱包で、すぐに届きました。",
        "Lovely quality, and beautifully wrapped.",
        "",
    ),
    4: (
        "値段のわりにとても良いと思います。",
        "普段使いにちょうどいいです。",
        "写真より少し小さめですが、満足しています。",
        "Very good. I would buy it again.",
        "",
    ),
    3: (
        "可もなく不可もなくです。",
        "悪くはないのですが、少し好みと違いました。",
        "It is all right.",
    ),
    2: ("思っていたものと色味が違いました。", "届くまでに時間がかかりました。"),
    1: ("残念ながら箱がつぶれていました。", "Arrived damaged; the shop replaced it."),
}

ENGLISH: dict[int, tuple[str, ...]] = {
    5: (
        "Better than expected. I have ordered it twice since.",
        "A wonderful aroma that fills the whole house.",
        "Bought as a gift; they loved it.",
        "Carefully packed and quick to arrive.",
        "رائع جداً، شكراً لكم",
        "",
    ),
    4: (
        "Very good for the price.",
        "Good quality, slightly smaller than I thought.",
        "Would buy it again.",
        "",
    ),
    3: ("It is all right.", "Decent, though not quite to my taste."),
    2: ("The colour is different from the picture.", "Took a long time to arrive."),
    1: ("Arrived damaged; the shop replaced it.", "Not for me."),
}

JAPANESE_NOTES = (
    "のし紙「御礼」でお願いします。",
    "午前中の配達を希望します。",
    "置き配でお願いします。",
    "領収書を同封してください。",
    "Please leave it with the concierge.",
)
ENGLISH_NOTES = (
    "Please call before delivery.",
    "Gift wrapping, please.",
    "Leave it at the reception.",
    "Deliver after 4 pm.",
)
