/*
 * See charset.h.  Labels: IANA's character-sets registry, the encodings of
 * encoding.spec.whatwg.org, and what mail programs have sent since.
 *
 * Left out: EBCDIC and the national ISO 646 (no ASCII in them), cp864 ("%"
 * is another sign), TCVN (an accent may stand in the next octet), ISO-2022-CN
 * (nobody reads it), x-user-defined and unknown-8bit (nobody knows).
 */
#include "lib/charset.h"

#include <string.h>

#define ASCII CM_CHARSET_ASCII
#define UTF8  CM_CHARSET_UTF8
#define OCTET CM_CHARSET_OCTET
#define HIGH  CM_CHARSET_HIGH
#define TRAIL CM_CHARSET_TRAIL
#define SHIFT CM_CHARSET_SHIFT
#define WIDE  CM_CHARSET_WIDE

#define ROW(name, kind, labels, ...)                                           \
	{                                                                      \
		name, kind, name " " labels, {__VA_ARGS__}, false              \
	}

/* What mail has most comes first: the search is from the top. */
static const struct cm_charset table[] = {
	ROW("utf-8", UTF8,
	    "utf8 utf_8 unicode-1-1-utf-8 unicode11utf8 unicode20utf8 "
	    "x-unicode20utf8 csutf8",
	    NULL),
	ROW("us-ascii", ASCII,
	    "ascii ansi_x3.4-1968 ansi_x3.4-1986 iso_646.irv:1991 iso646-us "
	    "iso-ir-6 us csascii ibm367 cp367 646",
	    NULL),
	ROW("iso-8859-1", OCTET,
	    "iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 iso-ir-100 latin1 "
	    "latin-1 l1 csisolatin1 ibm819 cp819 8859-1 iso8859_1",
	    "CP1252", "ISO-8859-1"),
	ROW("windows-1252", OCTET, "cp1252 x-cp1252 cswindows1252 win-1252",
	    "CP1252"),
	ROW("windows-1250", OCTET, "cp1250 x-cp1250 cswindows1250 win-1250",
	    "CP1250"),
	ROW("windows-1251", OCTET, "cp1251 x-cp1251 cswindows1251 win-1251",
	    "CP1251"),
	ROW("iso-8859-2", OCTET,
	    "iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 iso-ir-101 latin2 "
	    "latin-2 l2 csisolatin2 8859-2 iso8859_2",
	    "ISO-8859-2"),
	ROW("iso-8859-15", OCTET,
	    "iso8859-15 iso885915 iso_8859-15 latin-9 latin9 l9 csisolatin9 "
	    "csiso885915 8859-15",
	    "ISO-8859-15"),
	ROW("koi8-r", OCTET, "koi8_r koi8 koi cskoi8r koi8r", "KOI8-R"),
	ROW("koi8-u", OCTET, "koi8_u cskoi8u koi8u", "KOI8-U"),
	ROW("koi8-ru", OCTET, "koi8_ru", "KOI8-RU", "KOI8-U"),
	ROW("koi8-t", OCTET, "", "KOI8-T"),
	ROW("iso-8859-3", OCTET,
	    "iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 iso-ir-109 latin3 "
	    "l3 csisolatin3",
	    "ISO-8859-3"),
	ROW("iso-8859-4", OCTET,
	    "iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 iso-ir-110 latin4 "
	    "l4 csisolatin4",
	    "ISO-8859-4"),
	ROW("iso-8859-5", OCTET,
	    "iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988 iso-ir-144 "
	    "cyrillic csisolatincyrillic",
	    "ISO-8859-5"),
	ROW("iso-8859-6", OCTET,
	    "iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987 iso-ir-127 arabic "
	    "ecma-114 asmo-708 csisolatinarabic iso-8859-6-e iso_8859-6-e "
	    "csiso88596e iso-8859-6-i iso_8859-6-i csiso88596i",
	    "ISO-8859-6"),
	ROW("iso-8859-7", OCTET,
	    "iso8859-7 iso88597 iso_8859-7 iso_8859-7:1987 iso-ir-126 greek "
	    "greek8 elot_928 ecma-118 csisolatingreek sun_eu_greek",
	    "ISO-8859-7"),
	{"iso-8859-8",
	 OCTET,
	 "iso-8859-8 iso8859-8 iso88598 iso_8859-8 iso_8859-8:1988 iso-ir-138 "
	 "hebrew csisolatinhebrew visual iso-8859-8-e iso_8859-8-e csiso88598e",
	 {"CP1255", "ISO-8859-8"},
	 true},
	ROW("iso-8859-8-i", OCTET, "iso_8859-8-i csiso88598i logical", "CP1255",
	    "ISO-8859-8"),
	ROW("iso-8859-9", OCTET,
	    "iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 iso-ir-148 latin5 "
	    "l5 csisolatin5",
	    "CP1254", "ISO-8859-9"),
	ROW("iso-8859-10", OCTET,
	    "iso8859-10 iso885910 iso_8859-10 iso_8859-10:1992 iso-ir-157 l6 "
	    "latin6 csisolatin6",
	    "ISO-8859-10"),
	ROW("iso-8859-11", OCTET,
	    "iso8859-11 iso885911 iso_8859-11 tis-620 tis620 tis620.2533 "
	    "cstis620",
	    "CP874", "ISO-8859-11", "TIS-620"),
	ROW("iso-8859-13", OCTET,
	    "iso8859-13 iso885913 iso_8859-13 latin7 l7 csiso885913",
	    "ISO-8859-13"),
	ROW("iso-8859-14", OCTET,
	    "iso8859-14 iso885914 iso_8859-14 iso_8859-14:1998 iso-ir-199 "
	    "latin8 l8 iso-celtic csiso885914",
	    "ISO-8859-14"),
	ROW("iso-8859-16", OCTET,
	    "iso8859-16 iso885916 iso_8859-16 iso_8859-16:2001 iso-ir-226 "
	    "latin10 l10 csiso885916",
	    "ISO-8859-16"),
	ROW("windows-1253", OCTET, "cp1253 x-cp1253 cswindows1253", "CP1253"),
	ROW("windows-1254", OCTET, "cp1254 x-cp1254 cswindows1254", "CP1254"),
	ROW("windows-1255", OCTET, "cp1255 x-cp1255 cswindows1255", "CP1255"),
	ROW("windows-1256", OCTET, "cp1256 x-cp1256 cswindows1256", "CP1256"),
	ROW("windows-1257", OCTET, "cp1257 x-cp1257 cswindows1257", "CP1257"),
	ROW("windows-1258", OCTET, "cp1258 x-cp1258 cswindows1258", "CP1258"),
	ROW("windows-874", OCTET, "cp874 dos-874 x-windows-874 cswindows874",
	    "CP874"),
	ROW("macintosh", OCTET, "mac x-mac-roman macroman csmacintosh",
	    "MACINTOSH"),
	ROW("x-mac-cyrillic", OCTET, "x-mac-ukrainian mac-cyrillic", "MAC-UK",
	    "MAC-CYRILLIC"),
	ROW("x-mac-ce", OCTET, "x-mac-centraleurroman mac-centraleurope",
	    "MAC-CENTRALEUROPE"),
	ROW("ibm437", OCTET, "cp437 437 cspc8codepage437", "CP437"),
	ROW("ibm737", OCTET, "cp737", "CP737"),
	ROW("ibm775", OCTET, "cp775 cspc775baltic", "CP775"),
	ROW("ibm850", OCTET, "cp850 850 cspc850multilingual", "CP850"),
	ROW("ibm852", OCTET, "cp852 852 cspcp852", "CP852"),
	ROW("ibm855", OCTET, "cp855 855 csibm855", "CP855"),
	ROW("ibm857", OCTET, "cp857 857 csibm857", "CP857"),
	ROW("ibm00858", OCTET, "cp858 ibm858 ccsid00858 cp00858 csibm00858",
	    "CP858"),
	ROW("ibm862", OCTET, "cp862 862 cspc862latinhebrew dos-862", "CP862"),
	ROW("ibm866", OCTET, "cp866 866 csibm866", "CP866"),
	ROW("hp-roman8", OCTET, "roman8 r8 cshproman8", "HP-ROMAN8"),
	ROW("viscii", OCTET, "csviscii viscii1.1-1", "VISCII"),
	ROW("armscii-8", OCTET, "", "ARMSCII-8"),
	ROW("georgian-ps", OCTET, "", "GEORGIAN-PS"),
	ROW("ptcp154", OCTET, "csptcp154 pt154 cp154 cyrillic-asian", "PT154"),
	ROW("gb2312", TRAIL,
	    "gb_2312 gb_2312-80 csgb2312 csgb231280 csiso58gb231280 chinese "
	    "iso-ir-58 euc-cn x-euc-cn cn-gb gb2312-80",
	    "GB18030", "CP936", "EUC-CN"),
	ROW("gbk", TRAIL, "cp936 ms936 windows-936 x-gbk csgbk", "GB18030",
	    "CP936", "GBK"),
	ROW("gb18030", TRAIL, "gb18030-2000 csgb18030", "GB18030"),
	ROW("big5", TRAIL,
	    "big-5 csbig5 cn-big5 x-x-big5 big5-eten cp950 windows-950",
	    "BIG5-HKSCS", "CP950", "BIG5"),
	ROW("big5-hkscs", TRAIL, "big5hkscs csbig5hkscs", "BIG5-HKSCS"),
	ROW("shift_jis", TRAIL,
	    "shift-jis sjis x-sjis ms_kanji csshiftjis shiftjis", "CP932",
	    "SJIS"),
	ROW("windows-31j", TRAIL, "cswindows31j ms932 cp932 windows-932",
	    "CP932"),
	ROW("euc-kr", TRAIL,
	    "cseuckr ks_c_5601-1987 ks_c_5601-1989 ks_c_5601 ksc_5601 ksc5601 "
	    "iso-ir-149 korean csksc56011987 euckr",
	    "CP949", "EUC-KR"),
	ROW("windows-949", TRAIL, "cp949 ms949 uhc x-windows-949", "CP949"),
	ROW("johab", TRAIL, "cp1361 ms1361 ks_c_5601-1992", "JOHAB"),
	ROW("euc-jp", HIGH,
	    "x-euc-jp cseucpkdfmtjapanese eucjp "
	    "extended_unix_code_packed_format_for_japanese",
	    "EUC-JP-MS", "EUC-JP"),
	ROW("euc-tw", HIGH, "x-euc-tw euctw", "EUC-TW"),
	ROW("iso-2022-jp", SHIFT, "csiso2022jp iso2022-jp iso2022jp",
	    "ISO-2022-JP-3", "ISO-2022-JP"),
	ROW("iso-2022-jp-2", SHIFT, "csiso2022jp2", "ISO-2022-JP-2"),
	ROW("iso-2022-kr", SHIFT, "csiso2022kr iso2022-kr iso2022kr",
	    "ISO-2022-KR"),
	ROW("hz-gb-2312", SHIFT, "hz cshzgb2312 hz-gb2312", "EUC-CN"),
	ROW("utf-7", SHIFT, "utf7 unicode-1-1-utf-7 csutf7", "UTF-7"),
	ROW("utf-16", WIDE,
	    "utf16 csutf16 unicode ucs-2 iso-10646-ucs-2 csunicode", NULL),
	ROW("utf-16le", WIDE, "utf-16-le utf16le csutf16le unicodefeff",
	    "UTF-16LE"),
	ROW("utf-16be", WIDE, "utf-16-be utf16be csutf16be unicodefffe",
	    "UTF-16BE"),
	ROW("utf-32", WIDE, "utf32 csutf32 ucs-4 iso-10646-ucs-4 csucs4", NULL),
	ROW("utf-32le", WIDE, "utf-32-le utf32le csutf32le", "UTF-32LE"),
	ROW("utf-32be", WIDE, "utf-32-be utf32be csutf32be", "UTF-32BE"),
};

