/* See edit_word.h. */
#include "milter/edit_word.h"

#include <string.h>

#define RESEND "Ask who sends it to send well-formed MIME."

static const struct cm_edit_word words[] = {
	{CM_BODY_NOT_WANTED, "off",
	 "The stream says footer = no: headers only, by choice.", NULL},
	{CM_BODY_NOT_WANTED, "nolink", "There is no link to put into a footer.",
	 "Give the configuration a web section."},
	{CM_BODY_NOT_WANTED, "done",
	 "Every part that is shown has this recipient's link already: the "
	 "message passed here before.",
	 NULL},

	{CM_BODY_UNEDITABLE, "size", "The body is larger than max-edit-size.",
	 "Raise max-edit-size, or link to large files instead of attaching "
	 "them."},
	{CM_BODY_UNEDITABLE, "dkim",
	 "Somebody signed the message before us (DKIM, ARC), and a footer "
	 "would break the signature.",
	 "Let consent-milter come before the signer, or set presigned = "
	 "resign."},
	{CM_BODY_UNEDITABLE, "dkim-list",
	 "Somebody signed the message before us, its list headers, too, so "
	 "that no way out of ours can be shown at all.",
	 "Let consent-milter come before the signer, or set presigned = "
	 "resign."},

	{CM_BODY_UNEDITABLE, "signed",
	 "It is signed by its author (multipart/signed).", NULL},
	{CM_BODY_UNEDITABLE, "encrypted",
	 "It is encrypted (multipart/encrypted).", NULL},
	{CM_BODY_UNEDITABLE, "smime",
	 "It is one S/MIME object, signed or encrypted.", NULL},
	{CM_BODY_UNEDITABLE, "pgp", "Its text is signed or encrypted with PGP.",
	 NULL},

	{CM_BODY_UNEDITABLE, "notext",
	 "No part of it is text that a person is shown.", NULL},
	{CM_BODY_UNEDITABLE, "attachment",
	 "The text it has is an attachment, which nobody opens for a footer.",
	 "Let the tool send the text inline."},
	{CM_BODY_UNEDITABLE, "shape",
	 "Its parts are a report, a digest, a form or one file: none of them "
	 "is "
	 "a message's text.",
	 NULL},
	{CM_BODY_UNEDITABLE, "type",
	 "One of its alternatives is of a type that cannot be edited, and who "
	 "is shown that one would see no footer.",
	 "Let the tool send text/plain and text/html only."},
	{CM_BODY_UNEDITABLE, "start",
	 "Its multipart/related names a root part that it does not have, or "
	 "has twice.",
	 NULL},
	{CM_BODY_UNEDITABLE, "partial",
	 "It is a piece of a message (message/partial), which must be the same "
	 "when it is put together again.",
	 "Let the tool send whole messages."},

	{CM_BODY_UNEDITABLE, "charset",
	 "A text is in a charset that nobody knows, or that the footer cannot "
	 "surely be put into; or it is not in the one that it claims, and the "
	 "footer is not ASCII.",
	 "Let the tool send UTF-8."},
	{CM_BODY_UNEDITABLE, "encoding",
	 "A text's Content-Transfer-Encoding is unknown, or its content "
	 "breaks the encoding's rules.",
	 RESEND},
	{CM_BODY_UNEDITABLE, "format",
	 "A plain text has a format parameter other than fixed and flowed.",
	 NULL},
	{CM_BODY_UNEDITABLE, "binary",
	 "NULs or binary content stand where text should be.", RESEND},
	{CM_BODY_UNEDITABLE, "line",
	 "A line is longer than mail allows (998 octets), or ends with a bare "
	 "CR or LF.",
	 RESEND},

	{CM_BODY_UNEDITABLE, "html",
	 "The HTML leaves open something that swallows what comes after it, "
	 "or browsers would show the footer elsewhere.",
	 "Close all tags and comments in the template."},
	{CM_BODY_UNEDITABLE, "hidden",
	 "What is open at the end of the HTML is not shown, so the footer "
	 "would not be, either.",
	 "Close hidden elements in the template."},
	{CM_BODY_UNEDITABLE, "frameset",
	 "The HTML is a frameset, which has no text of its own.", NULL},
	{CM_BODY_UNEDITABLE, "plaintext",
	 "The HTML has a <plaintext>, which nothing ends.",
	 "Take it out of the template."},
	{CM_BODY_UNEDITABLE, "depth",
	 "Its parts or its HTML are nested deeper than we follow.", NULL},

	{CM_BODY_UNEDITABLE, "boundary",
	 "The MIME boundaries are missing, broken or open.", RESEND},
	{CM_BODY_UNEDITABLE, "header",
	 "A MIME header field, or the header of a part, cannot be read.",
	 RESEND},
	{CM_BODY_UNEDITABLE, "parameter",
	 "A MIME header field has parameters that mail programs read in "
	 "different ways.",
	 RESEND},
	{CM_BODY_UNEDITABLE, "duplicate",
	 "A MIME header field or parameter stands twice, so that mail programs "
	 "may disagree about it.",
	 RESEND},
	{CM_BODY_UNEDITABLE, "version", "Its MIME-Version is not 1.0.", RESEND},
	{CM_BODY_UNEDITABLE, "parts", "It has more parts than we follow.",
	 NULL},

	{CM_BODY_DISPROVED, "disproved",
	 "The edited message did not pass its own proof, and so the body went "
	 "out as it came: a bug of consent-milter.",
	 "Please report it, with the message if you can."},
};

enum { WORDS = sizeof(words) / sizeof(words[0]) };

const struct cm_edit_word *cm_edit_word_at(size_t index)
{
	return index < WORDS ? &words[index] : NULL;
}

/* What disproved it is for whoever looks into it; the row is the same. */
static bool is_of(const struct cm_edit_word *row, const struct cm_edit *edit)
{
	enum cm_body_outcome outcome = edit->outcome;

	if (outcome == CM_BODY_WRAPPED)
		outcome = edit->disproof != NULL ? CM_BODY_DISPROVED
						 : CM_BODY_UNEDITABLE;
	if (row->outcome != outcome)
		return false;
	return row->outcome == CM_BODY_DISPROVED ||
	       strcmp(row->word, edit->why) == 0;
}

const struct cm_edit_word *cm_edit_word_of(const struct cm_edit *edit)
{
	size_t i;

	if (edit->outcome == CM_BODY_FOOTER || edit->why == NULL)
		return NULL;
	for (i = 0; i < WORDS; i++)
		if (is_of(&words[i], edit))
			return &words[i];
	return NULL;
}
