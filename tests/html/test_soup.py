"""html_end: html5lib, an independent reader, on where the footer came to be.

Random tag soup: wherever cm_html_end() is sure, the document with a footer
there must be the old one and one more element, in sight and behind all other
text (RMIME-8).  Random well-formed texts: it must be sure of all of them.
CM_LONG makes it as many times more.
"""
import os
import random

import html5lib
import pytest

from html_end import Places

ROUNDS = 1500 * int(os.environ.get("CM_LONG") or 1)
FOOTER = ('\n<table id="footer"><tr><td>stop <a href="u">here</a></td></tr>'
          "</table>\n")
# What hides, or moves, what is put into it.
NO_PLACE = set("""audio button canvas caption colgroup datalist details math
    meter noembed noframes noscript object optgroup option progress rp rt
    select style svg table tbody textarea tfoot thead title tr video xmp
    iframe script head applet marquee""".split())
INLINE = """a abbr b big code em font i nobr s small span strike strong tt u
    label q x-y o:p""".split()
BLOCKS = """address article aside blockquote center dir div dl fieldset
    figure footer form header h1 h2 h3 li nav ol p pre section ul dd dt
    """.split()
TABLES = "table tbody thead tr td th caption colgroup".split()
ODD = """button object select option optgroup svg math details applet marquee
    noscript ruby rp rt title textarea style script xmp noembed iframe
    """.split()
VOID = "br img hr input wbr col meta link embed".split()
HIDING = [' style="display:none"', " hidden", ' style="color:red;opacity:0"']
HARMLESS = ["", "", "", ' class="a"', " style='color:red'", " width=600",
            ' title="</body>"', " a='>'", ' style="font-size:0"']
TEXTS = ["x", " ", "\n", "text ", "&amp;", "<", "a < b", "&nbsp;"]
MARKUP = ["<!-- </body> -->", "<!-->", "<!--->", "<!-- a --!>", "<![if x]>",
          "<?x?>", "</>", "</3>", "<!---->", "<!--[if mso]><table><![endif]-->",
          "<![CDATA[ </body> ]]>", "</br>", "</p>", "<frameset>", "<body>",
          "<body class=a>", "<html lang=cs>", "</html>", "<head>", "</head>",
          "<br/>", "<svg/>", "<p/>", "<plaintext>", "</BODY >", "<image src=a>"]


def soup(rng):
    """Start and end tags of a few names, in no order at all."""
    names = rng.sample(INLINE, 3) + rng.sample(BLOCKS, 3)
    names += rng.choice([[], TABLES, rng.sample(ODD, 2), rng.sample(TABLES, 3)])
    out = [rng.choice(["", "<!DOCTYPE html>", "<html><body>", "<body>"])]
    for _ in range(rng.randrange(1, 24)):
        name = rng.choice(names)
        kind = rng.random()
        if kind < 0.40:
            of = rng.choice(HIDING if rng.random() < 0.15 else HARMLESS)
            out.append(f"<{name}{of}>")
        elif kind < 0.75:
            out.append(f"</{name}>")
        elif kind < 0.80:
            out.append(f"<{rng.choice(VOID)}>")
        elif kind < 0.85:
            out.append(rng.choice(MARKUP))
        else:
            out.append(rng.choice(TEXTS))
    out += rng.choice([[], ["</body>"], ["</body></html>\n"], ["</html>"],
                       ["</body>x"], ["</body>", "</body>"]])
    text = "".join(out)
    return text.upper() if rng.random() < 0.05 else text


def well_formed(rng, depth=0):
    """Everything closed, in order; what hides is closed as well."""
    out = []
    for _ in range(rng.randrange(1, 4)):
        kind = rng.random()
        if depth > 5 or kind < 0.25:
            out.append(rng.choice(["text", "<br>", "<img src=a>", "a &lt; b",
                                   "<!-- </body> -->", " ", "\n"]))
        elif kind < 0.45:
            name = rng.choice(INLINE)
            out.append(f"<{name}{rng.choice(HARMLESS + HIDING)}>text</{name}>")
        elif kind < 0.75:
            name = rng.choice(["div", "center", "section", "blockquote"])
            of = rng.choice(HARMLESS + HIDING)
            out.append(f"<{name}{of}>{well_formed(rng, depth + 1)}</{name}>")
        elif kind < 0.9:
            cells = "".join(f"<td{rng.choice(HARMLESS)}>"
                            f"{well_formed(rng, depth + 1)}</td>"
                            for _ in range(rng.randrange(1, 3)))
            out.append(f"<table><tr>{cells}</tr></table>")
        else:
            out.append(rng.choice([
                "<ul><li>a<li>b</ul>", "<p>a<p>b", "<select><option>a</select>",
                "<svg><g><path d=''/></g></svg>", "<button>a</button>",
                "<details><summary>a</summary>b</details>",
                "<style>p > a {color:red}</style>", "<table><tr><td>a<tr><td>b"
                "</table>", "<dl><dt>a<dd>b</dl>", "<noscript>a</noscript>",
                "<object><p>a</p></object>", "<textarea></p></textarea>",
                "<h1>a</h1>", "<video><source src=a></video>"]))
    return "".join(out)


