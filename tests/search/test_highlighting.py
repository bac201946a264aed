"""Finds are marked in the text as it was written."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noren_kit.search.folding import wanted_terms
from noren_kit.search.highlighting import SNIPPET, highlight


@pytest.mark.parametrize(
    ("text", "search", "expected"),
    [
        ("White heart t-light", "HEART", "White <em>heart</em> t-light"),
        ("White hearts", "hear", "White <em>hearts</em>"),
        ("Sweetheart", "heart", None),
        ("Café crème", "cafe CREME", "<em>Café</em> <em>crème</em>"),
        ("Cafe\u0301 au lait", "café", "<em>Cafe\u0301</em> au lait"),
        ("ＡＢＣ ware", "abc", "<em>ＡＢＣ</em> ware"),
        ("ﾊｰﾄの皿", "ハート", "<em>ﾊｰﾄ</em>の皿"),
        ("ﾃﾞﾆﾑ", "デニム", "<em>ﾃﾞﾆﾑ</em>"),
        ("手作り日本茶", "日本", "手作り<em>日本</em>茶"),
        ("日本茶", "茶", "日本<em>茶</em>"),
        ('b<b>&"heart" <', "heart", "b&lt;b&gt;&amp;&quot;<em>heart</em>&quot; &lt;"),
        ("ﬁne ½ İzmir", "fine izmir", "<em>ﬁne</em> ½ <em>İzmir</em>"),
        ("nothing", "★", None),
        ("", "x", None),
    ],
)
def test_finds_are_marked(text: str, search: str, expected: str | None) -> None:
    assert highlight(text, wanted_terms(search)) == expected


def test_long_texts_are_cut_around_the_first_find() -> None:
    words = "lorem ipsum dolor sit amet " * 20
    for text in (f"{words}heart {words}", f"heart {words}", f"{words}heart"):
        shown = highlight(text, wanted_terms("heart"))
        assert shown is not None
        assert "<em>heart</em>" in shown
        bare = html.unescape(shown.replace("<em>", "").replace("</em>", ""))
        assert len(bare) <= SNIPPET + 2
        assert bare.strip("…") in text
        assert bare.startswith("…") == (not text.startswith("heart"))
        assert bare.endswith("…") == (not text.endswith("heart"))
    japanese = "日本の職人が作る" * 50 + "急須" + "四季の茶" * 50
    shown = highlight(japanese, wanted_terms("急須"))
    assert shown is not None
    assert shown.count("<em>急須</em>") == 1
    assert len(shown) <= SNIPPET + 11


@given(st.text(max_size=300), st.text(min_size=1, max_size=10))
def test_nothing_but_marks_is_added(text: str, search: str) -> None:
    """Whatever stands in the text, no HTML but ours comes out, and the text is a part of it."""
    shown = highlight(text, wanted_terms(search))
    if shown is None:
        return
    pieces = re.split(r"(</?em>)", shown)
    assert pieces[1::4] == ["<em>"] * len(pieces[1::4])
    assert pieces[3::4] == ["</em>"] * len(pieces[1::4])
    bare = "".join(pieces[::2])
    assert "<" not in bare
    assert ">" not in bare
    plain = html.unescape(bare)
    assert plain in text or plain.removeprefix("…").removesuffix("…") in text
