/*
 * template - texts people read.
 *
 *   FOLDER/layout.html        head, style and frame of every page
 *   FOLDER/ask.html ...       what each page has, the same for all languages
 *   FOLDER/letter.txt, letter.html ...   the same of letters
 *   FOLDER/<lang>/pages.txt   their words, "key = text" a line
 *   FOLDER/<lang>/data.txt    more of them: those whose key begins with "data-"
 *   FOLDER/<lang>/footer.txt, footer.html   what goes into mail
 *
 * UTF-8.  "{{name}}" is replaced by a value, "{{text:key}}" (in pages) by a
 * text of the reader's language, which may hold values itself.  In .html files
 * texts and values are escaped.  An unknown name, an unclosed "{{", a key
 * that a language lacks, a file that is not UTF-8 or is missing is a start-up
 * error (pitfall 37): no raw placeholder ever reaches a person.  So is a
 * footer that lacks {{link}}.  What else it should have is policy/footer_law's.
 * A footer's line with {{privacy-notice}} or {{marker}} goes where that is
 * empty.
 *
 * Values are the caller's (policy/template_cut.c has their names); language
 * ("pt-br") and dir ("ltr", "rtl") are always filled in here.
 */
#ifndef CM_POLICY_TEMPLATE_H
#define CM_POLICY_TEMPLATE_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/str.h"

enum cm_template_kind {
	CM_TEMPLATE_FOOTER_TEXT,
	CM_TEMPLATE_FOOTER_HTML,
	CM_TEMPLATE_LAYOUT,         /* around every page: {{main}} */
	CM_TEMPLATE_PAGE_ASK,       /* "stop ... ?" with one button */
	CM_TEMPLATE_PAGE_ASK_AGAIN, /* the link is older than the grant */
	CM_TEMPLATE_PAGE_DONE,      /* "you will get no more ..." */
	CM_TEMPLATE_PAGE_KEEP,      /* "keep ... ?", to who was asked */
	CM_TEMPLATE_PAGE_KEPT,      /* "... goes on" */
	CM_TEMPLATE_PAGE_BACK,      /* a click was taken back */
	CM_TEMPLATE_PAGE_THANKS,    /* for a reason */
	CM_TEMPLATE_PAGE_PREFERENCES,
	CM_TEMPLATE_PAGE_SUBSCRIBE,    /* the form */
	CM_TEMPLATE_PAGE_ASKED,        /* "look into your mailbox" */
	CM_TEMPLATE_PAGE_CONFIRM,      /* behind the mailed link */
	CM_TEMPLATE_PAGE_CONFIRMED,    /* "you are subscribed" */
	CM_TEMPLATE_PAGE_CANCELLED,    /* "I did not ask for this" */
	CM_TEMPLATE_PAGE_CONFIRM_OLD,  /* the link is over its days */
	CM_TEMPLATE_PAGE_CONFIRM_OVER, /* or they refused since */
	/* What is on record about the person behind a mailed link. */
	CM_TEMPLATE_PAGE_MY_DATA,
	CM_TEMPLATE_PAGE_MY_DATA_GONE,  /* erased: what is left */
	CM_TEMPLATE_PAGE_MY_DATA_NONE,  /* nothing ever was */
	CM_TEMPLATE_PAGE_MY_DATA_ENDED, /* the link is over its day */
	CM_TEMPLATE_PAGE_ERASE,         /* what would go, and the button */
	CM_TEMPLATE_PAGE_LOST,          /* an address, for who lost the mail */
	CM_TEMPLATE_PAGE_LOST_SENT,     /* the same for every address */
	CM_TEMPLATE_PAGE_INVALID,       /* not one of our links */
	CM_TEMPLATE_PAGE_NO_TOKEN,      /* mail to several; how to leave */
	CM_TEMPLATE_PAGE_LATER,         /* we failed; try again */
	CM_TEMPLATE_PAGE_LATER_FORM,    /* ditto, with a form, not a link */
	/* Parts of pages, made apart and put into {{who}}, {{all}} ... */
	CM_TEMPLATE_PART_WHO,     /* the brand's name */
	CM_TEMPLATE_PART_LOGO,    /* or its picture */
	CM_TEMPLATE_PART_PRIVACY, /* link to the privacy notice */
	CM_TEMPLATE_PART_ALL,     /* "stop everything" */
	CM_TEMPLATE_PART_MANAGE,  /* link to the preferences */
	CM_TEMPLATE_PART_UNDO,    /* "take it back" */
	CM_TEMPLATE_PART_REASONS, /* "why?" */
	/* Of the preferences: the button for all, or that there is nothing;
	 * a row a purpose; what the last button did. */
	CM_TEMPLATE_PART_STOP_ALL,
	CM_TEMPLATE_PART_NOTHING,
	CM_TEMPLATE_PART_CHOICE_ON,
	CM_TEMPLATE_PART_CHOICE_OFF,
	CM_TEMPLATE_PART_CHOICE_MORE, /* off, with a button */
	CM_TEMPLATE_PART_LOST_LINK,   /* where a link is to be had */
	CM_TEMPLATE_PART_DATA_SEND,   /* "send me a link to my data" */
	/* Of somebody's data: a row, a purpose, an event, mail that left, what
	 * it is for; and the buttons, or why there is none. */
	CM_TEMPLATE_PART_DATA_ROW,
	CM_TEMPLATE_PART_DATA_STANDING,
	CM_TEMPLATE_PART_DATA_EVENT,
	CM_TEMPLATE_PART_DATA_SENT,
	CM_TEMPLATE_PART_DATA_RIGHTS,
	CM_TEMPLATE_PART_DATA_TAKE,
	CM_TEMPLATE_PART_DATA_ERASE,
	CM_TEMPLATE_PART_DATA_KEPT,
	CM_TEMPLATE_PART_SAID_SENT,
	CM_TEMPLATE_PART_SAID_ERASED,
	CM_TEMPLATE_PART_SAID_KEPT,
	CM_TEMPLATE_PART_SAID_STOPPED,
	CM_TEMPLATE_PART_SAID_BACK,
	CM_TEMPLATE_PART_SAID_AGAIN,
	CM_TEMPLATE_PART_SAID_ASKED,
	/* Of the form: what it is about, its boxes, what was wrong. */
	CM_TEMPLATE_PART_INTRO,
	CM_TEMPLATE_PART_BOX,
	CM_TEMPLATE_PART_ABOUT, /* of a purpose: what one gets */
	CM_TEMPLATE_PART_SAID_CHECK,
	CM_TEMPLATE_PART_SAID_NO_ADDRESS,
	CM_TEMPLATE_PART_SAID_NO_BOX,
	CM_TEMPLATE_PART_ITEM,  /* a purpose that is asked for */
	CM_TEMPLATE_PART_AGAIN, /* link to the form */
	CM_TEMPLATE_PART_EMBED, /* for pages of others: consentctl form */
	CM_TEMPLATE_PART_FRAME,
	/* Letters, each as text and as HTML; and what is around them and in
	 * them. */
	CM_TEMPLATE_LETTER_TEXT, /* {{main}} */
	CM_TEMPLATE_LETTER_HTML,
	CM_TEMPLATE_LETTER_CONFIRM_TEXT, /* "did you ask for this?" */
	CM_TEMPLATE_LETTER_CONFIRM_HTML,
	CM_TEMPLATE_LETTER_LOST_TEXT, /* a link to the preferences */
	CM_TEMPLATE_LETTER_LOST_HTML,
	CM_TEMPLATE_LETTER_DATA_TEXT, /* a link to one's data */
	CM_TEMPLATE_LETTER_DATA_HTML,
	CM_TEMPLATE_LETTER_PURPOSE_TEXT, /* a row of {{purposes}} */
	CM_TEMPLATE_LETTER_PURPOSE_HTML,
	CM_TEMPLATE_KINDS
};