const struct cm_charset *cm_charset_at(size_t index)
{
	return index < sizeof(table) / sizeof(*table) ? &table[index] : NULL;
}

static bool is_labelled(const struct cm_charset *charset, struct cm_span label)
{
	struct cm_span rest = cm_span(charset->labels);

	while (rest.n > 0)
		if (cm_span_caseeq(cm_span_cut(&rest, ' '), label))
			return true;
	return false;
}

const struct cm_charset *cm_charset_find(struct cm_span label)
{
	size_t i;

	if (label.n == 0)
		return NULL;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (is_labelled(&table[i], label))
			return &table[i];
	return NULL;
}

/* RFC 2781, 3.2: the mark is U+FEFF in the order of what follows. */
const struct cm_charset *cm_charset_resolve(const struct cm_charset *charset,
					    struct cm_span text)
{
	static const struct {
		const char *of;
		const char *mark;
		size_t n;
		const char *is;
	} marks[] = {
		{"utf-16", "\xff\xfe", 2, "utf-16le"},
		{"utf-16", "\xfe\xff", 2, "utf-16be"},
		{"utf-32", "\xff\xfe\0\0", 4, "utf-32le"},
		{"utf-32", "\0\0\xfe\xff", 4, "utf-32be"},
	};
	size_t i;

	if (charset->kind != CM_CHARSET_WIDE || charset->readers[0] != NULL)
		return charset;
	for (i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (strcmp(charset->name, marks[i].of) == 0 &&
		    text.n >= marks[i].n &&
		    memcmp(text.p, marks[i].mark, marks[i].n) == 0)
			return cm_charset_find(cm_span(marks[i].is));
	return NULL;
}