def parse(text):
    return html5lib.parse(text, treebuilder="etree",
                          namespaceHTMLElements=False)


FORMATTING = set("a b big code em font i nobr s small strike strong tt u"
                 .split())


def shape(node):
    """
    A tree without its blanks, to be compared; and without formatting around
    nothing: where it is left open, our line end is formatted, too.
    """
    def bare(text):
        return "".join((text or "").split())
    out = [str(node.tag), sorted(node.attrib.items())]
    text = bare(node.text)
    for child in node:
        if not isinstance(child.tag, str):
            text += bare(child.tail)
            continue
        of = shape(child)
        if child.tag not in FORMATTING or of[2:] != [""]:
            out += [text, of]
            text = ""
        text += bare(child.tail)
    return out + [text]


def hides(element):
    style = element.get("style", "")
    return element.get("hidden") is not None or \
        "display:none" in style or "opacity:0" in style


def path_to(root, wanted):
    if root is wanted:
        return [root]
    for child in root:
        path = path_to(child, wanted)
        if path:
            return [root] + path
    return None


def text_behind(path):
    out = ""
    for parent, child in zip(path, path[1:]):
        out += child.tail or ""
        for later in list(parent)[list(parent).index(child) + 1:]:
            if isinstance(later.tag, str):
                out += "".join(later.itertext())
            out += later.tail or ""
    return out.strip()


def complaint(text, at):
    """What html5lib has against a footer at that place; None: nothing."""
    old = parse(text)
    new = parse(text[:at] + FOOTER + text[at:])
    found = [e for e in new.iter("table") if e.get("id") == "footer"]
    if len(found) != 1:
        return f"{len(found)} footers"
    path = path_to(new, found[0])
    if shape(found[0])[:2] != ["table", [("id", "footer")]] or \
            "".join(found[0].itertext()).split() != ["stop", "here"]:
        return "another footer"
    in_cell = False
    for element in path[-2::-1]:
        name = str(element.tag).rsplit("}", 1)[-1]
        in_cell = (in_cell or name in ("td", "th")) and name != "caption"
        if name in NO_PLACE and not (
                in_cell and name in ("tr", "tbody", "thead", "tfoot", "table")):
            return f"in a <{name}>"
        if name == "table":
            in_cell = False
        if hides(element):
            return "hidden"
    if text_behind(path):
        return f"in front of {text_behind(path)!r}"
    parent = path[-2]
    at = list(parent).index(found[0])
    if at:
        parent[at - 1].tail = (parent[at - 1].tail or "") + \
            (found[0].tail or "")
    else:
        parent.text = (parent.text or "") + (found[0].tail or "")
    parent.remove(found[0])
    return None if shape(old) == shape(new) else "the text is another"


@pytest.fixture(name="places", scope="module")
def start_places():
    with Places() as places:
        yield places


def test_soup(places):
    """RMIME-8: one node more, last, in sight; or left alone."""
    sure = 0
    for seed in range(ROUNDS):
        text = soup(random.Random(seed))
        at, why = places.ask(text.encode())
        if why is None:
            sure += 1
            wrong = complaint(text, at)
            assert wrong is None, f"{seed}: {wrong}: {text[:at]}|{text[at:]}"
    assert sure > ROUNDS / 4


def test_well_formed(places):
    """Nothing that is closed is a reason to leave a text alone."""
    for seed in range(ROUNDS):
        rng = random.Random(seed)
        text = rng.choice([
            "{}", "<body>{}</body>", "<html>{}</html>",
            "<!DOCTYPE html><html><head><title>a</title><style>p>a</style>"
            "</head><body>{}</body></html>\n"]).format(well_formed(rng))
        at, why = places.ask(text.encode())
        assert why is None, f"{seed}: {why}: {text}"
        wrong = complaint(text, at)
        assert wrong is None, f"{seed}: {wrong}: {text[:at]}|{text[at:]}"
