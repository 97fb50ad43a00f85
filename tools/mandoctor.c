/*
 * mandoctor FRAME - print consentctl-doctor(1).
 *
 * Copies FRAME and puts, in place of the line "@CHECKS@", every row of
 * tools/doctor_table.c as mdoc.  Used by the build alone.
 */
#include <stdio.h>

#include "tools/doctor.h"
#include "tools/mdoc.h"

static void print_checks(void)
{
	size_t i;

	puts(".Bl -tag -width Ds");
	for (i = 0; i < cm_ndoctor_checks; i++) {
		const struct cm_doctor_check *check = &cm_doctor_checks[i];

		printf(".It Cm %s Pq %s\n", check->id,
		       cm_finding_name(check->severity));
		cm_mdoc_text(check->what);
	}
	puts(".El");
}

int main(int argc, char **argv)
{
	return cm_mdoc_page(argc, argv, "@CHECKS@\n", print_checks);
}
