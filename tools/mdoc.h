/*
 * mdoc - manual pages whose lists are made of the tables that programs go by.
 *
 * Used by the build alone.
 */
#ifndef CM_TOOLS_MDOC_H
#define CM_TOOLS_MDOC_H

/* A plain text, each sentence on lines of its own as mdoc wants it. */
void cm_mdoc_text(const char *text);

/*
 * All of main(): copy the file that the command line names, with what list()
 * prints in the place of the line mark.  Returns the exit status.
 */
int cm_mdoc_page(int argc, char **argv, const char *mark, void (*list)(void));

#endif
