"""
Thirty newsletters, in the styles that builders and people write.

Nothing remote, no real brand.  PLAIN says how each is sent: its charset and
transfer encoding (utf-8, quoted-printable if not named here).
"""

PIXEL = ("data:image/gif;base64,"
         "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
LOREM = ("Spring has come to the hills, and with it light jackets, dry boots "
         "and the first long evenings out of doors.")


def picture(width, height, color, more=""):
    return (f'<img src="{PIXEL}" width="{width}" height="{height}" alt="" '
            f'style="display:block;border:0;background:{color};{more}">')


def page(body, head="", html="", of=""):
    return (f'<!DOCTYPE html>\n<html{html}>\n<head>\n<meta charset="utf-8">\n'
            f"<title>Offers</title>\n{head}</head>\n<body{of}>\n{body}\n"
            "</body>\n</html>\n")


def section(color, text, width=600):
    """As MJML writes one: a ghost table for Outlook, a div, a table."""
    return f'''
<!--[if mso | IE]><table align="center" border="0" cellpadding="0"
 cellspacing="0" style="width:{width}px" width="{width}"><tr><td
 style="line-height:0px;mso-line-height-rule:exactly;"><![endif]-->
<div style="background:{color};margin:0px auto;max-width:{width}px;">
<table align="center" border="0" cellpadding="0" cellspacing="0"
 role="presentation" style="background:{color};width:100%;"><tbody><tr>
<td style="direction:ltr;font-size:0px;padding:20px 0;text-align:center;">
<!--[if mso | IE]><table border="0"><tr><td width="{width}"><![endif]-->
<div class="mj-column-per-100" style="font-size:0px;text-align:left;
 direction:ltr;display:inline-block;vertical-align:top;width:100%;">
<table border="0" cellpadding="0" cellspacing="0" role="presentation"
 style="vertical-align:top;" width="100%"><tbody><tr><td align="left"
 style="font-size:0px;padding:10px 25px;word-break:break-word;">
<div style="font-family:Ubuntu,Helvetica,Arial,sans-serif;font-size:14px;
 line-height:1.4;text-align:left;color:#333333;">{text}</div>
</td></tr></tbody></table></div>
<!--[if mso | IE]></td></tr></table><![endif]-->
</td></tr></tbody></table></div>
<!--[if mso | IE]></td></tr></table><![endif]-->'''


def button(text, color="#0a7f5a"):
    """With VML around it for Outlook."""
    return f'''<div><!--[if mso]><v:roundrect
 xmlns:v="urn:schemas-microsoft-com:vml" href="https://shop.acme.example/"
 style="height:40px;v-text-anchor:middle;width:200px;" arcsize="10%"
 fillcolor="{color}"><w:anchorlock/><center style="color:#ffffff;">{text}
</center></v:roundrect><![endif]--><!--[if !mso]><!--><a
 href="https://shop.acme.example/" style="background-color:{color};
border-radius:4px;color:#ffffff;display:inline-block;font-family:sans-serif;
font-size:13px;font-weight:bold;line-height:40px;text-align:center;
text-decoration:none;width:200px;mso-hide:all;">{text}</a><!--<![endif]-->
</div>'''


def rows(count, cell):
    return "".join(f"<tr>{cell.format(i)}</tr>\n" for i in range(count))


NEWSLETTERS = {}
PLAIN = {}

NEWSLETTERS["mjml"] = page(
    '<div style="display:none;font-size:1px;color:#ffffff;line-height:1px;'
    'max-height:0px;max-width:0px;opacity:0;overflow:hidden;">New boots</div>'
    '<div style="background-color:#f4f4f4;">' +
    section("#ffffff", "<b>Acme Outdoor</b>") +
    section("#d9ead3", LOREM + "<br><br>" + button("To the boots")) +
    section("#ffffff", LOREM) + "</div>",
    '<style type="text/css">#outlook a { padding:0; } body { margin:0;'
    "padding:0;-webkit-text-size-adjust:100% } table, td { "
    "border-collapse:collapse;mso-table-lspace:0pt } img { border:0 } "
    "p { display:block;margin:13px 0; }</style>\n<!--[if mso]><noscript><xml>"
    "<o:OfficeDocumentSettings><o:AllowPNG/></o:OfficeDocumentSettings></xml>"
    "</noscript><![endif]-->\n<style>@media only screen and (min-width:480px)"
    " { .mj-column-per-100 { width:100% !important; } }</style>\n",
    ' lang="en" xmlns:v="urn:schemas-microsoft-com:vml"',
    ' style="word-spacing:normal;background-color:#f4f4f4;"')

NEWSLETTERS["mailchimp-like"] = page(f'''
<!--*|IF:MC_PREVIEW_TEXT|*--><!--[if !gte mso 9]><!----><span
 class="mcnPreviewText" style="display:none; font-size:0px; line-height:0px;
 max-height:0px; max-width:0px; opacity:0; overflow:hidden; visibility:hidden;
 mso-hide:all;">A preview</span><!--<![endif]--><!--*|END:IF|*-->
<center><table align="center" border="0" cellpadding="0" cellspacing="0"
 height="100%" width="100%" id="bodyTable"><tr><td align="center" valign="top"
 id="bodyCell"><table border="0" cellpadding="0" cellspacing="0" width="100%"
 class="templateContainer"><tr><td valign="top" id="templateHeader"><table
 border="0" width="100%" class="mcnTextBlock"><tbody class="mcnTextBlockOuter">
<tr><td valign="top" class="mcnTextBlockInner" style="padding-top:9px;"><h1
 style="text-align:center">Spring</h1>{LOREM}</td></tr></tbody></table></td>
</tr><tr><td valign="top" id="templateBody">{picture(600, 180, "#7a9e7e")}
<p>{LOREM}</p><p>{LOREM}</p></td></tr></table></td></tr></table></center>
<script type="text/javascript">/* </body> */</script>''', '''<style>
body,#bodyTable,#bodyCell{height:100%;margin:0;padding:0;width:100%;}
table{border-collapse:collapse;}p{margin:10px 0;padding:0;}
#bodyTable{background-color:#FAFAFA;}.templateContainer{max-width:600px
!important;border:0;}a{color:#007C89;font-weight:normal;}h1{color:#202020;
font-family:Helvetica;font-size:26px;}td{font-family:Helvetica;color:#202020}
</style>''')

NEWSLETTERS["nested-tables"] = page('<div class="es-wrapper-color">' + "".join(
    f'''<table class="es-wrapper" width="100%" cellspacing="0"
 cellpadding="0" style="background-color:{c}"><tr><td class="esd-email-paddings"
 valign="top"><table class="es-content" cellspacing="0" cellpadding="0"
 align="center"><tbody><tr><td class="esd-stripe" align="center"><table
 class="es-content-body" width="600" cellspacing="0" cellpadding="0"
 bgcolor="#ffffff" align="center"><tbody><tr><td class="es-p20" align="left"
 style="padding:20px"><!--[if mso]><table width="560"><tr><td width="270"
 valign="top"><![endif]--><table class="es-left" cellspacing="0" align="left"
><tr><td width="270">{picture(250, 90, "#c96f4a")}</td></tr></table>
<!--[if mso]></td><td width="20"></td><td width="270"><![endif]--><table
 class="es-right" align="right"><tr><td width="270">{LOREM}</td></tr></table>
<!--[if mso]></td></tr></table><![endif]--></td></tr></tbody></table></td></tr>
</tbody></table></td></tr></table>''' for c in ("#f6f6f6", "#e8eef7")) +
    "</div>", "<style>.es-left{float:left}.es-right{float:right}"
    "@media only screen and (max-width:600px){.es-left,.es-right,"
    ".es-content-body{width:100%!important} td{display:block!important;"
    "width:100%!important}}</style>")

NEWSLETTERS["hostile-css"] = page(
    f'<div class="box"><p>{LOREM}</p><a class="show">Look</a></div>',
    "<style>* { color:#fafafa !important; font-size:0 !important }"
    "div,table,td { font-size:0; line-height:0; background:#fff !important }"
    "a { display:none !important } table { display:none; height:100% } "
    "td { visibility:hidden; padding:0 !important } "
    "p, .show { display:block !important; color:#222 !important; "
    "font-size:16px !important; line-height:24px }</style>")

NEWSLETTERS["hubspot-like"] = page(f'''
<div id="preview_text" style="display:none!important">Preview &#847; &zwnj;
</div><div class="hs_body-table" style="background-color:#eaf0f6;padding:20px">
<div id="hs_cos_wrapper_main" data-hs-cos-type="dnd_area"><div
 id="section-0" class="hse-section hse-section-first" style="padding:0 10px">
<!--[if !((mso)|(IE))]><!-- --><div class="hse-column-container"
 style="min-width:280px;max-width:600px;Margin-left:auto;Margin-right:auto;
 border-collapse:collapse;background-color:#fff;"><!--<![endif]-->
<!--[if (mso)|(IE)]><div class="hse-column-container"><table align="center"
 style="width:600px;"><tr style="background-color:#fff;"><![endif]-->
<div class="hse-column" style="padding:30px;font-family:Arial;
 font-size:15px;color:#23496d;line-height:175%"><p>{LOREM}</p>
<hr style="border:0;border-top:1px solid #99acc2">{button("Read", "#00a4bd")}
</div><!--[if (mso)|(IE)]></tr></table></div><![endif]-->
<!--[if !((mso)|(IE))]><!-- --></div><!--<![endif]--></div></div></div>
<img src="{PIXEL}" alt="" width="1" height="1" border="0"
 style="display:none!important;min-height:1px!important">''', html=' lang="en"')

NEWSLETTERS["word-export"] = f'''<html xmlns:v="urn:schemas-microsoft-com:vml"
xmlns:o="urn:schemas-microsoft-com:office:office"
xmlns="http://www.w3.org/TR/REC-html40"><head><meta name=Generator
content="Microsoft Word 15 (filtered medium)"><!--[if !mso]><style>v\\:* {{
behavior:url(#default#VML);}}</style><![endif]--><style><!--
@font-face {{font-family:Calibri;panose-1:2 15 5 2 2 2 4 3 2 4;}}
p.MsoNormal, li.MsoNormal {{margin:0cm;font-size:11.0pt;
font-family:"Calibri",sans-serif;}} a:link {{mso-style-priority:99;color:blue}}
div.WordSection1 {{page:WordSection1;}}
--></style><!--[if gte mso 9]><xml><o:shapedefaults v:ext="edit"
spidmax="1026" /></xml><![endif]--></head><body lang=EN-GB link=blue
vlink=purple style='word-wrap:break-word'><div class=WordSection1><p
class=MsoNormal>Dear customer,<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;
</o:p></p><p class=MsoNormal><span style='mso-fareast-language:EN-US'>{LOREM}
<o:p></o:p></span></p><p class=MsoNormal><![if !supportLists]><span
style='font-family:Symbol'>&middot;</span><![endif]>boots</p><table
class=MsoNormalTable border=0 cellspacing=0 cellpadding=0><tr
style='mso-yfti-irow:0'><td width=200 valign=top style='padding:0cm 5.4pt'><p
class=MsoNormal><b>Size</b></p></td><td><p class=MsoNormal>38 to 46</p></td>
</tr></table></div></body></html>
'''
PLAIN["word-export"] = ("windows-1252", "quoted-printable")

NEWSLETTERS["clipped-by-gmail"] = page(
    '<table width="600" align="center" cellpadding="4">' + rows(
        300, '<td width="60" style="background:#dde7f0;border-bottom:1px solid '
        '#99aabb;font:13px Arial,sans-serif;mso-line-height-rule:exactly">'
        'Nr. {0}</td><td style="border-bottom:1px solid #99aabb;font:13px '
        'Arial,sans-serif;color:#333333;padding:4px 8px">Article {0} of the '
        'spring list, in all sizes, while they last, and half the price this '
        "week</td>") + "</table>")

NEWSLETTERS["by-hand"] = f'''<html>
<body bgcolor="white">
<h2>Acme news</h2>
<p>{LOREM}
<p>{LOREM}
<ul><li>boots<li>jackets<li>tents</ul>
Yours,<br>
<b><i>Jana</i></b>
</body>
</html>'''
PLAIN["by-hand"] = ("us-ascii", "7bit")

NEWSLETTERS["dark-mode"] = page(
    f'<table width="600" align="center" class="card"><tr><td><h1>Night</h1>'
    f'<p>{LOREM}</p>{button("Look", "#3367d6")}</td></tr></table>',
    '<meta name="color-scheme" content="light dark"><meta name='
    '"supported-color-schemes" content="light dark"><style>:root{'
    "color-scheme:light dark;supported-color-schemes:light dark}"
    "body{margin:0;background:#f2f2f2;font-family:Arial}.card{background:#fff;"
    "color:#222}@media (prefers-color-scheme:dark){body{background:#111"
    "!important}.card{background:#1f1f1f!important;color:#eee!important}"
    "h1,p,td{color:#eee!important}}[data-ogsc] h1{color:#eee!important}"
    "</style>", ' lang="en"')

NEWSLETTERS["always-dark"] = page(
    '<div style="background:#000;color:#ddd;padding:30px;font-family:Georgia">'
    f"<h1>Cinema</h1><p>{LOREM}</p></div>", of=' style="margin:0;'
    'background-color:#000000" bgcolor="#000000"')

NEWSLETTERS["arabic"] = page(
    '<table width="600" align="center" dir="rtl" style="font:18px Tahoma;'
    'background:#fff8e8"><tr><td style="padding:20px;text-align:right">'
    "<h1>عروض الربيع</h1><p>مرحبا آنا، أحذية بنصف السعر هذا الأسبوع فقط.</p>"
    "</td></tr></table>", html=' lang="ar" dir="rtl"')
PLAIN["arabic"] = ("utf-8", "base64")

NEWSLETTERS["hebrew-1255"] = (
    '<html dir="rtl" lang="he"><body style="direction:rtl;unicode-bidi:embed">'
    '<div style="font:18px Arial;padding:16px">שלום אנה, נעליים בחצי מחיר '
    "השבוע.<br>להתראות</div></body></html>\n")
PLAIN["hebrew-1255"] = ("windows-1255", "quoted-printable")

NEWSLETTERS["czech-1250"] = page(
    '<table width="600" align="center" style="border:1px solid #aaa"><tr><td '
    'style="font:15px Verdana;padding:20px"><h2>Příliš žluťoučký kůň</h2><p>'
    "Dobrý den, tento týden máme boty za polovinu. Těšíme se na Vás!</p></td>"
    "</tr></table>", html=' lang="cs"').replace("utf-8", "windows-1250")
PLAIN["czech-1250"] = ("windows-1250", "quoted-printable")

NEWSLETTERS["russian-koi8"] = (
    "<HTML><BODY BGCOLOR=#FFFFFF><FONT FACE=Arial SIZE=3>Здравствуйте, Анна!"
    "<BR>На этой неделе ботинки за полцены.</FONT></BODY></HTML>\n")
PLAIN["russian-koi8"] = ("koi8-r", "8bit")

NEWSLETTERS["japanese"] = (
    "<html><body><p>アンナ様</p><p>今週は靴が半額です。</p></body></html>\n")
PLAIN["japanese"] = ("iso-2022-jp", "7bit")

NEWSLETTERS["bulgarian-base64"] = page(
    '<div style="max-width:600px;margin:auto;font:16px Arial"><h3>Оферти</h3>'
    "<p>Само тази седмица: обувки на половин цена.</p></div>", html=' lang=bg')
PLAIN["bulgarian-base64"] = ("utf-8", "base64")

NEWSLETTERS["no-body-tag"] = (
    f"<!DOCTYPE html><title>x</title><p>{LOREM}</p><p>{LOREM}</p>\n")

NEWSLETTERS["fragment"] = (
    f'<div style="font:14px Arial;color:#333">{LOREM}<br><br>'
    '<a href="https://shop.acme.example/">Shop</a></div>')

NEWSLETTERS["unclosed-tables"] = (
    '<html><body><table width="600" align="center" bgcolor="#eeeeee"><tr><td '
    f'style="padding:20px">{LOREM}<table width="100%"><tr><td>One<td>Two'
    "<tr><td>Three<td>Four</table><p>Bye</p>\n</body></html>\n")

NEWSLETTERS["unclosed-inline"] = (
    f"<html><body><center><font color=#884400 size=5><b>Acme<p>{LOREM}"
    '<div style="letter-spacing:3px;text-transform:uppercase;text-indent:40px">'
    "Until Sunday</body></html>")

NEWSLETTERS["with-amp"] = page(
    f'<table align="center" width="500"><tr><td>{LOREM}</td></tr></table>')

NEWSLETTERS["two-columns-phone"] = page(
    '<div style="max-width:600px;margin:0 auto;font-size:0">' + "".join(
        '<div class="col" style="display:inline-block;width:50%;min-width:'
        '240px;vertical-align:top"><div style="padding:10px;font:14px '
        f'Arial;background:{c}">{LOREM}</div></div>'
        for c in ("#fde", "#def", "#efd", "#ffd")) + "</div>",
    '<meta name="viewport" content="width=device-width"><style>@media screen '
    "and (max-width:480px){.col{width:100%!important}*[class=hide]{display:"
    "none!important}td{float:left;width:100%!important}}</style>")

NEWSLETTERS["css-background"] = page(
    '<table width="100%" background="" style="background:linear-gradient('
    '135deg,#264653,#2a9d8f);height:300px"><tr><td align="center" style="color:'
    f'#ffffff;font:22px Arial;padding:40px">{LOREM}</td></tr></table>',
    of=' style="margin:0;background-color:#264653;color:#ffffff"')

NEWSLETTERS["height-100"] = page(
    '<table width="100%" height="100%" style="height:100%"><tr><td '
    f'valign="middle" align="center"><p>{LOREM}</p></td></tr></table>',
    "<style>html,body{height:100%;margin:0}table{height:100%;width:100%}"
    "</style>")

NEWSLETTERS["positioned"] = page(
    '<div style="position:relative;width:600px;margin:0 auto;height:220px;'
    'background:#cde"><div style="position:absolute;top:20px;left:20px;'
    'background:#fff;padding:12px;width:300px">' + LOREM + "</div><div "
    'style="position:absolute;right:0;top:0;background:#c00;color:#fff">-50%'
    "</div></div>")

NEWSLETTERS["floats"] = page(
    '<div style="float:left;width:280px;background:#fed;padding:8px">' + LOREM +
    '</div><div style="float:left;width:280px;background:#def;padding:8px">' +
    LOREM + LOREM + "</div>")

NEWSLETTERS["gmail-reply-like"] = (
    '<div dir="ltr"><div>Hello Ann,</div><div><br></div><div>'
    f'{LOREM}</div><div><br></div>-- <br><div dir="ltr" class='
    '"gmail_signature" data-smartmail="gmail_signature"><div dir="ltr">Jana'
    "<br><i>Acme Outdoor</i></div></div></div>\n")

NEWSLETTERS["svg-and-style-in-body"] = page(
    "<style>.a{color:#345}/* </body> */</style>"
    '<svg width="200" height="60" viewBox="0 0 200 60"><title>Acme</title>'
    '<style>rect{fill:#567}</style><rect width="200" height="60"/><path '
    f'd="M0 0h20v20z" fill="#fff"/></svg><p class="a">{LOREM}</p>')

NEWSLETTERS["amp-like-form"] = page(
    '<form action="https://shop.acme.example/poll"><fieldset><legend>Which '
    'one?</legend><select name="s"><option>38</option><option>39</option>'
    '</select> <input type="radio" name="a"> boots <button>Vote</button>'
    f"</fieldset></form><details><summary>More</summary>{LOREM}</details>"
    f'<input type="hidden" name="x"><p>{LOREM}</p>')

NEWSLETTERS["text-after-html"] = (
    f"<html><body><p>{LOREM}</p></body></html>\n<p>Sent with the free edition "
    "of some tool.</p></body></html>\n")
