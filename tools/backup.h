/*
 * backup - what backup and restore agree on: the manifest of the folder.
 */
#ifndef CM_TOOLS_BACKUP_H
#define CM_TOOLS_BACKUP_H

enum {
	CM_BACKUP_FORMAT = 1,
	CM_BACKUP_MANIFEST_MAX = 1 << 14, /* octets; some 1,000 are used */
};
#define CM_BACKUP_MANIFEST "manifest.json"

#endif
