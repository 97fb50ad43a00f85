"""consentctl form: where people subscribe, and what to put on a site."""
import html.parser
import pathlib

import pytest

TEMPLATES = pathlib.Path(__file__).resolve().parents[2] / "conf/templates"
SETTINGS = f"""
templates = "{TEMPLATES}"
""" + """
web { base-url = "https://consent.acme.example" }
mail { domain = "m.acme.example" }
form "shop" {
    purpose = {"acme/newsletter", "acme/offers"}
    embed-on = {"https://shop.example"}
}
form "contest" { purpose = {"acme/offers"}  source = "contest" }
"""


class Tags(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def first(self, name):
        return next(attrs for tag, attrs in self.tags if tag == name)


@pytest.fixture(name="forms")
def make_forms(ctl):
    text = "\n".join(line for line in ctl.config.read_text().splitlines()
                     if not line.startswith(("web ", "mail ")))
    ctl.config.write_text(text + SETTINGS)
    return ctl


def test_list(forms):
    text = forms.run("form").stdout
    assert "shop\n  https://consent.acme.example/s/shop\n" in text
    assert "may stand on https://shop.example" in text
    assert "contest" not in forms.run("form", "shop").stdout
    assert forms.json("form", "contest") == {"forms": [{
        "name": "contest",
        "url": "https://consent.acme.example/s/contest",
        "source": "contest", "purposes": ["acme/offers"], "embed_on": []}]}


def test_snippets(forms):
    plain = forms.run("form", "shop", "--html", "--language", "cs")
    tags = Tags(plain.stdout)
    assert tags.first("form") == {
        "method": "post",
        "action": "https://consent.acme.example/s/shop/cs"}
    assert tags.first("input")["name"] == "email"
    assert "Pokračovat" in plain.stdout and "{{" not in plain.stdout
    assert "checkbox" not in plain.stdout and "script" not in plain.stdout
    assert plain.stderr == ""
    frame = forms.run("form", "shop", "--frame")
    assert Tags(frame.stdout).first("iframe")["src"] == \
        "https://consent.acme.example/s/shop"
    assert frame.stderr == ""
    assert "embed-on" in forms.run("form", "contest", "--frame").stderr


@pytest.mark.parametrize("words, code, says", [
    (["shp"], 1, 'there is no form "shp" in'),
    (["shp"], 1, 'did you mean "shop"?'),
    ([""], 1, "there is no form"),
    (["shop", "--language", "cs"], 64, "goes with --html or --frame"),
    (["shop", "--html", "--frame"], 64, "one of --html and --frame"),
    (["shop", "--html", "--language", "xx"], 64,
     'no templates in "xx" (bg, cs, en, pl, ru, sv)'),
])
def test_refused(forms, words, code, says):
    forms.fails("form", *words, code=code, says=says)


def test_without_a_form(ctl):
    ctl.fails("form", code=1, says="has no form: add form")