/* Texts that are chosen by what is on record, not by a page. */
enum cm_template_word {
#define CM_TEMPLATE_WORD(symbol, key) CM_WORD_##symbol,
#include "policy/template_word.def"
#undef CM_TEMPLATE_WORD
	CM_TEMPLATE_WORDS
};

struct cm_template_value {
	const char *name;
	const char *value;
};

struct cm_templates; /* read-only after loading; shared by threads */

CM_MUST_CHECK int cm_templates_load(const char *folder,
				    const char *default_language,
				    struct cm_templates **ret_templates,
				    struct cm_error *err);
void cm_templates_free(struct cm_templates **templates);

/*
 * The language to use: the first of the wanted ones ("cs", "pt-br", an
 * Accept-Language or Content-Language list; NULL skipped) that there is a
 * folder for, exact tag first, then its primary subtag; else the default.
 */
const char *cm_templates_language(const struct cm_templates *templates,
				  const char *const *wanted, size_t count);

/* The languages that there are: "bg", "cs". */
size_t cm_templates_count(const struct cm_templates *templates);
const char *cm_templates_at(const struct cm_templates *templates, size_t i);

/* Fill one in; names not given are empty, of one given twice the last counts.
 * Appends to out. */
CM_MUST_CHECK int cm_template_fill(const struct cm_templates *templates,
				   enum cm_template_kind kind,
				   const char *language,
				   const struct cm_template_value *values,
				   size_t count, struct cm_buf *out);

/* The title of a page or letter, as plain text; nothing for a part. */
CM_MUST_CHECK int cm_template_title(const struct cm_templates *templates,
				    enum cm_template_kind kind,
				    const char *language,
				    const struct cm_template_value *values,
				    size_t count, struct cm_buf *out);

/* A word as plain text, without values; appended to out. */
CM_MUST_CHECK int cm_template_word(const struct cm_templates *templates,
				   enum cm_template_word word,
				   const char *language, struct cm_buf *out);

/* True for right-to-left languages (ar, fa, he, ur, yi ...). */
bool cm_language_is_rtl(const char *language);

#endif
